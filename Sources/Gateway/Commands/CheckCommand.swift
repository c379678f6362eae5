// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `gateway check`: everything that can be wrong without opening a connection.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the configuration and its rules; report all problems with their lines.",
        discussion: "Opens no connection and writes nothing."
    )

    @OptionGroup var file: ConfigurationOption

    func run() throws {
        let configuration = try file.load()
        let engine: RuleEngine
        do {
            (engine, _) = try RuleEngine.make(configuration)
        } catch let problems as Problems {
            throw ExitError.configuration(problems)
        }
        let topics = configuration.sources.flatMap(\.topics).count
        print(
            """
            \(file.config): correct. \(configuration.sources.count) source(s) with \(topics) \
            topic(s), \(configuration.signals.count) catalogued signal(s), \
            \(engine.rules.count) alert(s), \(configuration.sinks.count) sink(s).
            """
        )
    }
}
