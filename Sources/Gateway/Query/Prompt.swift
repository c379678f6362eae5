// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// Reads statements line by line and runs each when its semicolon has come.
final class Prompt {
    /// A statement is typed or generated, not a file of data.
    private static let statementBytesMax = 1 << 20

    private let source: any LineSource
    private let runner: QueryRunner
    private let output: ResultOutput
    private let report: (String) -> Void
    private var pending = ""

    init(
        source: any LineSource,
        runner: QueryRunner,
        output: ResultOutput,
        report: @escaping (String) -> Void
    ) {
        self.source = source
        self.runner = runner
        self.output = output
        self.report = report
    }

    /// Runs until the end of the input; throws the failure that ended it.
    func run() throws(QueryError) {
        while true {
            switch source.next(before: pending) {
            case .end:
                try take(pending)
                return
            case .interrupted:
                guard source.isInteractive, !QuerySignals.isEnding else { throw .interrupted }
                pending = ""
                QuerySignals.rearm()
            case .line(let line):
                guard try take(line: line) else { return }
            }
        }
    }

    /// Takes one line; tells whether to go on.
    private func take(line: String) throws(QueryError) -> Bool {
        let word = line.drop(while: \.isWhitespace)
        if pending.isEmpty {
            guard !word.isEmpty else { return true }
            if word.first == "." { return try take(DotCommand(String(word)), line) }
        }
        pending += line + "\n"
        guard pending.utf8.count <= Self.statementBytesMax else {
            pending = ""
            try tell(.refused("a statement has at most \(ByteSizeText.text(1 << 20))"))
            return true
        }
        guard unsafe sqlite3_complete(pending) != 0 else { return true }
        let statement = pending
        pending = ""
        try take(statement)
        return true
    }

    private func take(_ statement: String) throws(QueryError) {
        guard statement.contains(where: { !$0.isWhitespace }) else { return }
        source.remember(statement)
        QuerySignals.rearm()
        do throws(QueryError) {
            try runner.run(statement)
        } catch {
            try tell(error)
        }
    }

    private func take(_ command: DotCommand, _ line: String) throws(QueryError) -> Bool {
        source.remember(line)
        do throws(QueryError) {
            switch command {
            case .quit: return false
            case .help: try output.write(DotCommand.helpText + "\n")
            case .tables: try output.write(runner.tablesText() + "\n")
            case .schema(let name): try output.write(runner.schemaText(name) + "\n")
            case .unknown(let text): throw .refused("\(text): there is no such command; see .help")
            }
            try output.flush()
        } catch {
            try tell(error)
        }
        return true
    }

    /// At a terminal a failure is told; otherwise it is the end.
    private func tell(_ error: QueryError) throws(QueryError) {
        guard source.isInteractive, error != .outputClosed, !QuerySignals.isEnding else {
            throw error
        }
        QuerySignals.rearm()
        report(error.description)
    }
}
