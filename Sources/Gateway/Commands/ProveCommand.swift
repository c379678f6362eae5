// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `gateway prove`: the guarantees, tried on this machine.
struct ProveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove",
        abstract: "Prove a guarantee on this machine, against real components.",
        subcommands: [Kill.self, Kafka.self, Tables.self, Schema.self]
    )

    /// `gateway prove kill`.
    struct Kill: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "kill",
            abstract: "Kill the gateway with SIGKILL under load; nothing acknowledged may be lost.",
            discussion: """
                The last line compares what the broker acknowledged to publishers (acked), what is \
                in the log, and what arrived upstream. lost: acknowledged but not there. \
                duplicates: taken twice into the log. redelivered: seen twice upstream under one \
                event id, which QoS 1 allows after a kill. Exits with 1 unless lost, duplicates, \
                misordered and failed are 0.
                """
        )

        @Option(help: "How often to kill.")
        var rounds = 30

        @Option(help: "Messages a second while killing.")
        var rate = 2_000

        @Option(help: "MQTT version between broker and gateway: 5 or 3.1.1.")
        var mqtt = "5"

        @Option(
            name: .customLong("broker-every"),
            help: "Restart the broker every so many rounds; 0 never."
        )
        var brokerEvery = 5

        @Option(help: "Repeats a run's random moments.")
        var seed: UInt64?

        @Option(help: "The folder with certs/ and systemd/.")
        var assets: String?

        func run() throws {
            var proof = KillProof(rounds: rounds, messagesPerSecond: rate, assets: assets)
            proof.brokerRestartEvery = brokerEvery
            proof.protocolVersion = mqtt == "5" ? 5 : 4
            if let seed { proof.seed = seed }
            StandardOutput.print(
                "kill: seed \(proof.seed), \(rounds) rounds at \(rate) messages/s, MQTT \(mqtt)"
            )
            proof.onRound = { round in
                if round.isMultiple(of: 10) { StandardOutput.print("kill: round \(round)") }
            }
            let report = try proof.run()
            StandardOutput.print(report.line)
            if !report.isProven { throw ExitCode(1) }
        }
    }

    /// `gateway prove kafka`.
    struct Kafka: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "kafka",
            abstract:
                "Break the way into Kafka under load; every event must arrive once, in order.",
            discussion: """
                The gateway is killed, the broker restarted, the line cut, slowed and refused, and \
                acknowledgements are swallowed. The last line compares what the MQTT broker \
                acknowledged to publishers (acked) with what kcat reads as read_committed \
                (consumed). Outliers are compared with the log. Exits with 1 unless lost, \
                duplicates, misordered and failed are 0.
                """
        )

        @Option(help: "How often to break something.")
        var rounds = 20

        @Option(help: "Messages a second meanwhile.")
        var rate = 800

        @Option(help: "Repeats a run's random moments.")
        var seed: UInt64?

        @Option(help: "The folder with certs/, scripts/ and systemd/.")
        var assets: String?

        func run() throws {
            var proof = KafkaProof(rounds: rounds, messagesPerSecond: rate, assets: assets)
            if let seed { proof.seed = seed }
            StandardOutput.print(
                "kafka: seed \(proof.seed), \(rounds) rounds at \(rate) messages/s"
            )
            proof.onRound = { round, fault in
                StandardOutput.print("kafka: round \(round): \(fault.rawValue)")
            }
            let report = try proof.run()
            StandardOutput.print(report.line)
            if !report.isProven { throw ExitCode(1) }
        }
    }

    /// `gateway prove tables`.
    struct Tables: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tables",
            abstract: "Change tables under readings and kills; every join must be the right one.",
            discussion: """
                Two made-up databases change three tables each, over MQTT and over Kafka, as \
                Debezium, AWS DMS and a script tell it. Changes are doubled, overtaken and repeated \
                long after, tables are loaded anew, brokers restart and the gateway is killed. The \
                last line compares joins and tables with a model. wrong: a reading was joined with \
                rows that did not hold at its time. lost: an acknowledged reading without its \
                event, a row that is not as at the source, a change that was refused. duplicates: \
                readings joined twice. failed: rounds that did not come to rest. Exits with 1 \
                unless wrong, lost, duplicates and failed are 0.
                """
        )

        @Option(help: "How many rounds of changes and kills.")
        var rounds = 12

        @Option(help: "Repeats a run's histories and faults.")
        var seed: UInt64?

        @Flag(help: "Short rounds, and without Kafka where its broker is not installed.")
        var quick = false

        @Option(help: "The folder with certs/ and systemd/.")
        var assets: String?

        func run() throws {
            var proof = TablesProof(rounds: rounds, isQuick: quick, assets: assets)
            if let seed { proof.seed = seed }
            StandardOutput.print("tables: seed \(proof.seed), \(rounds) rounds")
            proof.onNote = { StandardOutput.print("tables: \($0)") }
            let report = try proof.run()
            StandardOutput.print(report.line)
            if !report.isProven { throw ExitCode(1) }
        }
    }

    /// `gateway prove schema`.
    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema",
            abstract:
                "Send other makers' payloads and roll a firmware out; every change is told once.",
            discussion: """
                Without --data the folder is ../shared/data beside the assets; if that is not there \
                either, the samples in docs/examples/formats are all that is sent. \
                The last line compares what came out with the documents and with the script of the \
                roll-out. wrong: a leaf that does not map back to its document, a message without \
                its event, a change that was not told. false_alarms: changes that nobody made. \
                Exits with 1 unless they and failed are 0.
                """
        )

        @Option(help: "Repeats a run's random moments.")
        var seed: UInt64?

        @Option(help: "The folder with formats/ and nested/, other makers' documents.")
        var data: String?

        @Option(help: "The folder with certs/, docs/ and systemd/.")
        var assets: String?

        func run() throws {
            var proof = SchemaProof(assets: assets, data: data)
            if let seed { proof.seed = seed }
            StandardOutput.print("schema: seed \(proof.seed)")
            proof.say = { StandardOutput.print("schema: \($0)") }
            let report = try proof.run()
            StandardOutput.print(report.line)
            if !report.isProven { throw ExitCode(1) }
        }
    }
}
