// SPDX-License-Identifier: Apache-2.0
// The lines that people and programs read, character by character.
import Testing

@testable import Gateway

@Suite struct EventWriterTests {
    private static let rules = """
        groups:
        - name: lights
          rules:
          - alert: headlights_left_on
            expr: headlights AND "v.gear" = 'P'
            labels: {severity: critical, team: depot}
            annotations:
              summary: '{{ vehicle }}: {{ severity }} {{ alert }} since {{ since }}, {{ fuel }} l'
              hint: turn them off
        """

    private static let payload = #"{"headlights":true,"v":{"gear":"P","tank":{"level":12.3456}}}"#

    private func gateway() throws -> TestGateway {
        try TestGateway(.cars(), rules: Self.rules)
    }

    @Test func outlierIsReadFromLeftToRight() throws {
        let version = RuleFile.version(of: Self.rules)
        #expect(
            try gateway().process(Self.payload).payloads(StreamName.outlier) == [
                #"{"time":"2026-01-05T08:00:00.000Z","alert":"headlights_left_on","state":"firing","#
                    + #""vehicle":"car","severity":"critical","#
                    + #""summary":"car: critical headlights_left_on since 2026-01-05T08:00:00.000Z, 12.35 l","#
                    + #""hint":"turn them off","values":{"headlights":true,"v.gear":"P"},"#
                    + #""since":"2026-01-05T08:00:00.000Z","labels":{"team":"depot"},"gateway":"depot","#
                    + #""rule":"rules.yaml:4","version":"\#(version)","#
                    + #""id":"headlights_left_on/car/1767600000000/firing"}"#
            ]
        )
    }

    @Test func firingSummaryListsWhatFires() throws {
        let gateway = try gateway()
        #expect(
            try gateway.process(Self.payload).payloads(StreamName.firing) == [
                #"{"time":"2026-01-05T08:00:00.000Z","vehicle":"car","firing":[{"alert":"#
                    + #""headlights_left_on","severity":"critical","since":"2026-01-05T08:00:00.000Z"}],"#
                    + #""gateway":"depot"}"#
            ]
        )
        let resolved = try gateway.process(#"{"headlights":false}"#)
        #expect(resolved.payloads(StreamName.firing)[0].contains(#""firing":[]"#))
        #expect(try resolved.flat(StreamName.outlier)[0]["state"] == .text("resolved"))
    }

    @Test func enrichedEventNamesWhatFires() throws {
        let enriched = try gateway().process(Self.payload).payloads(StreamName.enriched)
        #expect(enriched[0].contains(#""alerts":["headlights_left_on"]"#))
        #expect(enriched[0].contains(#""signals":{"headlights":true,"v.gear":"P","fuel":12.3456}"#))
    }

    @Test(arguments: [
        ("1", "1"), ("1.0", "1"), ("0.126", "0.13"), ("-2.5", "-2.5"), ("100000.0", "100000"),
        ("1e300", "1e+300"), ("true", "true"), (#""x\"y""#, #"x"y"#), ("null", "null"),
    ])
    func valueInASentenceIsBrief(value: String, text: String) throws {
        let rules = RuleText.file(["a": "speed"]) + "\n    annotations: {summary: '{{ note }}'}"
        let processed = try TestGateway(.cars(), rules: rules)
            .process(#"{"speed":1,"note":\#(value)}"#)
        #expect(try processed.flat(StreamName.outlier)[0]["summary"] == .text(text))
    }

    @Test func valueNotSeenIsUnknown() throws {
        let rules = RuleText.file(["a": "speed"]) + "\n    annotations: {summary: '{{ note }}'}"
        let processed = try TestGateway(.cars(), rules: rules).process(#"{"speed":1}"#)
        #expect(try processed.flat(StreamName.outlier)[0]["summary"] == .text("unknown"))
    }

    @Test(arguments: ["time", "id", "values", "enrichment", "vehicle"])
    func annotationMayNotTakeTheNameOfAMember(name: String) throws {
        let rules = RuleText.file(["a": "speed"]) + "\n    annotations: {\(name): mine}"
        #expect(throws: Problems.self) { try TestGateway(.cars(), rules: rules) }
    }

    @Test func gapEventTellsWhatIsGone() throws {
        let eviction = Eviction(
            stream: "enriched",
            firstOffset: 3,
            lastOffset: 10,
            cause: .budget,
            undelivered: 4
        )
        let outcome = try TestGateway().processor.gap(eviction, at: .seconds(0))
        #expect(
            String(decoding: outcome.bytes.bytes, as: UTF8.self)
                == #"{"time":"2026-01-05T08:00:00.000Z","reason":"evicted for the disk budget","#
                + #""stream":"enriched","first_offset":3,"last_offset":10,"events":8,"undelivered":4}"#
        )
        #expect(outcome.deadLetter.map(\.topic) == ["enriched"])
    }

    @Test func refusedEventBecomesADeadLetter() throws {
        let stored = StoredEvent(
            offset: 9,
            eventTime: .seconds(-5),
            arrival: .seconds(-4),
            key: "car",
            topic: "speeding",
            payload: Array("{}".utf8)
        )
        let refusal = RefusedEvent(
            sink: "cloud",
            stream: "outlier",
            event: stored,
            reason: "the topic is not valid"
        )
        let processor = try TestGateway().processor
        let outcome = processor.refused([refusal, refusal], at: .seconds(0))
        #expect(outcome.deadLetter.map(\.offset) == [1, 2])
        #expect(outcome.deadLetter.map(\.key) == ["car", "car"])
        let first = try #require(outcome.deadLetter.first)
        let letter = try flatten(
            String(decoding: outcome.bytes.bytes[first.payload], as: UTF8.self)
        )
        #expect(letter["source"] == .text("cloud/outlier/9"))
        #expect(letter["reason"] == .text("the topic is not valid"))
        #expect(letter["payload"] == .text("{}"))
    }
}
