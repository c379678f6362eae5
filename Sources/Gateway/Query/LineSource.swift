// SPDX-License-Identifier: Apache-2.0
import Foundation

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
    private static let readBytes = 16 << 10

    let isInteractive = false
    private var bytes: [UInt8] = []
    private var isAtEnd = false

    func next(before: String) -> LineRead {
        while true {
            if let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                defer { bytes.removeSubrange(...newline) }
                return .line(String(decoding: bytes[..<newline], as: UTF8.self))
            }
            guard !isAtEnd else {
                defer { bytes = [] }
                return bytes.isEmpty ? .end : .line(String(decoding: bytes, as: UTF8.self))
            }
            guard read() else { return .interrupted }
        }
    }

    func remember(_ statement: String) {}

    /// Takes what is there; false when a signal came first.
    private func read() -> Bool {
        var ready = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: QuerySignals.wake, events: Int16(POLLIN), revents: 0),
        ]
        guard unsafe poll(&ready, 2, -1) >= 0 else { return errno == EINTR }
        guard ready[1].revents == 0 else { return false }
        var piece = [UInt8](repeating: 0, count: Self.readBytes)
        let count = unsafe Foundation.read(STDIN_FILENO, &piece, piece.count)
        if count > 0 {
            bytes += piece[..<count]
        } else if count == 0 || errno != EINTR {
            isAtEnd = true
        }
        return true
    }
}
