// SPDX-License-Identifier: Apache-2.0
// Goal: tables end as their source has them, and every reading is joined with what held at its own time,
// whatever happens to changes on their way and to the gateway.
// Method: two made-up source databases, whose changes travel over MQTT and over Kafka, doubled, overtaken
// and repeated long after, while vehicles publish readings, the gateway is killed with SIGKILL and brokers
// restart. A model that applies the same changes in their true order says what joins and tables must be.
// Each round first lets everything happen at once, where a join may be one of several (JoinJudge), then
// waits until the tables stand still and checks to the letter, under old repeated changes and kills.
import Foundation

/// What a proof of tables found.
struct TablesReport: Sendable {
    var rounds = 0
    var changes = 0
    var joined = 0
    /// Of the joined, those for which there was but one right answer.
    var exact = 0
    var wrong = 0
    var lost = 0
    var duplicates = 0
    var kills = 0
    var failed = 0

    var isProven: Bool { wrong == 0 && lost == 0 && duplicates == 0 && failed == 0 }

    var line: String {
        "tables: changes=\(changes) joined=\(joined) wrong=\(wrong) lost=\(lost) "
            + "duplicates=\(duplicates) kills=\(kills) failed=\(failed)"
    }
}

/// Changes tables again and again under readings, faults and kills.
struct TablesProof {
    var rounds = 12
    /// A few rounds, short ones, and without Kafka where its broker is not installed.
    var isQuick = false
    var vehicles = 12
    var seed: UInt64 = .random(in: .min ... .max)
    var assets: String?
    var program = LocalDepot.ownProgram
    /// A line of progress.
    var onNote: (String) -> Void = { _ in }

    func run() throws -> TablesReport {
        let assets = try LocalDepot.findAssets(assets)
        let depot = try LocalDepot(assets: assets, program: program)
        defer { depot.close() }
        let kafka = try startKafka(folder: depot.folder, assets: assets)
        defer { kafka?.stop() }
        try depot.startBroker()
        var random = SplitMix64(seed: seed)
        let fleets = try makeFleets(depot, kafka, &random)
        try TablesConfiguration(fleets: fleets, kafka: kafka?.address).write(to: depot)
        // Sessions must exist before the first change, as in a depot where the gateway has run. That it is
        // ready says nothing about those of the tables.
        try depot.startGateway()
        try depot.waitUntil(
            "the feeds of the tables are heard",
            log: depot.gatewayLog,
            seconds: 60
        ) {
            depot.hearsFeeds
        }
        let rig = try TablesRig(depot, kafka, fleets, random, onNote: onNote)
        defer { rig.close() }
        rig.shortens = isQuick
        rig.open()
        for round in 1...rounds { rig.run(round: round) }
        return try rig.finish()
    }

    private func startKafka(folder: String, assets: String) throws -> KafkaBroker? {
        let kafka: KafkaBroker
        do {
            kafka = try KafkaBroker(folder: folder, assets: assets)
        } catch {
            guard isQuick else { throw error }
            onNote("without Kafka: \(error)")
            return nil
        }
        try kafka.start()
        return kafka
    }

    private func makeFleets(
        _ depot: LocalDepot,
        _ kafka: KafkaBroker?,
        _ random: inout SplitMix64
    ) throws -> [TablesFleet] {
        let changes = MQTTChangeCarrier(depot.connection("fleet", clientID: "proof-changes"))
        var fleets = [
            TablesFleet(.mqtt, vehicles: vehicles, carrier: changes, random: &random)
        ]
        if let kafka {
            let topics = SourceTable.allCases.map { TablesFleet.topic($0, .kafka) }
            let carrier = try KafkaChangeCarrier(kafka, topics: topics)
            fleets.append(
                TablesFleet(.kafka, vehicles: vehicles, carrier: carrier, random: &random)
            )
        }
        for fleet in fleets {
            let wires = zip(SourceTable.allCases, fleet.wires)
                .map { "\($0.name) \($1.rawValue)" }
            onNote("\(fleet.transport.rawValue): \(wires.joined(separator: ", "))")
        }
        return fleets
    }
}
