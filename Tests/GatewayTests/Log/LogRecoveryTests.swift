// SPDX-License-Identifier: Apache-2.0
// What a start takes back: vehicles, alerts and the redelivery ledger, as they were committed last.
import Testing

import class GRDB.Row

@testable import Gateway

@Suite struct LogRecoveryTests {
    private static let rules = RuleText.file(["fast": "speed > 100", "hot": "temp > 90"])

    private static func configuration(_ sources: [String] = ["vehicles"]) throws -> Configuration {
        let names = ["speed", "temp"]
        return try .testing(
            signals: names.map { SignalConfiguration(name: $0, paths: [$0]) },
            sources: sources
        )
    }

    /// A fleet in words: signals, times and alerts of every vehicle.
    private func words(_ processor: Processor) -> [String] {
        processor.fleet.vehicles
            .map { vehicle in
                let signals = vehicle.signals.indices.map {
                    let name = processor.signals.name(of: vehicle.signals[$0])
                    return "\(name)=\(vehicle.values[$0])@\(vehicle.times[$0].testSeconds)"
                }
                let alerts = vehicle.alerts.map { "\($0)" }
                return "\(vehicle.id) \(vehicle.source) \(vehicle.eventTime) \(vehicle.heardAt) "
                    + "\(signals.sorted()) \(alerts.sorted())"
            }
            .sorted()
    }

    @Test(arguments: 1...5)
    func fleetIsWhatItWas(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let gateway = try LoggedGateway(Self.configuration(["north", "south"]), rules: Self.rules)
        for second in 0..<200 as Range<Int64> {
            let time = Timestamp.seconds(second - Int64(random.int(0...20))).milliseconds
            let payload = """
                {"t":\(time),"speed":\(random.int(0...200)),"temp":\(random.int(0...120)),\
                "x\(random.int(0...5))":"\(random.int(0...9))"}
                """
            let topic = "fleet/car \(random.int(0...9))/state"
            let message = TestMessage(
                topic,
                payload,
                arrival: .seconds(second),
                source: random.int(0...1)
            )
            try gateway.process([message])
            if random.oneIn(30) { try gateway.saveVehicles() }
        }
        let fleet = words(gateway.processor)
        #expect(fleet.count == 10)
        try gateway.restart(rules: Self.rules)
        #expect(words(gateway.processor) == fleet)
        #expect(gateway.orphans.isEmpty)
    }

