// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// What every subcommand of `gateway schema` takes.
struct SchemaOptions: ParsableArguments {
    /// How long the log may be read for; meanwhile its write-ahead file can't be emptied.
    private static let milliseconds: Int64 = 30_000

    @OptionGroup var file: ConfigurationOption

    @Option(
        help: "The database, in place of the one that the configuration names; without units."
    )
    var database: String?

    @Flag(help: "JSON in one line, as /api/schemas answers it.")
    var json = false

    @Option(help: "Only groups of this source.")
    var source: String?

    @Option(help: "Only groups of this topic pattern: 'fleet/{vehicle}/state'.")
    var topic: String?

    @Option(help: "Only the group of this name; \"\" is the one without.")
    var group: String?

    func validate() throws {
        guard database == nil || file.config == ConfigurationOption.standardPath else {
            throw ValidationError("--config and --database exclude each other")
        }
    }

    var selection: SchemaSelection {
        SchemaSelection(source: source, topic: topic, group: group)
    }

    /// Reads from one state of the log, then writes the result.
    func ask<Found>(
        _ read: (SchemaReader, SchemaUnits) throws -> Found,
        then write: (Found, SchemaUnits, ResultOutput) throws -> Void
    ) throws {
        let configuration = try database == nil ? file.load() : nil
        let folder = configuration?.gateway.dataDirectory ?? ""
        let path = database ?? folder + "/" + EventLog.fileName
        QuerySignals.watch()
        let units = SchemaUnits(configuration?.signals ?? [])
        do {
            let budget = QueryBudget(milliseconds: Self.milliseconds)
            let log = try ReadOnlyDatabase(path: path, budget: budget)
            let reader = SchemaReader(option: { "--\($0)" }) { try log.rows($0, with: $1) }
            let found = try log.snapshot { try read(reader, units) }
            budget.begin()
            let output = ResultOutput(descriptor: STDOUT_FILENO, budget: budget)
            try write(found, units, output)
            try output.flush()
        } catch let error as SchemaRefusal {
            StandardError.print("gateway schema: \(error)")
            throw ExitCode(64)
        } catch let error as QueryError {
            guard let code = Self.exitCode(of: error) else { return }
            StandardError.print("gateway schema: \(Self.explain(error, path))")
            throw code
        }
    }

    /// `nil` when there is nothing wrong: `| head` has seen enough.
    private static func exitCode(of error: QueryError) -> ExitCode? {
        switch error {
        case .outputClosed: nil
        case .interrupted: ExitCode(130)
        // 1 is the answer that two versions are different.
        default: ExitCode(73)
        }
    }

    private static func explain(_ error: QueryError, _ path: String) -> String {
        switch error {
        case .failed(let failure) where failure.message.contains("no such table: schema_"):
            "the database \(path) has no schema history: an older gateway has written it; start "
                + "this version on it once"
        case .timedOut:
            "the log could not be read within \(milliseconds / 1_000) seconds; narrow it with "
                + "--source, --topic and --group"
        default: error.description
        }
    }
}
