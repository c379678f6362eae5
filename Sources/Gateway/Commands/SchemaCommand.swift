// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `gateway schema`: a person sees what vehicles send, and how that came about.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "See what vehicles send, since when, and what has changed; also while it runs.",
        discussion: """
            Without a subcommand it lists the groups whose schema is known or being learned. \
            docs/schema-command.md has examples. Exits with 64 if the options don't say which group \
            or version is meant, 73 if the log can't be read; diff with 1 if there is a difference.
            """,
        subcommands: [
            SchemaListCommand.self, SchemaShowCommand.self, SchemaHistoryCommand.self,
            SchemaDiffCommand.self, SchemaExportCommand.self,
        ],
        defaultSubcommand: SchemaListCommand.self
    )
}

/// `gateway schema list`.
struct SchemaListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "One line for each group of vehicles whose messages are compared."
    )

    @OptionGroup var options: SchemaOptions

    func run() throws {
        try options.ask { reader, _ in
            try reader.groups(options.selection)
        } then: { groups, _, output in
            if options.json { return try output.write(SchemaAnswer.list(groups)) }
            guard !groups.isEmpty else {
                return try output.write("No schema was seen yet that fits.\n")
            }
            let table = TableWriter(output, columns: SchemaText.listColumns)
            for group in groups { try table.write(SchemaText.row(group)) }
            try table.finish()
        }
    }
}

/// `gateway schema show`.
struct SchemaShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Every path of a group, with what was seen of it."
    )

    @OptionGroup var options: SchemaOptions

    @Option(help: "The version; otherwise the latest.")
    var version: Int?

    func run() throws {
        try options.ask { reader, _ in
            try reader.content(of: reader.group(options.selection), version: version)
        } then: { content, units, output in
            if options.json {
                return try output.write(SchemaAnswer.show(content, units: units))
            }
            try output.write(SchemaText.heading(content))
            let table = TableWriter(output, columns: SchemaText.pathColumns)
            for path in content.paths {
                try table.write(SchemaText.row(path, of: content.group, units: units))
            }
            try table.finish()
        }
    }
}

/// `gateway schema history`.
struct SchemaHistoryCommand: ParsableCommand {
    private static let bytesMax = 64 << 20

    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Every version with what it came with, the newest last."
    )

    @OptionGroup var options: SchemaOptions

    @Option(help: "Up to so many versions, the newest of all groups.")
    var limit = 100

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit must be from 1 to 100000")
        }
    }

    func run() throws {
        try options.ask { reader, _ in
            try reader.timeline(of: options.selection, count: limit, bytesMax: Self.bytesMax)
        } then: { timeline, _, output in
            if options.json { return try output.write(SchemaAnswer.history(timeline)) }
            try output.write(
                timeline.entries.isEmpty
                    ? "No version is known yet that fits.\n" : SchemaText.history(timeline)
            )
        }
    }
}

/// `gateway schema diff A B`.
struct SchemaDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "What is different in B: paths that came, went, or changed their types.",
        discussion: """
            A and B are versions of the one group that the options leave (2 3), or name their group \
            (4.1@2 4.2@3; without @ its latest, as in 4.1 4.2). A group that is called 5 is 5@latest. Exits with \
            0 if nothing is different and with 1 if something is.
            """
    )

    @OptionGroup var options: SchemaOptions

    @Argument(help: "The version that is compared with.")
    var first: String

    @Argument(help: "The version whose differences are told.")
    var second: String

    func run() throws {
        var isEqual = true
        try options.ask { reader, units in
            try reader.diff(
                SchemaReference(first),
                SchemaReference(second),
                options.selection,
                units: units
            )
        } then: { diff, _, output in
            isEqual = diff.isEqual
            if options.json { return try output.write(SchemaAnswer.diff(diff)) }
            try output.write(SchemaText.diff(diff))
        }
        if !isEqual { throw ExitCode(1) }
    }
}

/// `gateway schema export`.
struct SchemaExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "What was seen of a group as JSON Schema (draft 7), which a contract may be.",
        discussion: """
            Required is what every message of the group had. Keys with dots look like nesting.
            """
    )

    @OptionGroup var options: SchemaOptions

    @Option(help: "The version; otherwise the latest.")
    var version: Int?

    @Flag(help: "With minimum and maximum of numbers, as far as they were looked at.")
    var ranges = false

    func run() throws {
        try options.ask { reader, _ in
            try reader.content(of: reader.group(options.selection), version: version)
        } then: { content, units, output in
            let json = SchemaDocument.json(
                of: content,
                units: units,
                options: .init(hasRanges: ranges)
            )
            try output.write(
                options.json
                    ? String(decoding: json, as: UTF8.self) + "\n" : JSONIndent.text(of: json)
            )
        }
    }
}
