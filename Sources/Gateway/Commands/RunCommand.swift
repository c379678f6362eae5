// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Logging

/// `gateway run`: the service.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the gateway until it is told to stop (SIGTERM or Ctrl-C)."
    )

    @OptionGroup var file: ConfigurationOption

    @Option(name: .customLong("log-format"), help: "text for a terminal, json for a collector.")
    var logFormat = LogFormat.text

    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning or error.")
    var logLevel = "info"

    func run() async throws {
        let configuration = try file.load()
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError(
                "--log-level must be trace, debug, info, notice, warning or error"
            )
        }
        bootstrapLogging(format: logFormat, level: level)
        do {
            try await Gateway(configuration).run()
        } catch let problems as Problems {
            throw ExitError.configuration(problems)
        } catch let error as LogError {
            throw ExitError.log(error)
        }
    }
}

extension LogFormat: ExpressibleByArgument {}