    @Test func snapshotHoldsEverythingUpToItsOffset() throws {
        let gateway = try LoggedGateway(Self.configuration())
        try gateway.process([#"{"speed":1}"#, #"{"temp":2}"#])
        #expect(gateway.writer.vehiclesAsOf == 0)
        #expect(try gateway.count("vehicle") == 0)
        try gateway.saveVehicles()
        #expect(gateway.writer.vehiclesAsOf == 2)
        #expect(try gateway.count("vehicle") == 1)
        let fleet = words(gateway.processor)
        // Nothing but the snapshot is left to recover from.
        try gateway.log.pool.write { try $0.execute(sql: "DELETE FROM enriched") }
        try gateway.restart()
        #expect(words(gateway.processor) == fleet)
        #expect(gateway.writer.vehiclesAsOf == 2)
    }

    @Test func recoveredVehiclesAreSavedWithTheNextSnapshot() throws {
        let gateway = try LoggedGateway(Self.configuration())
        try gateway.process([#"{"speed":1}"#], vehicle: "a")
        try gateway.restart()
        try gateway.saveVehicles()
        #expect(gateway.writer.vehiclesAsOf == 0)
        try gateway.process([#"{"speed":1}"#], vehicle: "b")
        try gateway.saveVehicles()
        #expect(gateway.writer.vehiclesAsOf == 2)
        #expect(try gateway.count("vehicle") == 2)
    }

    @Test func vehicleOfASourceThatIsGoneFallsToTheFirst() throws {
        let gateway = try LoggedGateway(Self.configuration(["north", "south"]))
        let message = TestMessage("fleet/car/state", "{}", arrival: .seconds(0), source: 1)
        try gateway.process([message])
        let processor = try TestGateway(Self.configuration()).processor
        _ = try gateway.log.recover(into: processor, sources: Self.configuration().sources)
        #expect(processor.fleet.vehicles.map(\.source) == [0])
    }

    @Test func alertsOfRulesThatAreGoneComeBackAsOrphans() throws {
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules)
        try gateway.process([#"{"speed":120,"temp":95}"#], vehicle: "b")
        try gateway.process([#"{"speed":120}"#], vehicle: "a")
        try gateway.restart(rules: RuleText.file(["hot": "temp > 90"]))
        #expect(gateway.orphans.map(\.vehicle) == ["a", "b"])
        #expect(gateway.orphans.map(\.alert) == ["fast", "fast"])
        #expect(gateway.orphans.map(\.instance.phase) == [.firing, .firing])
        let alerts = gateway.processor.fleet.vehicles.map { "\($0.id): \($0.alerts.count)" }
        #expect(alerts.sorted() == ["a: 0", "b: 1"])
    }

    @Test(arguments: ["ü 🚗", "a'b\"c", "x/+#", " "], [true, false])
    func vehicleIDIsTakenBackAsItWas(id: String, isSaved: Bool) throws {
        var json = JSONWriter()
        json.string(id)
        let topics = [try TopicConfiguration.testing("fleet/state", vehicle: "id")]
        let gateway = try LoggedGateway(.testing(topics: topics))
        let payload = "{\"id\":\(String(decoding: json.bytes, as: UTF8.self))}"
        try gateway.process([TestMessage("fleet/state", payload, arrival: .seconds(0))])
        if isSaved { try gateway.saveVehicles() }
        try gateway.restart()
        #expect(gateway.processor.fleet.vehicles.map(\.id) == [id])
    }

    @Test func payloadsCannotKeepTheGatewayFromStarting() async throws {
        // Two vehicles whose ids are equal up to a NUL: GRDB reads a text as a C string, both ids
        // come back as `a`, and `Fleet.insert` stops the process at every start from then on.
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            let topics = [try TopicConfiguration.testing("fleet/state", vehicle: "id")]
            let gateway = try LoggedGateway(
                .testing(topics: topics),
                in: TemporaryFolder(of: path)
            )
            try gateway.process(
                [#"{"id":"a"}"#, #"{"id":"a\u0000b"}"#]
                    .map {
                        TestMessage("fleet/state", $0, arrival: .seconds(0))
                    }
            )
            try gateway.saveVehicles()
            try gateway.restart()
        }
    }

    // The ledger.

    private func ledger(_ source: String, _ byte: UInt8) -> CommitExtras {
        CommitExtras(ledger: [(source, [UInt8](repeating: byte, count: 10))])
    }

    private func bytes(_ gateway: LoggedGateway, _ source: String = "vehicles") throws -> [UInt8] {
        try gateway.log.ledgerBatches(source: source).compactMap(\.first)
    }

    @Test func ledgerBatchesComeBackOldestFirst() throws {
        let gateway = try LoggedGateway()
        for byte in 1...3 as ClosedRange<UInt8> {
            try gateway.process([], extras: ledger("vehicles", byte))
        }
        try gateway.restart()
        try gateway.process([], extras: ledger("vehicles", 4))
        #expect(try bytes(gateway) == [1, 2, 3, 4])
        #expect(try bytes(gateway, "other").isEmpty)
    }

    @Test func voidLedgerIsGoneBeforeTheBatchThatFollowsIsWritten() throws {
        let gateway = try LoggedGateway(Self.configuration(["north", "south"]))
        try gateway.process([], extras: ledger("north", 1))
        try gateway.process([], extras: ledger("south", 2))
        var extras = ledger("north", 3)
        extras.voidSessions = ["north"]
        try gateway.process([], extras: extras)
        #expect(try bytes(gateway, "north") == [3])
        #expect(try bytes(gateway, "south") == [2])
    }

    /// A ledger's batch of so many messages, told by its first byte.
    private func batch(_ byte: UInt8, messages: Int) -> CommitExtras {
        let entries = [UInt8](repeating: byte, count: messages * RedeliveryLedger.entryBytes)
        return CommitExtras(ledger: [("vehicles", entries)])
    }

    @Test(arguments: [false, true])
    func ledgerReachesOverAllPacketIDsAndNoFurther(isRestarted: Bool) throws {
        // 65,535 messages are six batches and a part of a seventh.
        let gateway = try LoggedGateway()
        for byte in 1...20 as ClosedRange<UInt8> {
            try gateway.process([], extras: batch(byte, messages: 10_000))
            if isRestarted { try gateway.restart() }
        }
        #expect(try bytes(gateway) == Array(14...20))
        try gateway.process([], extras: batch(21, messages: 65_534))
        #expect(try bytes(gateway) == [20, 21])
        try gateway.process([], extras: batch(22, messages: 1))
        #expect(try bytes(gateway) == [21, 22])
    }

    @Test func batchThatFailsLeavesTheLedgerAsItWas() throws {
        let gateway = try LoggedGateway()
        try gateway.process([], extras: batch(1, messages: 65_535))
        #expect(throws: LogError.self) {
            try gateway.writer.transaction { () throws(SQLiteFailure) in
                throw SQLiteFailure(code: 13, message: "full")
            }
        }
        #expect(try bytes(gateway) == [1])
    }

    @Test func busySourceDoesNotPushOutTheLedgerOfAnother() throws {
        let gateway = try LoggedGateway(Self.configuration(["north", "vehicles"]))
        try gateway.process([], extras: ledger("north", 1))
        for byte in 1...8 as ClosedRange<UInt8> {
            try gateway.process([], extras: batch(byte, messages: 65_535))
        }
        #expect(try bytes(gateway, "north") == [1])
        #expect(try bytes(gateway) == [8])
    }
}
