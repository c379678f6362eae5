// SPDX-License-Identifier: Apache-2.0
// One message, one outcome: what goes into which stream, and what every limit does.
import Testing

@testable import Gateway

@Suite struct ProcessorTests {
    private func letter(_ processed: ProcessedBatch) throws -> [String: SignalValue] {
        try #require(try processed.flat(StreamName.deadLetter).first)
    }

    @Test func messageIsKeptRawAndEnriched() throws {
        let processed = try TestGateway().process(#"{"speed":12.5}"#, arrival: .seconds(3))
        #expect(processed.payloads(StreamName.raw) == [#"{"speed":12.5}"#])
        #expect(
            processed.payloads(StreamName.enriched) == [
                #"{"vehicle":"car","event_time":1767600003000,"arrival_time":1767600003000,"#
                    + #""gateway":"depot","source":"vehicles","offset":1,"alerts":[],"#
                    + #""signals":{"speed":12.5}}"#
            ]
        )
        #expect(processed.outcome.vehicles.map(\.id) == ["car"])
        #expect(processed.outcome.raw.map(\.key) == ["car"])
        #expect(processed.outcome.enriched.map(\.topic) == ["fleet/car/state"])
    }

    @Test func offsetsGoOnFromWhereTheLogIs() throws {
        let gateway = try TestGateway(nextOffsets: ["enriched": 7, "raw": 5])
        let first = try gateway.process("[{},{},1]")
        #expect(first.outcome.enriched.map(\.offset) == [7, 8])
        #expect(first.outcome.raw.map(\.offset) == [5])
        #expect(first.outcome.deadLetter.map(\.offset) == [1])
        #expect(try gateway.process("{}").outcome.enriched.map(\.offset) == [9])
    }

    @Test func rawIsLeftOutWhenNotWanted() throws {
        var configuration = try Configuration.testing()
        configuration.log.keepsRaw = false
        #expect(try TestGateway(configuration).process("{}").outcome.raw.isEmpty)
    }

    @Test func clockFlagIsToldAndCounted() throws {
        let processed = try TestGateway().process(#"{"t":5}"#)
        #expect(processed.payloads(StreamName.enriched)[0].contains(#""clock":"past""#))
        #expect(processed.outcome.counts.clockFlagged == [0: 1])
    }

    @Test func outcomeOfNothingIsEmpty() throws {
        let gateway = try TestGateway()
        #expect(try gateway.process([]).outcome.isEmpty)
        let clock = ClockReading(now: .seconds(0), isHeard: [true])
        #expect(try gateway.process([], clock: clock).outcome.isEmpty)
    }

    // Dead letters.

    @Test func deadLetterHasEverythingOfItsMessage() throws {
        let processed = try TestGateway().process(#"{"a":}"#, arrival: .seconds(1))
        #expect(
            processed.payloads(StreamName.deadLetter) == [
                #"{"time":"2026-01-05T08:00:01.000Z","source":"vehicles","topic":"fleet/car/state","#
                    + #""kind":"not_json","reason":"not JSON","position":5,"payload":"{\"a\":}"}"#
            ]
        )
        #expect(processed.outcome.deadLetter.map(\.key) == ["car"])
        #expect(processed.outcome.enriched.isEmpty)
        #expect(processed.outcome.counts.deadLetters.values.map(\.self) == [1])
    }

    @Test func payloadThatIsNoTextIsKeptInBase64() throws {
        let message = TestMessage("fleet/car/state", [0xFF, 0x00, 0x7B], arrival: .seconds(0))
        let processed = try TestGateway().process([message])
        #expect(try letter(processed)["payload_base64"] == .text("/wB7"))
        #expect(processed.outcome.raw.map(\.isText) == [false])
    }

    @Test func topicOfNoPatternIsADeadLetter() throws {
        let processed = try TestGateway()
            .process([TestMessage("other", "{}", arrival: .seconds(0))])
        #expect(
            try letter(processed)["reason"] == .text("the topic matches no pattern of the source")
        )
    }

    @Test func limitsMakeDeadLetters() throws {
        var configuration = try Configuration.testing()
        configuration.limits.payloadBytesMax = 8
        configuration.limits.topicBytesMax = 15
        configuration.limits.vehiclesMax = 1
        let gateway = try TestGateway(configuration)
        #expect(try gateway.process(#"{"abc":1}"#).outcome.deadLetter.count == 1)
        #expect(try gateway.process(#"{"ab":1}"#).outcome.enriched.count == 1)
        #expect(try gateway.process("{}", vehicle: "cars").outcome.deadLetter.count == 1)
        #expect(try gateway.process("{}", vehicle: "bus").outcome.deadLetter.count == 1)
        #expect(try gateway.process("{}").outcome.enriched.count == 1)
        #expect(gateway.processor.fleet.count == 1)
    }

    @Test func brokenElementDoesNotTakeTheOthersAlong() throws {
        let processed = try TestGateway().process(#"[{"a":1},7,{"a":2}]"#)
        #expect(processed.outcome.enriched.count == 2)
        #expect(try letter(processed)["reason"]?.text.hasPrefix("element 1: must be") == true)
        #expect(processed.outcome.raw.count == 1)
    }

    @Test func deadLettersOfOneMessageAreBoundedByItsSize() throws {
        // 256 KiB of `[0,0,…]` would make 131,072 dead letters of 256 KiB each: 34 GB of memory.
        let payload = "[" + Array(repeating: "0", count: 1_000).joined(separator: ",") + "]"
        let processed = try TestGateway().process(payload)
        #expect(!processed.outcome.deadLetter.isEmpty)
        #expect(processed.outcome.bytes.count < 10 * payload.utf8.count)
    }

    @Test func batchMayHoldMessagesOfManyKinds() throws {
        let gateway = try TestGateway()
        let messages = ["{}", "nope", "[{},{}]", "", "[]"]
            .map {
                TestMessage("fleet/car/state", $0, arrival: .seconds(0))
            }
        let processed = try gateway.process(messages)
        #expect(processed.outcome.enriched.count == 3)
        #expect(processed.outcome.deadLetter.count == 2)
        #expect(processed.payloads(StreamName.raw) == ["{}", "nope", "[{},{}]", "", "[]"])
        #expect(processed.outcome.vehicles.count == 1)
    }
}
