// SPDX-License-Identifier: Apache-2.0
// Goal: what a broker acknowledged to a vehicle arrives in Kafka once and in order, whatever dies.
// Method: publish without pause through the whole gateway while at random it is killed, the Kafka
// broker restarted, the line cut and slowed, and acknowledgements swallowed; afterwards kcat, which
// knows nothing of us, reads what a `read_committed` reader sees, and it is compared with what the
// publishers saw acknowledged and, for outliers, with the log.
import Foundation
import GRDB

/// What a Kafka proof found.
struct KafkaReport: Sendable {
    var rounds = 0
    var acked = 0
    var consumed = 0
    var lost = 0
    var duplicates = 0
    var misordered = 0
    var failed = 0

    var isProven: Bool { lost == 0 && duplicates == 0 && misordered == 0 && failed == 0 }

    var line: String {
        "kafka: rounds=\(rounds) acked=\(acked) consumed=\(consumed) lost=\(lost) "
            + "duplicates=\(duplicates) misordered=\(misordered) failed=\(failed)"
    }
}

/// Breaks the way into Kafka again and again under load.
struct KafkaProof {
    /// What can go wrong in a round.
    enum Fault: String, CaseIterable, Sendable {
        case killGateway = "gateway killed"
        case restartBroker = "Kafka restarted"
        case cut = "line cut"
        case slow = "line slowed"
        case swallowRecords = "acknowledgements of records swallowed"
        case swallowOffsets = "acknowledgements of the cursor swallowed"
        case swallowCommit = "acknowledgements of commits swallowed"
        case refuse = "connections refused"
    }

    var rounds = 20
    /// 20 rounds of this stay below what the broker can keep (200,000 records).
    var messagesPerSecond = 800
    var vehicles = 20
    var seed: UInt64 = .random(in: .min ... .max)
    var assets: String?
    var program = LocalDepot.ownProgram
    var onRound: (Int, Fault) -> Void = { _, _ in }

    func run() throws -> KafkaReport {
        let assets = try LocalDepot.findAssets(assets)
        let depot = try LocalDepot(assets: assets, program: program)
        defer { depot.close() }
        let kafka = try KafkaBroker(folder: depot.folder, assets: assets)
        defer { kafka.stop() }
        try depot.startBroker()
        try kafka.start()
        let proxy = try KafkaProxy(to: kafka, assets: assets, log: depot.folder + "/proxy.log")
        defer { proxy.stop() }
        try ProofConfiguration(sink: sink(proxy)).write(to: depot)
        try depot.startGateway()
        let publisher = NumberedPublisher(
            depot.connection("fleet", clientID: "proof-fleet"),
            vehicles: (1...vehicles).map { "car-\($0)" },
            messagesPerSecond: messagesPerSecond
        )
        var random = SplitMix64(seed: seed)
        var report = KafkaReport()
        for round in 1...rounds {
            ChildProcess.pause(.random(in: 0.1...1.2, using: &random))
            // Every fault comes up in turn; when and how long is up to chance.
            let fault = Fault.allCases[(round - 1) % Fault.allCases.count]
            onRound(round, fault)
            do {
                try make(fault, depot, kafka, proxy, &random)
            } catch {
                report.failed += 1
            }
            report.rounds += 1
        }
        publisher.close()
        try proxy.order("delay 0")
        try waitForArrivals(publisher.sent, kafka)
        try judge(publisher.sent, kafka, depot, into: &report)
        return report
    }

    private func sink(_ proxy: KafkaProxy) -> String {
        """
          - name: lake
            type: kafka
            brokers: \(proxy.address)
            topic: "iot.{stream}"
            streams: [enriched, outlier]
            linger: 20ms
            window: 1000
            reconnect_max: 500ms
        """
    }

