// SPDX-License-Identifier: Apache-2.0
// The documents of each maker go through a gateway with the example configuration of that maker, again and
// again: every leaf must come out as the model has it, and since nothing changes no change may be told.
import Foundation

/// Sends documents through a running gateway and compares what comes out.
struct DocumentProof {
    let depot: LocalDepot
    /// The folder with formats/ and nested/; `nil` leaves the samples of the examples.
    let data: String?
    let say: (String) -> Void

    /// How long changes are gathered, in this proof.
    private static let burstMilliseconds = 100

    /// A document with what must become of it.
    private struct Sample {
        let document: MakerDocument
        let expected: LeafModel.Expectation
        /// What its schema is compared with.
        let group: String
    }

    /// Lets the gateway read, and the fleet write, what the examples' topics are; before the broker starts.
    static func widenAccess(_ depot: LocalDepot) throws {
        let file = depot.folder + "/mosquitto.acl"
        let shipped = try String(contentsOfFile: file, encoding: .utf8)
        try (shipped + "\nuser gateway\ntopic read #\n\nuser fleet\ntopic write #\n")
            .write(toFile: file, atomically: true, encoding: .utf8)
    }

    func run(into report: inout SchemaReport) throws {
        if data == nil {
            say("documents: no folder with formats/ and nested/, so only the examples' own samples")
        }
        for set in DocumentSet.all { try prove(set, into: &report) }
    }

    private func prove(_ set: DocumentSet, into report: inout SchemaReport) throws {
        let documents = try set.documents(assets: depot.assets, data: data)
        let text = try configuration(of: set)
        let configuration = try Configuration.decode(text: text, file: depot.configurationFile)
        let model = LeafModel(configuration)
        let samples = try documents.map { document in
            Sample(
                document: document,
                expected: try model.expect(topic: document.topic, payload: document.payload),
                group: configuration.schema.grouping == .topic
                    ? document.topic : model.entry(of: document.topic)?.pattern.text ?? ""
            )
        }
        let (plan, learn) = Self.plan(samples)
        try text.replacing("\n  learn: 100\n", with: "\n  learn: \(learn)\n  burst: 100ms\n")
            .write(toFile: depot.configurationFile, atomically: true, encoding: .utf8)
        let witness = SchemaWitness()
        let subscriber = Subscriber(
            depot.connection("ops", clientID: "documents-witness"),
            filters: ["fleet/enriched/#", "fleet/schema/#", "fleet/dead_letter"]
        ) { witness.receive($0) }
        try subscriber.waitUntilUp()
        defer { subscriber.close() }
        try depot.startGateway()
        defer { depot.stopGateway() }
        try publish(plan)
        let before = report
        judge(plan, wait(for: plan, witness), into: &report)
        if !isAtRest(samples, witness) {
            report.failed += 1
            say("\(set.name): not every group has learned its schema")
        }
        for alarm in witness.told where alarm.kind == "schema_changed" {
            report.falseAlarms += max(1, alarm.changes.count)
            say("\(set.name): false: \(alarm.group) \(alarm.changes.prefix(5))")
        }
        say(
            "\(set.name): documents=\(report.documents - before.documents) of \(samples.count) kinds, "
                + "paths=\(report.paths - before.paths) wrong=\(report.wrong - before.wrong)"
        )
    }

    /// The example with the places of this depot.
    private func configuration(of set: DocumentSet) throws -> String {
        let file = DocumentSet.folder(depot.assets) + "/\(set.name).yaml"
        return try String(contentsOfFile: file, encoding: .utf8)
            .replacing("mqtts://localhost:8884", with: "mqtts://localhost:\(depot.servicePort)")
            .replacing("/etc/fleet-edge-gateway/tls/", with: depot.certificates + "/")
            .replacing("id: depot-1\n", with: "id: depot-\(set.name)\n")
            .replacing("/var/lib/fleet-edge-gateway", with: "\(depot.dataDirectory)-\(set.name)")
            .replacing("port: 9464", with: "port: \(depot.httpPort)")
    }

    /// What is sent, in its order, and how many messages without news make a first version.
    ///
    /// One group after the other, each round all that the group has. A group must not have learned before it
    /// has seen everything once, has learned after four times as many at the latest, and is sent two rounds
    /// more, in which nothing may be told.
    private static func plan(_ samples: [Sample]) -> (plan: [Sample], learn: Int) {
        let groups = Dictionary(grouping: samples, by: \.group)
        let sizes = groups.mapValues { max(1, $0.map(\.expected.readings.count).reduce(0, +)) }
        let learn = sizes.values.max() ?? 1
        let plan = groups.keys.sorted()
            .flatMap { group in
                let rounds = (4 * learn + sizes[group, default: 1] - 1) / sizes[group, default: 1]
                return (0..<rounds + 2).flatMap { _ in groups[group] ?? [] }
            }
        return (plan, learn)
    }

