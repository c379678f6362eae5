// SPDX-License-Identifier: Apache-2.0
// A commit is all or nothing, and offsets are given once.
import Testing

@testable import Gateway

@Suite struct LogWriterTests {
    private static let rules = RuleText.file(["fast": "speed > 100"])

    private static func configuration() throws -> Configuration {
        try .testing(signals: [SignalConfiguration(name: "speed", paths: ["speed"])])
    }

    /// A batch of so many messages, with an alert that fires or resolves and a dead letter.
    private func messages(_ batch: Int, count: Int = 20) -> [TestMessage] {
        (0..<count)
            .map { number in
                let speed = batch.isMultiple(of: 2) ? 120 : 80
                let payload = number == 7 ? "broken" : "{\"speed\":\(speed),\"n\":\(number)}"
                return TestMessage(
                    "fleet/car\(number % 3)/state",
                    payload,
                    arrival: .seconds(Int64(batch))
                )
            }
    }

    private func extras(_ batch: Int) -> CommitExtras {
        CommitExtras(
            ledger: [("vehicles", [UInt8](repeating: UInt8(batch & 0xFF), count: 10))],
            cursors: [CursorMove(sink: "cloud", stream: "raw", offset: Int64(batch))]
        )
    }

    @Test func everythingOfABatchIsInTheLog() throws {
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules)
        let outcome = try gateway.process(messages(0), extras: extras(9))
        #expect(try gateway.offsets(StreamName.raw) == Array(1...20))
        #expect(try gateway.offsets(StreamName.enriched) == Array(1...19))
        #expect(try gateway.offsets(StreamName.deadLetter) == [1])
        #expect(try gateway.offsets(StreamName.outlier) == [1, 2, 3])
        #expect(try gateway.offsets(StreamName.firing) == [1, 2, 3])
        #expect(outcome.vehicles.count == 3)
        #expect(try gateway.count("alert") == 3)
        #expect(
            try gateway.log.ledgerBatches(source: "vehicles") == [[UInt8](repeating: 9, count: 10)]
        )
        #expect(try LogReader(log: gateway.log).cursor(sink: "cloud", stream: "raw") == 9)
    }

    @Test func rowHasTimesKeyTopicAndPayload() throws {
        let gateway = try LoggedGateway()
        try gateway.process([#"{"t":1767599999000}"#], arrival: .seconds(5))
        let raw = try #require(try gateway.events(StreamName.raw).first)
        #expect(raw.eventTime == .seconds(5))
        let enriched = try #require(try gateway.events(StreamName.enriched).first)
        #expect(enriched.eventTime == .seconds(-1))
        #expect(enriched.arrival == .seconds(5))
        #expect(enriched.key == "car")
        #expect(enriched.topic == "fleet/car/state")
    }

    @Test(arguments: [
        [UInt8](), [0], Array("ü 🚗".utf8), [0xFF, 0, 0xFE], Array("a\u{0}b".utf8),
        [UInt8](repeating: 0x80, count: 100_000),
    ])
    func payloadIsKeptByteByByte(payload: [UInt8]) throws {
        let gateway = try LoggedGateway()
        try gateway.process([TestMessage("fleet/car/state", payload, arrival: .seconds(0))])
        #expect(try gateway.events(StreamName.raw).map(\.payload) == [payload])
    }

    @Test func extentsCountWhatIsThere() throws {
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules)
        for batch in 0..<3 { try gateway.process(messages(batch)) }
        try gateway.writer.deleteHead(of: StreamName.raw, through: 13)
        for stream in StreamName.all {
            let events = try gateway.events(stream)
            let bytes = events.map { $0.payload.count + $0.key.utf8.count + $0.topic.utf8.count }
            let extent = try #require(gateway.writer.extents[stream])
            #expect(extent.bytes == Int64(bytes.reduce(0, +)), "\(stream)")
            #expect(extent.firstOffset == events.first?.offset ?? 1, "\(stream)")
            #expect(extent.nextOffset == (events.last?.offset ?? 0) + 1, "\(stream)")
        }
        let extents = gateway.writer.extents
        try gateway.restart(rules: Self.rules)
        #expect(gateway.writer.extents == extents)
    }

    // A full disk.

    /// Commits until the quota is spent and gives the number of batches that were committed.
    private func fill(
        _ gateway: LoggedGateway
    ) throws -> (batches: Int, before: [String], error: LogError?) {
        for batch in 0..<10_000 {
            let before = try gateway.dump()
            do {
                try gateway.process(messages(batch), extras: extras(batch))
            } catch let error as LogError {
                return (batch, before, error)
            }
        }
        return (10_000, [], nil)
    }

    @Test func commitThatFailsLeavesNothingBehind() throws {
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules, pagesMax: 60)
        let extents = gateway.writer.extents
        let (batches, before, error) = try fill(gateway)
        #expect(batches > 3)
        #expect(error?.isFull == true)
        #expect(
            error?.description.hasPrefix("the disk is full: free space, or lower log.budget")
                == true
        )
        #expect(try gateway.dump() == before)
        #expect(gateway.writer.extents != extents)
        #expect(gateway.writer.extents["raw"]?.nextOffset == Int64(batches * 20 + 1))
        try gateway.restart(rules: Self.rules)
        #expect(try gateway.dump() == before)
    }

    @Test func commitsGoOnWhenThereIsSpaceAgain() throws {
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules, pagesMax: 60)
        let batches = try fill(gateway).batches
        for stream in [StreamName.raw, StreamName.enriched] {
            try gateway.writer.deleteHead(of: stream, through: Int64(batches * 19 - 5))
        }
        try gateway.recover(rules: Self.rules)
        try gateway.process(messages(batches), extras: extras(batches))
        #expect(try gateway.offsets(StreamName.raw).last == Int64(batches * 20 + 20))
        #expect(try gateway.log.ledgerBatches(source: "vehicles").count == batches + 1)
    }

    @Test func sameWriterGoesOnAfterAFailure() throws {
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules, pagesMax: 60)
        _ = try fill(gateway)
        let head = try #require(gateway.writer.extents["raw"]).nextOffset - 2
        try gateway.writer.deleteHead(of: StreamName.raw, through: head)
        let outcome = gateway.processor.gap(
            Eviction(
                stream: "raw",
                firstOffset: 1,
                lastOffset: head,
                cause: .budget,
                undelivered: 0
            ),
            at: .seconds(0)
        )
        #expect(throws: Never.self) {
            try gateway.writer.commit(outcome, of: MessageBatch(), CommitExtras())
        }
    }

    @Test func vehiclesOfABatchThatFailedAreNotSaved() throws {
        // When intake ends while the log is full, `IntakeLoop.finish` saves the vehicles: what the
        // broker will send again would then seem known already, and concern no rule.
        let gateway = try LoggedGateway(Self.configuration(), rules: Self.rules, pagesMax: 60)
        _ = try fill(gateway)
        var committed: Int64 = 0
        #expect(throws: LogError.self) {
            for speed in 1...1_000 as ClosedRange<Int64> {
                try gateway.process(["{\"speed\":\(speed)}"], vehicle: "bus")
                committed = speed
            }
        }
        let head = try #require(gateway.writer.extents["raw"]).nextOffset - 2
        try gateway.writer.deleteHead(of: StreamName.raw, through: head)
        try gateway.process(["{}"], vehicle: "tram")
        try gateway.saveVehicles()
        try gateway.recover(rules: Self.rules)
        let fleet = gateway.processor.fleet
        let index = fleet.index(of: "bus")
        let speed = try #require(gateway.processor.signals.existingID(ofName: "speed"))
        let value = index.flatMap { fleet.vehicles[$0].value(of: speed) }
        #expect(value == .int(committed))
    }

    // Offsets.

    @Test func offsetsAreNotGivenAgainAfterTheHeadIsDeleted() throws {
        let gateway = try LoggedGateway()
        try gateway.process(["{}", "{}", "{}"])
        try gateway.writer.deleteHead(of: StreamName.enriched, through: 2)
        try gateway.restart()
        try gateway.process(["{}"])
        #expect(try gateway.offsets(StreamName.enriched) == [3, 4])
    }

    @Test func offsetsAreNotGivenAgainAfterEverythingIsDeleted() throws {
        let gateway = try LoggedGateway()
        try gateway.process(["{}", "{}", "{}"])
        try gateway.writer.deleteHead(of: StreamName.enriched, through: 3)
        try gateway.restart()
        #expect(try LogReader(log: gateway.log).count(of: StreamName.enriched, after: 1) == 0)
        try gateway.process(["{}"])
        #expect(try gateway.offsets(StreamName.enriched) == [4])
    }

    // The write-ahead file.

    @Test func checkpointKeepsTheWriteAheadFileBounded() throws {
        let gateway = try LoggedGateway()
        let payload = [UInt8](repeating: 0x80, count: 200_000)
        let message = TestMessage("fleet/car/state", payload, arrival: .seconds(0))
        var largest: Int64 = 0
        for _ in 0..<60 {
            try gateway.process([message, message])
            gateway.writer.checkpointIfNeeded()
            largest = max(largest, gateway.log.walBytes)
        }
        #expect(largest > Int64(LogWriter.checkpointFrames) * 4_096)
        #expect(largest < Int64(LogWriter.checkpointFrames) * 4_096 + 2_000_000)
        #expect(try gateway.offsets(StreamName.raw).count == 120)
    }
}