    private func make(
        _ fault: Fault,
        _ depot: LocalDepot,
        _ kafka: KafkaBroker,
        _ proxy: KafkaProxy,
        _ random: inout SplitMix64
    ) throws {
        let wait = Double.random(in: 0.05...1.5, using: &random)
        switch fault {
        case .killGateway:
            depot.killGateway()
            // Not waiting until it is ready: some faults must hit the start.
            try depot.startGateway(waitsUntilReady: Bool.random(using: &random))
        case .restartBroker: try restart(kafka, proxy, pause: wait)
        case .cut: try proxy.order("cut")
        case .slow:
            try proxy.order("delay \(Int.random(in: 20...400, using: &random))")
            ChildProcess.pause(wait)
            try proxy.order("delay 0")
        case .swallowRecords: try proxy.order("drop-ack \(Int.random(in: 1...3, using: &random))")
        case .swallowOffsets: try proxy.order("drop-offsets 1")
        case .swallowCommit: try proxy.order("drop-end-txn 1")
        case .refuse:
            try proxy.order("refuse on")
            try proxy.order("cut")
            ChildProcess.pause(wait)
            try proxy.order("refuse off")
        }
    }

    /// Restarts the broker between two transactions.
    ///
    /// This broker aborts what is open when it starts, and afterwards says that the commit has
    /// succeeded: the events of that transaction are lost to any producer (seen with Python's
    /// confluent-kafka). Kafka keeps open transactions in its own log.
    private func restart(_ kafka: KafkaBroker, _ proxy: KafkaProxy, pause: Double) throws {
        try proxy.order("quiesce on")
        do {
            try waitForOpenTransactions(proxy)
        } catch {
            try proxy.order("quiesce off")
            throw error
        }
        kafka.stop()
        ChildProcess.pause(pause)
        try kafka.start()
        try proxy.order("quiesce off")
    }

    private func waitForOpenTransactions(_ proxy: KafkaProxy) throws {
        let seconds = 60.0
        let deadline = Date().addingTimeInterval(seconds)
        while case let open = try proxy.count("open"), open > 0 {
            guard Date() < deadline else {
                throw DepotError(
                    description: "\(open) transactions are open after \(Int(seconds)) s"
                )
            }
            ChildProcess.pause(0.005)
        }
    }

    // The oracle.

    /// Waits until everything has arrived, or nothing more does.
    private func waitForArrivals(_ sent: NumberedPublisher.Sent, _ kafka: KafkaBroker) throws {
        var patience = Patience<Int>()
        var count = 0
        while true {
            let seen = try KafkaWitness(kafka, topic: "iot.enriched")
            let isComplete = sent.acknowledged.allSatisfy { vehicle, acknowledged in
                acknowledged.isSubset(of: seen.numbers[vehicle] ?? [])
            }
            // A look may break off early, which is no progress.
            count = max(count, seen.offsets.count)
            if isComplete || patience.isSpent(at: count) { return }
            ChildProcess.pause(0.5)
        }
    }

    private func judge(
        _ sent: NumberedPublisher.Sent,
        _ kafka: KafkaBroker,
        _ depot: LocalDepot,
        into report: inout KafkaReport
    ) throws {
        // The outliers are the other lane's, whose last transaction may be on its way.
        var patience = Patience<Int>()
        var outliers = try KafkaWitness(kafka, topic: "iot.outlier")
        let logged = try Self.offsets(of: StreamName.outlier, in: depot.dataDirectory)
        while Set(outliers.offsets) != Set(logged), !patience.isSpent(at: outliers.offsets.count) {
            ChildProcess.pause(0.2)
            outliers = try KafkaWitness(kafka, topic: "iot.outlier")
        }
        depot.stopGateway()
        let enriched = try KafkaWitness(kafka, topic: "iot.enriched")
        report.acked = sent.acknowledgedCount
        report.consumed = enriched.offsets.count
        for (vehicle, acknowledged) in sent.acknowledged {
            let numbers = enriched.numbers[vehicle] ?? []
            report.lost += acknowledged.subtracting(numbers).count
            report.duplicates += numbers.count - Set(numbers).count
            report.misordered += zip(numbers, numbers.dropFirst()).count { $0 > $1 }
        }
        report.lost += Set(logged).subtracting(outliers.offsets).count
        report.duplicates += outliers.offsets.count - Set(outliers.offsets).count
    }

    private static func offsets(of stream: String, in directory: String) throws -> [Int64] {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(
            path: directory + "/" + EventLog.fileName,
            configuration: configuration
        )
        return try queue.read { db in
            try Int64.fetchAll(db, sql: "SELECT offset FROM \"\(stream)\" ORDER BY offset")
        }
    }
}