    private func publish(_ plan: [Sample]) throws {
        let publisher = try Publisher(depot.connection("fleet", clientID: "documents-fleet"))
        defer { publisher.close() }
        for (number, sample) in plan.enumerated() {
            while !publisher.hasRoom { try publisher.pump(milliseconds: 5) }
            let document = sample.document
            try publisher.publish(topic: document.topic, payload: document.payload, number: number)
        }
        _ = try publisher.drain(seconds: 120)
    }

    /// Waits until as much has come as must, or nothing comes any more.
    private func wait(for plan: [Sample], _ witness: SchemaWitness) -> SchemaWitness {
        let events = plan.reduce(0) { $0 + $1.expected.readings.count }
        let letters = plan.count { $0.expected.isDeadLetter }
        var patience = Patience<Int>()
        while witness.enrichedCount < events || witness.deadLetters.count < letters,
            !patience.isSpent(at: witness.enrichedCount + witness.deadLetters.count)
        {
            ChildProcess.pause(0.02)
        }
        return witness
    }

    /// Waits until each group with readings has told its first version, and until what could still be told has
    /// been: a change is told when its burst is over.
    private func isAtRest(_ samples: [Sample], _ witness: SchemaWitness) -> Bool {
        let groups = Set(samples.filter { !$0.expected.readings.isEmpty }.map(\.group)).count
        func learned() -> Int { witness.told.count { $0.kind == "schema_learned" } }
        var patience = Patience<Int>()
        while learned() < groups {
            if patience.isSpent(at: learned()) { return false }
            ChildProcess.pause(0.02)
        }
        ChildProcess.pause(Double(Self.burstMilliseconds) / 1_000 * 3)
        return true
    }

    // Judging.

    private func judge(
        _ plan: [Sample],
        _ witness: SchemaWitness,
        into report: inout SchemaReport
    ) {
        report.documents += plan.count
        let expected = plan.flatMap { sample in
            sample.expected.readings.map { (sample.document, $0) }
        }
        let events = witness.enriched
        report.wrong += abs(expected.count - events.count)
        if expected.count != events.count {
            say("\(expected.count) readings were expected, \(events.count) have come")
        }
        var complaints = 0
        // One publisher with QoS 1: events stand in the log in the order of their documents.
        for ((document, reading), event) in zip(expected, events) {
            let faults = DocumentEvent(event).faults(reading)
            report.paths += reading.leaves.count
            report.wrong += faults.count
            complaints += faults.isEmpty ? 0 : 1
            if !faults.isEmpty, complaints <= 5 {
                say("\(document.topic): \(faults.prefix(3).joined(separator: "; "))")
            }
        }
        judgeDeadLetters(plan, witness, into: &report)
    }

    private func judgeDeadLetters(
        _ plan: [Sample],
        _ witness: SchemaWitness,
        into report: inout SchemaReport
    ) {
        var missing: [String: Int] = [:]
        for sample in plan where sample.expected.isDeadLetter {
            missing[String(decoding: sample.document.payload, as: UTF8.self), default: 0] += 1
        }
        for letter in witness.deadLetters { missing[letter.payload, default: 0] -= 1 }
        let unequal = missing.filter { $0.value != 0 }
        report.wrong += unequal.values.reduce(0) { $0 + abs($1) }
        for (payload, count) in unequal.prefix(5) {
            let letter = witness.deadLetters.first { $0.payload == payload }
            say(
                "\(count > 0 ? "no dead letter" : "a dead letter, \(letter?.reason ?? ""):") "
                    + "\(payload.prefix(200))"
            )
        }
    }
}

/// An enriched event, read by Foundation.
struct DocumentEvent {
    let vehicle: String
    let signals: [String: SignalValue]

    init(_ payload: [UInt8]) {
        let json = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
        vehicle = json?["vehicle"] as? String ?? ""
        signals = (json?["signals"] as? [String: Any] ?? [:])
            .compactMapValues { SignalValue(foundation: $0) }
    }

    /// What is not as the model has it: leaves that are missing, too many or different.
    func faults(_ reading: LeafModel.Reading) -> [String] {
        var faults: [String] = []
        if vehicle != reading.vehicle {
            faults.append("vehicle \(vehicle), not \(reading.vehicle)")
        }
        for (name, values) in reading.leaves {
            guard let value = signals[name] else {
                faults.append("\(name) is missing")
                continue
            }
            if !values.contains(value) { faults.append("\(name) is \(value), not \(values)") }
        }
        for name in signals.keys where reading.leaves[name] == nil {
            faults.append("\(name) is too much")
        }
        return faults.sorted()
    }
}
