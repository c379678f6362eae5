// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway sql`: a person looks into the log.
struct SQLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Ask the log in SQL, also while the gateway runs; nothing can be written.",
        discussion: """
            With a statement it runs that and ends; without one it reads statements from the prompt \
            or from standard input. docs/sql.md has examples. Exits with 1 if a statement failed, \
            73 if the database can't be opened, 130 if Ctrl-C stopped a statement.
            """
    )

    /// Where `--follow` begins.
    enum Start: String, ExpressibleByArgument {
        case beginning
        case now
    }

    @OptionGroup var file: ConfigurationOption

    @Option(help: "The database, in place of the one that the configuration names.")
    var database: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "Comma-separated values with a header (RFC 4180).")
    var csv = false

    @Option(help: "How long one statement may take.")
    var timeout = "30s"

    @Flag(help: "Evaluate the statement on new events as they come, until Ctrl-C.")
    var follow = false

    @Option(help: "Where --follow begins: now, or beginning for all events that are there.")
    var from: Start?

    @Argument(help: "Statements, separated by semicolons.")
    var statement: String?

    func validate() throws {
        guard !json || !csv else { throw ValidationError("--json and --csv exclude each other") }
        guard database == nil || file.config == ConfigurationOption.standardPath else {
            throw ValidationError("--config and --database exclude each other")
        }
        guard let milliseconds = DurationText.milliseconds(timeout),
            (1...86_400_000).contains(milliseconds)
        else { throw ValidationError("--timeout must be from 1ms to 1d, as in 30s or 5m") }
        guard !follow || statement != nil else {
            throw ValidationError("--follow needs a statement")
        }
        guard follow || from == nil else { throw ValidationError("--from is for --follow") }
    }

    func run() throws {
        let path = try database ?? file.load().gateway.dataDirectory + "/" + EventLog.fileName
        QuerySignals.watch()
        ReadOnlyDatabase.limitMemory()
        let budget = QueryBudget(milliseconds: DurationText.milliseconds(timeout) ?? 30_000)
        let output = ResultOutput(descriptor: STDOUT_FILENO, budget: budget)
        do throws(QueryError) {
            if follow {
                try self.follow(path, output, budget)
            } else {
                try ask(path, output, budget)
            }
        } catch .outputClosed {
            // `| head` has seen enough.
        } catch {
            StandardError.print("gateway sql: \(error)")
            switch error {
            case .cannotOpen: throw ExitCode(73)
            case .cannotFollow: throw ExitCode(64)
            case .interrupted: throw ExitCode(130)
            default: throw ExitCode(1)
            }
        }
    }
}

extension SQLCommand {
    private var format: ResultFormat { json ? .json : csv ? .csv : .table }

    private func follow(
        _ path: String,
        _ output: ResultOutput,
        _ budget: QueryBudget
    )
        throws(QueryError)
    {
        try Follow(
            statement ?? "",
            path: path,
            fromBeginning: from == .beginning,
            format: format,
            output: output,
            budget: budget,
            report: { StandardError.print("gateway sql: \($0)") }
        )
        .run()
    }

    private func ask(
        _ path: String,
        _ output: ResultOutput,
        _ budget: QueryBudget
    )
        throws(QueryError)
    {
        let database = try ReadOnlyDatabase(path: path, budget: budget)
        let runner = QueryRunner(database: database, output: output, format: format)
        if let statement { return try runner.run(statement) }
        try Prompt(
            source: source(of: database, output),
            runner: runner,
            output: output,
            report: { StandardError.print($0) }
        )
        .run()
    }

    private func source(
        of database: ReadOnlyDatabase,
        _ output: ResultOutput
    )
        -> any LineSource
    {
        guard isatty(STDIN_FILENO) == 1, output.isTerminal else { return InputLines() }
        let history = QueryHistory.file(environment: ProcessInfo.processInfo.environment)
        let editor = LineEditor(historyFile: history) { line, before in
            // Completion is no place for errors: without a catalogue there are only keywords.
            let catalogue = (try? Catalogue(database)) ?? Catalogue(entries: [])
            return Completion(line: line, before: before, catalogue)
        }
        guard let editor else { return InputLines() }
        StandardOutput.print("\(database.path), read only. .help explains, Ctrl-D ends.")
        return editor
    }
}
