// SPDX-License-Identifier: Apache-2.0
// Goal: a dead letter that is processed again takes effect as the message it was, and once. Method: a log that a
// gateway with a wrong configuration wrote, and the steps of a replay with a mended one.
import Testing

import class GRDB.Row

@testable import Gateway

@Suite struct ReplayTests {
    /// Reads the vehicle from where no payload has it.
    private static func wrong() throws -> Configuration {
        try .testing(topics: [.testing("fleet/{any}/state", vehicle: "vin")])
    }

    private static func mended() throws -> Configuration { try .testing() }

    private func message(
        _ payload: String,
        _ seconds: Int64,
        vehicle: String = "car"
    ) -> TestMessage {
        TestMessage("fleet/\(vehicle)/state", payload, arrival: .seconds(seconds))
    }

    private func replay(
        _ gateway: LoggedGateway,
        _ offsets: [Int64],
        _ configuration: Configuration? = nil
    ) throws -> ReplayReport {
        let replay = try OfflineReplay(configuration ?? Self.mended(), log: gateway.log)
        let report = try replay.replay(offsets)
        try replay.finish()
        return report
    }

    private func signals(_ gateway: LoggedGateway) throws -> [SignalValue?] {
        try gateway.payloads("enriched").map { try flatten($0)["signals.n"] }
    }

