// SPDX-License-Identifier: Apache-2.0
// A fleet is updated while the gateway runs; between the steps the gateway is killed. Every message must be
// kept, and each change told once: no more, no less.
import Foundation

/// The scripted roll-out over a running gateway.
struct FirmwareProof {
    static let vehicles = 20
    /// Rounds of the fleet until its first schema is known, with room.
    private static let learningRounds = 12
    /// Rounds until what is gone must have been told.
    private static let goneRounds = 2 * FirmwareScript.goneMessages / vehicles

    let depot: LocalDepot
    let say: (String) -> Void
    private let witness = SchemaWitness()
    private var sent = 0
    /// Messages of each vehicle so far.
    private var numbers = [Int](repeating: 0, count: FirmwareProof.vehicles)

    init(_ depot: LocalDepot, say: @escaping (String) -> Void) {
        self.depot = depot
        self.say = say
    }

    /// Runs all steps; `random` says after which of them the gateway is killed.
    mutating func run(_ random: inout SplitMix64, into report: inout SchemaReport) throws {
        try writeConfiguration()
        let subscriber = Subscriber(
            depot.connection("ops", clientID: "schema-witness"),
            filters: ["fleet/enriched/#", "fleet/schema/#"]
        ) { [witness] in witness.receive($0) }
        try subscriber.waitUntilUp()
        defer { subscriber.close() }
        try depot.startGateway()
        var features = FirmwareFeatures()
        try drive(features, rounds: Self.learningRounds)
        guard wait(for: 1, { $0.kind == "schema_learned" }) else {
            report.failed += 1
            return
        }
        for step in FirmwareScript.steps {
            say("firmware: \(step.name)")
            if Bool.random(using: &random) { try kill() }
            try roll(step, &features, into: &report)
        }
        report.documents += sent
        report.wrong += sent - witness.enrichedCount
        judge(into: &report)
    }

    /// One step: first one vehicle, then the fleet.
    private mutating func roll(
        _ step: FirmwareStep,
        _ features: inout FirmwareFeatures,
        into report: inout SchemaReport
    ) throws {
        try drive(features, rounds: step.roundsBefore)
        step.change(&features)
        try drive(features, rounds: 1, vehicles: 1)
        try drive(features, rounds: step.rounds)
        if !wait(for: step.expected) { say("firmware: not told: \(missing(step.expected))") }
        guard !step.later.isEmpty else { return }
        try drive(features, rounds: Self.goneRounds)
        if !wait(for: step.later) { say("firmware: not told: \(missing(step.later))") }
    }

    /// Publishes so many messages of each vehicle, and waits until all have come out.
    private mutating func drive(
        _ features: FirmwareFeatures,
        rounds: Int,
        vehicles: Int = FirmwareProof.vehicles
    ) throws {
        let publisher = try Publisher(depot.connection("fleet", clientID: "schema-fleet"))
        defer { publisher.close() }
        for _ in 0..<rounds {
            for vehicle in 0..<vehicles {
                while !publisher.hasRoom { try publisher.pump(milliseconds: 5) }
                numbers[vehicle] += 1
                try publisher.publish(
                    topic: "fleet/car-\(vehicle)/state",
                    payload: features.payload(vehicle: vehicle, number: numbers[vehicle]),
                    number: sent
                )
                sent += 1
            }
            try publisher.pump(milliseconds: 1)
        }
        _ = try publisher.drain(seconds: 60)
        var patience = Patience<Int>()
        while witness.enrichedCount < sent, !patience.isSpent(at: witness.enrichedCount) {
            ChildProcess.pause(0.02)
        }
    }

    private func kill() throws {
        depot.killGateway()
        try depot.startGateway()
    }

    // What was told.

    private var changes: [String] { witness.told.flatMap(\.changes) }

    private func missing(_ expected: Set<String>) -> [String] {
        expected.subtracting(changes).sorted()
    }

    private func wait(for expected: Set<String>) -> Bool {
        var patience = Patience<Int>()
        while !missing(expected).isEmpty {
            if patience.isSpent(at: witness.told.count) { return false }
            ChildProcess.pause(0.05)
        }
        return true
    }

    private func wait(for count: Int, _ isWanted: (SchemaWitness.Told) -> Bool) -> Bool {
        var patience = Patience<Int>()
        while witness.told.count(where: isWanted) < count {
            if patience.isSpent(at: witness.told.count) { return false }
            ChildProcess.pause(0.05)
        }
        return true
    }

    private func judge(into report: inout SchemaReport) {
        let told = changes
        let steps = FirmwareScript.steps
        let expected = steps.reduce(into: Set<String>()) {
            $0.formUnion($1.expected.union($1.later))
        }
        let seen = expected.intersection(told)
        report.changesExpected += expected.count
        report.changesSeen += seen.count
        report.wrong += expected.count - seen.count
        report.falseAlarms += told.count - seen.count
        for alarm in Set(told).subtracting(expected).sorted() { say("firmware: false: \(alarm)") }
        for (change, times) in Dictionary(grouping: told, by: \.self).mapValues(\.count)
        where times > 1 && expected.contains(change) {
            say("firmware: told \(times) times: \(change)")
        }
        // A burst is one event, however many changes it has.
        for step in steps where step.expected.count > 1 {
            let events = witness.told.count { !step.expected.isDisjoint(with: $0.changes) }
            report.wrong += max(0, events - 1)
        }
    }

    private func writeConfiguration() throws {
        try depot.writeConfiguration(
            template: """
                gateway: { id: proof, data_directory: "@DATA@" }
                sources:
                  - name: vehicles
                    url: mqtts://localhost:@PORT@
                    reconnect_max: 500ms
                    tls: { ca: @CERTS@/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }
                    topics:
                      - pattern: fleet/{vehicle}/state
                schema:
                  learn: 100
                  gone: { messages: \(FirmwareScript.goneMessages) }
                  burst: 300ms
                sinks:
                  - name: depot
                    url: mqtts://localhost:@PORT@
                    reconnect_max: 500ms
                    tls: { ca: @CERTS@/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }
                    streams:
                      enriched: { topic: "fleet/enriched/{vehicle}" }
                      schema: { topic: "fleet/schema/{vehicle}" }
                http: { port: @HTTP_PORT@ }
                """
        )
    }
}
