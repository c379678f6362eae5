// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// The program: one command for each thing an operator does.
@main
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "An MQTT-native edge gateway for vehicle fleets.",
        discussion: """
            Vehicles publish telemetry over MQTT/TLS. The gateway writes every message to a local \
            log before it acknowledges it, evaluates rules written in SQL, and republishes \
            enriched and outlier messages.

            Exit codes: 0 success, 1 it failed, 64 wrong usage, 69 a check failed, 73 the log can't be opened, 78 \
            the configuration or a rule file is wrong.
            """,
        version: "0.1.0",
        subcommands: [
            RunCommand.self, CheckCommand.self, DemoCommand.self, ReplayCommand.self,
            ProveCommand.self, MockKafkaCommand.self,
            SQLCommand.self, SchemaCommand.self, DeadLettersCommand.self, BenchCommand.self,
        ]
    )
}
