// SPDX-License-Identifier: Apache-2.0
// Goal: nothing that a broker acknowledged to a vehicle is lost or taken twice, whatever dies.
// Method: publish without pause over TLS; at random moments kill the gateway with SIGKILL, now and
// then restart the broker with SIGTERM; afterwards compare three independent accounts: what the
// publishers saw acknowledged, what stands in the log, and what arrived upstream. The definitions of
// lost and duplicated are those of Jepsen's total-queue checker.
import Foundation
import GRDB

/// What a kill proof found.
struct KillReport: Sendable {
    var rounds = 0
    var acked = 0
    var inLog = 0
    var delivered = 0
    var redelivered = 0
    var lost = 0
    var duplicates = 0
    var misordered = 0
    var failed = 0

    var isProven: Bool { lost == 0 && duplicates == 0 && misordered == 0 && failed == 0 }

    var line: String {
        "kill: rounds=\(rounds) acked=\(acked) in_log=\(inLog) delivered=\(delivered) "
            + "redelivered=\(redelivered) lost=\(lost) duplicates=\(duplicates) "
            + "misordered=\(misordered) failed=\(failed)"
    }
}

/// Kills the gateway again and again under load.
struct KillProof {
    var rounds = 30
    var messagesPerSecond = 2_000
    var vehicles = 20
    /// Every so many rounds the broker is restarted too; 0 never.
    var brokerRestartEvery = 5
    var protocolVersion = 5
    var seed: UInt64 = .random(in: .min ... .max)
    var assets: String?
    var program = LocalDepot.ownProgram
    var onRound: (Int) -> Void = { _ in }

    func run() throws -> KillReport {
        let depot = try LocalDepot(assets: LocalDepot.findAssets(assets), program: program)
        defer { depot.close() }
        try depot.startBroker()
        let version = protocolVersion == 5 ? "5" : "3.1.1"
        try ProofConfiguration(sink: ProofConfiguration.mqttSink(version), mqtt: version)
            .write(to: depot)
        let witness = UpstreamWitness()
        let subscriber = Subscriber(
            depot.connection("ops", clientID: "proof-witness"),
            filters: ["fleet/enriched/#"]
        ) { witness.receive($0) }
        try subscriber.waitUntilUp()
        // The session must exist before the first message, as in a depot where the gateway has run.
        try depot.startGateway()
        let publisher = NumberedPublisher(
            depot.connection("fleet", clientID: "proof-fleet"),
            vehicles: (1...vehicles).map { "car-\($0)" },
            messagesPerSecond: messagesPerSecond
        )

        var random = SplitMix64(seed: seed)
        var report = KillReport()
        for round in 1...rounds {
            ChildProcess.pause(.random(in: 0.15...0.9, using: &random))
            depot.killGateway()
            if brokerRestartEvery > 0, round % brokerRestartEvery == 0 {
                depot.stopBroker()
                try depot.startBroker()
            }
            // Not waiting until it is ready: some kills must hit the start.
            let mustBeReady = round == rounds || Bool.random(using: &random)
            do {
                try depot.startGateway(waitsUntilReady: mustBeReady)
            } catch {
                report.failed += 1
            }
            report.rounds += 1
            onRound(round)
        }
        publisher.close()
        let sent = publisher.sent
        waitForArrivals(sent, witness)
        depot.stopGateway()
        subscriber.close()
        try judge(sent, witness.arrivals, log: depot.dataDirectory, into: &report)
        return report
    }

    /// Waits until everything has arrived, or nothing more does.
    private func waitForArrivals(_ sent: NumberedPublisher.Sent, _ witness: UpstreamWitness) {
        var patience = Patience<Int>()
        while true {
            let arrivals = witness.arrivals
            let isComplete = sent.acknowledged.allSatisfy { vehicle, numbers in
                numbers.isSubset(of: arrivals.numbers[vehicle] ?? [])
            }
            if isComplete || patience.isSpent(at: arrivals.seenOffsets.count) { return }
            ChildProcess.pause(0.2)
        }
    }

    // The oracle.

    private func judge(
        _ sent: NumberedPublisher.Sent,
        _ arrivals: UpstreamWitness.Arrivals,
        log: String,
        into report: inout KillReport
    ) throws {
        let logged = try Self.readLog(log)
        report.acked = sent.acknowledgedCount
        report.inLog = logged.values.reduce(0) { $0 + $1.count }
        report.delivered = arrivals.numbers.values.reduce(0) { $0 + $1.count }
        report.redelivered = arrivals.redelivered
        for (vehicle, acknowledged) in sent.acknowledged {
            let inLog = logged[vehicle] ?? []
            let upstream = arrivals.numbers[vehicle] ?? []
            report.lost += acknowledged.subtracting(inLog).count
            report.lost += acknowledged.subtracting(upstream).count
            report.duplicates += inLog.count - Set(inLog).count
            report.misordered += Self.descents(inLog) + Self.descents(upstream)
        }
    }

    /// The numbers in the log, by vehicle, in the log's order.
    private static func readLog(_ directory: String) throws -> [String: [Int]] {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(
            path: directory + "/" + EventLog.fileName,
            configuration: configuration
        )
        return try queue.read { db in
            var numbers: [String: [Int]] = [:]
            let rows = try Row.fetchCursor(db, sql: "SELECT key, payload FROM raw ORDER BY offset")
            while let row = try rows.next() {
                let payload: String = row["payload"]
                let number = DeliveryCounter.number(after: #""seq":"#, in: Array(payload.utf8))
                numbers[row["key"], default: []].append(Int(number ?? -1))
            }
            return numbers
        }
    }

    /// How often a number is smaller than the one before.
    private static func descents(_ numbers: [Int]) -> Int {
        zip(numbers, numbers.dropFirst()).count { $0 > $1 }
    }
}