    @Test func mendedMessagesTakeEffectOnce() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process((1...250).map { message(#"{"n":\#($0)}"#, Int64($0)) })
        #expect(try gateway.count("dead_letter") == 250)
        let report = try replay(gateway, Array(1...250))
        #expect(report == ReplayReport(applied: 250))
        #expect(try signals(gateway) == (1...250).map { .int($0) })
        // They have the arrivals of then, and are in raw since.
        let arrivals = try gateway.events("enriched").map(\.arrival)
        #expect(arrivals == (1...250).map { .seconds(Int64($0)) })
        #expect(try gateway.count("raw") == 250)
        let before = try gateway.dump()
        #expect(try replay(gateway, Array(1...250)) == ReplayReport(already: 250))
        #expect(try gateway.dump() == before)
    }

    @Test func oneThatIsAskedForTwiceAtOnceTakesEffectOnce() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([message(#"{"n":1}"#, 1)])
        #expect(try replay(gateway, [1, 1]) == ReplayReport(applied: 1, already: 1))
        #expect(try gateway.count("enriched") == 1)
    }

    @Test func oldNewsDoesNotRollStateBack() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([message(#"{"n":1}"#, 1), message(#"{"vin":"car","n":2}"#, 2)])
        try gateway.saveVehicles()
        #expect(try replay(gateway, [1]) == ReplayReport(applied: 1))
        #expect(try signals(gateway) == [.int(2), .int(1)])
        #expect(try gateway.payloads("enriched")[1].contains(#""late":true"#))
        try gateway.restart()
        let id = try #require(gateway.processor.signals.existingID(ofName: "n"))
        #expect(gateway.processor.fleet.vehicles.map { $0.value(of: id) } == [.int(2)])
    }

    @Test func oneThatFailsAgainIsANewDeadLetterThatCanBeReplayed() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([message(#"{"n":1}"#, 1)])
        let report = try replay(gateway, [1], Self.wrong())
        #expect(report == ReplayReport(failed: 1))
        let again = StoredDeadLetter(try gateway.events("dead_letter")[1])
        #expect(again.replayOf == 1)
        #expect(again.payload == Array(#"{"n":1}"#.utf8))
        #expect(try replay(gateway, [1, 2]) == ReplayReport(applied: 1, already: 1))
        #expect(try gateway.count("enriched") == 1)
    }

    // An empty array gives no event at all, and so an outcome of nothing.
    @Test func messageWithoutAnyEffectIsNotedToo() throws {
        var narrow = try Self.mended()
        narrow.limits.payloadBytesMax = 1
        let gateway = try LoggedGateway(narrow)
        try gateway.process([message("[]", 1)])
        #expect(try gateway.count("dead_letter") == 1)
        #expect(try replay(gateway, [1]) == ReplayReport(applied: 1))
        #expect(try replay(gateway, [1]) == ReplayReport(already: 1))
    }

    // Arrays.

    @Test func elementsThatTookEffectDoNotTakeItAgain() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([
            message(#"[{"vin":"a","n":1},{"n":2},{"vin":"b","n":3},{"n":4}]"#, 1)
        ])
        #expect(try signals(gateway) == [.int(1), .int(3)])
        #expect(try replay(gateway, [1]) == ReplayReport(applied: 1))
        #expect(try signals(gateway) == [.int(1), .int(3), .int(2), .int(4)])
    }

    @Test func elementsThatFailAgainAreTheOnlyOnesLeft() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([message(#"[{"vin":"a","n":1},{"n":2},7]"#, 1)])
        #expect(try replay(gateway, [1]) == ReplayReport(failed: 1))
        #expect(try signals(gateway) == [.int(1), .int(2)])
        let again = StoredDeadLetter(try gateway.events("dead_letter")[1])
        #expect(again.elements == .some([2]))
    }

    // What can't be.

    @Test func refusalsSayWhy() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([
            message("x", 1), TestMessage("other/topic", "x", arrival: .seconds(2)),
        ])
        let refused = RefusedEvent(
            sink: "cloud",
            stream: "enriched",
            event: StoredEvent(
                offset: 1,
                eventTime: .seconds(0),
                arrival: .seconds(0),
                key: "car",
                topic: "fleet/car/state",
                payload: []
            ),
            reason: "too large"
        )
        try gateway.writer.commit(
            gateway.processor.refused([refused], at: .seconds(3)),
            of: MessageBatch(),
            CommitExtras()
        )
        let eviction = Eviction(
            stream: "raw",
            firstOffset: 1,
            lastOffset: 2,
            cause: .budget,
            undelivered: 0
        )
        try gateway.writer.commit(
            gateway.processor.gap(eviction, at: .seconds(4)),
            of: MessageBatch(),
            CommitExtras()
        )
        let report = try replay(gateway, [2, 3, 4, 5])
        #expect(report.refused.map(\.example) == [2, 3, 4, 5])
        for (refusal, words) in zip(
            report.refused,
            ["matches no pattern", "a sink has refused it", "news of a gap", "does not hold it"]
        ) {
            #expect(refusal.reason.contains(words))
        }
        let other = try Configuration.testing(sources: ["others"])
        #expect(try replay(gateway, [1], other).refused[0].reason.contains("no source 'vehicles'"))
        #expect(try gateway.count("replayed") == 0)
    }

    // Retention.

    @Test func marksGoWithTheirLetters() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process((1...4).map { message("{}", Int64($0)) })
        var extras = CommitExtras()
        extras.deadLetters.replayed = [1, 3, 4]
        try gateway.writer.commit(Outcome(), of: MessageBatch(), extras)
        try gateway.writer.deleteHead(of: StreamName.deadLetter, through: 3)
        #expect(try gateway.count("replayed") == 1)
        // Of another stream nothing follows for them.
        try gateway.writer.deleteHead(of: StreamName.raw, through: 4)
        #expect(try gateway.count("replayed") == 1)
    }

    @Test func noDeadLetterIsNotedTwice() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([message("{}", 1)])
        var extras = CommitExtras()
        extras.deadLetters.replayed = [1]
        try gateway.writer.commit(Outcome(), of: MessageBatch(), extras)
        #expect(throws: LogError.self) {
            try gateway.writer.commit(Outcome(), of: MessageBatch(), extras)
        }
    }

    // What an old letter causes stands behind younger events with the arrival of then.
    @Test func oldArrivalTakesNoYoungerEventAlong() throws {
        let gateway = try LoggedGateway(Self.mended())
        try gateway.process([
            message("{}", 100), message("{}", 101), message("{}", 1), message("{}", 102),
        ])
        try gateway.saveVehicles()
        var configuration = LogConfiguration()
        for name in StreamName.all {
            configuration.streams[name] = RetentionConfiguration(ageSeconds: 50, bytes: .max)
        }
        let eviction = try gateway.writer.evictChunk(
            configuration,
            cursors: [:],
            now: .seconds(110)
        )
        #expect(eviction == nil)
        #expect(try gateway.offsets("enriched") == [1, 2, 3, 4])
    }

    // Beforehand.

    @Test func previewTellsWhatWouldHappen() throws {
        let gateway = try LoggedGateway(Self.wrong())
        try gateway.process([message(#"{"n":1}"#, 1), message("broken", 2), message("[7]", 3)])
        let preview = try ReplayPreview(Self.mended())
        for event in try gateway.events("dead_letter") { preview.add(StoredDeadLetter(event)) }
        #expect(preview.report == ReplayReport(applied: 1, failed: 2))
        #expect(preview.failures.keys.contains { $0.hasPrefix("not_json: ") })
        #expect(preview.failures.keys.contains { $0.hasPrefix("wrong_form: ") })
        #expect(try gateway.count("replayed") == 0)
    }
}
