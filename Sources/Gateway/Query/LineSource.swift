// SPDX-License-Identifier: Apache-2.0

/// What a source of lines gave.
enum LineRead: Equatable {
    case line(String)
    /// Ctrl-C: what was typed so far is void.
    case interrupted
    case end
}

/// Where statements come from when they are not arguments.
protocol LineSource: AnyObject {
    /// A person types: a statement that fails is not the end.
    var isInteractive: Bool { get }
    /// The next line; `before` is what the statement has in the lines above.
    func next(before: String) -> LineRead
    /// Takes a whole statement into the history.
    func remember(_ statement: String)
}

/// Standard input that is a pipe or a file.
final class InputLines: LineSource {
    let isInteractive = false

    func next(before: String) -> LineRead {
        if let line = readLine() { return .line(line) }
        return QuerySignals.isCancelled ? .interrupted : .end
    }

    func remember(_ statement: String) {}
}
