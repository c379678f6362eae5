// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway deadletters`: what could not be decoded or delivered.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deadletters",
        abstract: "List, group, show, export and replay what could not be decoded or delivered.",
        discussion: """
            Works while the gateway runs, and while it does not; run it as the gateway's user. Exits with 73 \
            if the log can't be opened. docs/dead-letters.md goes through a repair.
            """,
        subcommands: [
            List.self, Group.self, Show.self, Export.self, DeadLettersReplayCommand.self,
        ]
    )
}

/// Which dead letters a subcommand is about.
struct DeadLetterOptions: ParsableArguments {
    @Option(help: "Of this source, this sink, or table/NAME.")
    var source: String?

    @Option(help: "Whose topic matches this filter, as in a subscription: fleet/+/state.")
    var topic: String?

    @Option(help: "Of this kind (not_json), or with this text in the reason.")
    var reason: String?

    @Option(help: "Since then: 2026-11-27T06:00:00Z, or how long ago: 2h.")
    var since: String?

    @Option(help: "Before then, written the same way.")
    var until: String?

    @Flag(name: .customLong("not-replayed"), help: "Only those that were not replayed.")
    var notReplayed = false

    @Option(help: "At most so many: the newest.")
    var limit: Int?

    var isEmpty: Bool {
        source == nil && topic == nil && reason == nil && since == nil && until == nil
            && !notReplayed && limit == nil
    }

    func validate() throws {
        guard limit ?? 1 > 0 else { throw ValidationError("--limit must be at least 1") }
        _ = try filter()
    }

    func filter() throws -> DeadLetterFilter {
        let now = WallClock.now()
        func moment(_ name: String, _ text: String?) throws -> Timestamp? {
            guard let text else { return nil }
            guard let time = DeadLetterFilter.time(text, now: now) else {
                throw ValidationError(
                    "\(name) must be a time such as 2026-11-27T06:00:00Z, or a duration such as 2h"
                )
            }
            return time
        }
        var filter = DeadLetterFilter(source: source, reason: reason, isOpen: notReplayed)
        filter.since = try moment("--since", since)
        filter.until = try moment("--until", until)
        guard let topic else { return filter }
        do {
            filter.topic = try TopicPattern(topic)
        } catch {
            throw ValidationError("--topic \(error.message)")
        }
        return filter
    }
}

extension ConfigurationOption {
    /// The configuration and the dead letters of its log, for as long as `body` reads them.
    func withDeadLetters<Result>(
        _ body: (Configuration, DeadLetterReader) throws -> Result
    ) throws -> Result {
        let configuration = try load()
        do {
            let path = configuration.gateway.dataDirectory + "/" + EventLog.fileName
            return try body(configuration, DeadLetterReader(path: path))
        } catch let error as QueryError {
            if error == .outputClosed { throw ExitCode.success }
            StandardError.print("gateway deadletters: \(error)")
            if case .cannotOpen = error { throw ExitCode(73) }
            throw ExitCode(1)
        }
    }
}

extension DeadLettersCommand {
    /// Results, which may go into a pipe that ends early.
    private static func output() -> ResultOutput {
        ResultOutput(descriptor: STDOUT_FILENO, budget: QueryBudget(milliseconds: 30_000))
    }

    /// `list`: one line each.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "One line each, the newest last; the newest 100 unless --limit says otherwise."
        )
        private static let standardLimit = 100

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var which: DeadLetterOptions

        func run() throws {
            try file.withDeadLetters { _, reader in
                let limit = which.limit ?? Self.standardLimit
                // One more tells whether there are more.
                let rows = try reader.select(which.filter(), limit: limit + 1) {
                    DeadLetterLines.cells($0)
                }
                let lines = DeadLetterLines.aligned(
                    [DeadLetterLines.header] + rows.suffix(limit),
                    width: DeadLetterLines.terminalWidth()
                )
                let output = output()
                for line in lines { try output.write(line + "\n") }
                try output.flush()
                guard rows.count > limit, which.limit == nil else { return }
                StandardError.print("There are more; --limit shows them.")
            }
        }
    }

    /// `group`: how many, and why.
    struct Group: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How many there are of each kind, source and topic pattern; the most first."
        )

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var which: DeadLetterOptions

        func run() throws {
            try file.withDeadLetters { configuration, reader in
                var groups = DeadLetterGroups(configuration)
                let filter = try which.filter()
                if let limit = which.limit {
                    let offsets = try reader.select(filter, limit: limit) { $0.offset }
                    for offset in offsets { try reader.letter(at: offset).map { groups.add($0) } }
                } else {
                    try reader.visit { if filter.takes($0) { groups.add($0) } }
                }
                let rows = groups.sorted.map { group in
                    [
                        "\(group.count)", "\(group.replayed)", group.key.reason, group.key.source,
                        group.key.topic, group.first.iso8601, group.last.iso8601,
                        "\(group.example)", group.words,
                    ]
                    .map { TableWriter.visible($0) }
                }
                let header = [
                    "COUNT", "REPLAYED", "KIND", "SOURCE", "TOPIC", "FIRST", "LAST", "EXAMPLE",
                    "WHICH SAYS",
                ]
                let lines = DeadLetterLines.aligned(
                    [header] + rows,
                    width: DeadLetterLines.terminalWidth()
                )
                let output = output()
                for line in lines { try output.write(line + "\n") }
                try output.flush()
            }
        }
    }

    /// `show`: everything about one.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Everything about one, with its payload and a caret at the place that is wrong."
        )

        @OptionGroup var file: ConfigurationOption

        @Argument(help: "Its offset, as list tells it.")
        var offset: Int64

        func run() throws {
            try file.withDeadLetters { configuration, reader in
                guard let letter = try reader.letter(at: offset) else {
                    StandardError.print(
                        "gateway deadletters: the log holds no dead letter at offset \(offset)"
                    )
                    throw ExitCode(1)
                }
                var refusal: String?
                do throws(ReplayRefusal) {
                    _ = try ReplayRoute(configuration).message(letter)
                } catch {
                    refusal = error.reason
                }
                let output = output()
                for line in DeadLetterPage(letter: letter, refusal: refusal).lines {
                    try output.write(line + "\n")
                }
                try output.flush()
            }
        }
    }

    /// `export`: for mending by hand.
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "As JSON lines on standard output, or each payload into a file of its own."
        )

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var which: DeadLetterOptions

        @Option(help: "Write OFFSET.payload files and their topics, index.jsonl, into this folder.")
        var raw: String?

        func run() throws {
            try file.withDeadLetters { _, reader in
                let folder = try raw.map { path in
                    do {
                        return try DeadLetterExport.Folder(path: path)
                    } catch {
                        StandardError.print(
                            "gateway deadletters: no export to \(path), or one is there already: "
                                + error.localizedDescription
                        )
                        throw ExitCode(1)
                    }
                }
                let output = output()
                for offset in try reader.select(
                    which.filter(),
                    limit: which.limit ?? .max,
                    { $0.offset }
                ) {
                    guard let letter = try reader.letter(at: offset) else { continue }
                    if let folder {
                        try folder.write(letter)
                    } else {
                        try output.write(DeadLetterExport.line(letter) + Array("\n".utf8))
                    }
                }
                try output.flush()
            }
        }
    }
}
