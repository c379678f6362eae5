// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway check`: everything that can be wrong without opening a connection.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the configuration and its rules; report all problems with their lines.",
        discussion: """
            How SQLite will join readings with tables is printed for each SELECT, as EXPLAIN QUERY PLAN \
            has it: SEARCH uses an index, SCAN reads the whole table for every reading.

            Without --connect it opens no connection and writes nothing. With it every broker is \
            tried: reachability, TLS, authentication, subscriptions, topics and rights. A gateway \
            that runs is not disturbed, and no reader of committed records sees anything. Exits with \
            69 if something failed.
            """
    )

    @OptionGroup var file: ConfigurationOption

    @Flag(help: "Try every broker of the configuration.")
    var connect = false

    func run() throws {
        let configuration = try file.load()
        let rules: CompiledRules
        do {
            rules = try CompiledRules.make(configuration)
        } catch let problems as Problems {
            throw ExitError.configuration(problems)
        }
        let topics = configuration.sources.flatMap(\.topics).count
        StandardOutput.print(
            """
            \(file.config): correct. \(configuration.sources.count) source(s) with \(topics) \
            topic(s), \(configuration.signals.count) catalogued signal(s), \
            \(rules.engine.rules.count) alert(s), \(rules.selects.count) select(s), \
            \(configuration.tables.count) table(s), \(configuration.sinks.count) sink(s).
            """
        )
        for line in try rules.planLines(configuration) { StandardOutput.print(line) }
        if connect { try tryBrokers(configuration) }
    }

    private func tryBrokers(_ configuration: Configuration) throws {
        var hasFailed = false
        for check in configuration.connectionChecks {
            for finding in check() {
                StandardOutput.print(finding.line)
                hasFailed = hasFailed || finding.verdict == .bad
            }
        }
        // sysexits.h: a service is not available.
        if hasFailed { throw ExitCode(69) }
    }
}

extension Configuration {
    private static func fileFinding(_ table: String, _ file: FileFeedConfiguration) -> Finding {
        let place = "table \(table)"
        guard FileManager.default.isReadableFile(atPath: file.path) else {
            return Finding(
                verdict: .doubtful,
                place: place,
                text: "'\(file.path)' is not there, or can't be read by this user",
                advice: "until it is, the feed waits for it"
            )
        }
        return Finding(verdict: .good, place: place, text: "'\(file.path)' can be read")
    }

    /// The check of a table's feed.
    private func feedCheck(_ table: TableConfiguration) -> () -> [Finding] {
        switch table.feed {
        case .mqtt(let session):
            return {
                MQTTCheck(
                    place: "table \(table.name)",
                    connection: session.connection,
                    filters: session.topics.map(\.pattern.filter)
                )
                .run()
            }
        case .kafka(let feed): return { KafkaCheck(table: table.name, feed: feed).run() }
        case .file(let file): return { [Self.fileFinding(table.name, file)] }
        }
    }

    /// One check for each source, feed and sink, in the order of the configuration.
    fileprivate var connectionChecks: [() -> [Finding]] {
        sources.map { source in
            {
                // A member of a shared group would take messages from the others.
                let filters = source.topics.map(\.pattern.filter)
                let place = "source \(source.name)"
                return MQTTCheck(place: place, connection: source.connection, filters: filters)
                    .run()
            }
        }
            + tables.map(feedCheck)
            + sinks.map { sink in
                {
                    switch sink.transport {
                    case .mqtt(let connection):
                        MQTTCheck(place: "sink \(sink.name)", connection: connection).run()
                    case .kafka(let kafka):
                        KafkaCheck(sink: sink, kafka: kafka, gateway: self.gateway.id).run()
                    }
                }
            }
    }
}
