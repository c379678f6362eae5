// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `--config FILE`, as several commands take it.
struct ConfigurationOption: ParsableArguments {
    /// Where the Debian package puts it.
    static let standardPath = "/etc/fleet-edge-gateway/gateway.yaml"

    @Option(name: .shortAndLong, help: "The configuration file.")
    var config = ConfigurationOption.standardPath

    /// The configuration, or an exit with everything that is wrong with it.
    func load() throws -> Configuration {
        do {
            return try Configuration.load(
                path: config,
                environment: ProcessInfo.processInfo.environment
            )
        } catch let problems {
            throw ExitError.configuration(problems)
        }
    }
}

/// Errors that end the program, with the exit codes of sysexits.h.
enum ExitError {
    /// Prints the problems and gives the exit code for a wrong configuration.
    static func configuration(_ problems: Problems) -> ExitCode {
        StandardError.print(problems.description)
        let count = problems.all.count
        StandardError.print("\(count) problem\(count == 1 ? "" : "s") found.")
        return ExitCode(78)
    }

    /// Prints why the log can't be used.
    static func log(_ error: LogError) -> ExitCode {
        StandardError.print(error.description)
        return ExitCode(73)
    }
}

/// Lines that a person watches: they leave at once, also into a pipe.
enum StandardOutput {
    static func print(_ line: String) {
        // Nobody may be reading any more (`| head`): what was started must still be ended.
        try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}

/// Where messages for the user go that are not the command's result.
enum StandardError {
    static func print(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
}
