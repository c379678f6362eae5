// SPDX-License-Identifier: Apache-2.0
// The corners of flattening that docs/flattening.md defines, from the payload to the vehicle.
import Foundation
import Testing

@testable import Gateway

@Suite struct FlatteningEdgeTests {
    /// The signals of an enriched event by the bytes of their names.
    private func enriched(_ payload: String) throws -> String {
        let text = try TestGateway().process(payload).payloads(StreamName.enriched)[0]
        let start = try #require(text.firstRange(of: #""signals":"#)?.upperBound)
        return String(text[start...].dropLast())
    }

    @Test(arguments: [
        // Collisions: the later counts.
        (#"{"a":{"b":1},"a.b":2}"#, #"{"a.b":2}"#), (#"{"a.b":2,"a":{"b":1}}"#, #"{"a.b":1}"#),
        (#"{"a":1,"a":2}"#, #"{"a":2}"#), (#"{"a":[1],"a.0":2}"#, #"{"a.0":2}"#),
        (#"{"a":1,"a":{}}"#, #"{"a":1}"#),
        // Empty keys are levels with an empty name.
        (#"{"":1}"#, #"{"":1}"#), (#"{"":{"a":1},"a":2}"#, #"{".a":1,"a":2}"#),
        (#"{"":{"":{"":1}}}"#, #"{"..":1}"#), (#"{"a":{"":1},"a.":2}"#, #"{"a.":2}"#),
        // Dots inside keys are dots.
        (
            #"{"position.latitude":1,"position":{"longitude":2}}"#,
            #"{"position.latitude":1,"position.longitude":2}"#
        ),
        // Null bytes and other control characters.
        (#"{"a\u0000b":"c\u0000d","a":1}"#, #"{"a\u0000b":"c\u0000d","a":1}"#),
        // Integers keep their digits.
        (
            #"{"a":[9007199254740993,-9223372036854775808,9223372036854775808,18446744073709551615]}"#,
            #"{"a.0":9007199254740993,"a.1":-9223372036854775808,"a.2":9223372036854775808,"a.3":18446744073709551615}"#
        ),
        // Empty arrays and objects are no signals.
        (#"{"a":[],"b":{},"c":[[],{}],"d":0}"#, #"{"d":0}"#),
    ])
    func payloadHasTheseSignals(payload: String, signals: String) throws {
        #expect(try enriched(payload) == signals)
    }

    @Test func namesThatLookAlikeAreTwo() throws {
        let composed = "é"
        let decomposed = "e\u{301}"
        let gateway = try TestGateway()
        let text =
            try gateway.process(#"{"\#(composed)":1,"\#(decomposed)":2,"x":{"\#u{301}y":3}}"#)
            .payloads(StreamName.enriched).first ?? ""
        #expect(
            Array(text.utf8).split(separator: UInt8(ascii: "{")).last.map { Array($0) }
                == Array(#""\#(composed)":1,"\#(decomposed)":2,"x.\#("\u{301}")y":3}}"#.utf8)
        )
        let vehicle = gateway.processor.fleet.vehicles[0]
        #expect(vehicle.signals.count == 3)
        let names = vehicle.signals.map { Array(gateway.processor.signals.name(of: $0).utf8) }
        #expect(
            Set(names) == [Array(composed.utf8), Array(decomposed.utf8), Array("x.\u{301}y".utf8)]
        )
        #expect(Set(vehicle.values) == [.int(1), .int(2), .int(3)])
    }

    @Test(arguments: [false, true])
    func vehicleComesBackToTheDigitAndTheByte(isSaved: Bool) throws {
        func state(_ processor: Processor) -> [[UInt8]: SignalValue] {
            let vehicle = processor.fleet.vehicles[0]
            let names = vehicle.signals.map { Array(processor.signals.name(of: $0).utf8) }
            return Dictionary(uniqueKeysWithValues: zip(names, vehicle.values))
        }
        let gateway = try LoggedGateway()
        let payload = """
            {"a":[9007199254740993,18446744073709551615,1.0],"é":1,"e\u{301}":2,"":{"":3},\
            "\u{301}x":4,"q\\u0000":"\\u0000","b":5,"b":{},"a.3":6}
            """
        try gateway.process([payload])
        if isSaved { try gateway.saveVehicles() }
        let before = state(gateway.processor)
        #expect(before.count == 10)
        #expect(before[Array("b".utf8)] == .int(5))
        try gateway.restart()
        #expect(state(gateway.processor) == before)
    }

    @Test func topicsThatLookAlikeNameTwoSignals() throws {
        let decoder = TestDecoder(try .testing("fleet/{vehicle}/v/{signal}", format: .scalar))
        for name in ["é", "e\u{301}", "é"] {
            let column = try decoder.decode("1", topic: "fleet/car/v/\(name)")[0]
                .reading.shape.columns[0]
            #expect(Array(column.name.utf8) == Array(name.utf8))
        }
    }

    @Test func largeIntegersReachRulesAsReals() throws {
        let rules = """
            groups:
              - name: g
                rules:
                  - {alert: odd, expr: '"odometer" > 18e18 AND typeof("odometer") = ''real'''}
            """
        let batch = try TestGateway(rules: rules).process(#"{"odometer":18446744073709551615}"#)
        let outlier = try #require(batch.payloads(StreamName.outlier).first)
        #expect(outlier.contains(#""odometer":18446744073709551615"#))
    }

    @Test func vehicleAndTimeFollowTheLaterOfTwoToo() throws {
        let decoder = TestDecoder(try .testing("fleet/state", vehicle: "id"))
        let reading =
            try
            decoder.decode(
                #"{"id":"a","t":1000000000000,"id":"b","t":1000000000001}"#,
                topic: "fleet/state"
            )[0]
            .reading
        #expect(reading.vehicle == "b")
        #expect(reading.eventTime.milliseconds == 1_000_000_000_001)
    }

    @Test(arguments: [
        (#"{"a":18446744073709551616}"#, "an integer needs more than 64 bits"),
        (#"{"a":1e400}"#, "a number is beyond what a double holds"),
        (
            String(repeating: #"{"a":"#, count: 40) + "1" + String(repeating: "}", count: 40),
            "nested too deeply"
        ),
    ])
    func whatCannotBeTakenIsADeadLetter(payload: String, reason: String) throws {
        let batch = try TestGateway().process(payload)
        #expect(batch.payloads(StreamName.enriched).isEmpty)
        #expect(
            try batch.flat(StreamName.deadLetter).first?["reason"]?.text.contains(reason) == true
        )
    }

    @Test func namesOfALargeElementAreMeasuredBeforeTheyAreMade() throws {
        // 100,000 times a key of 100,000 bytes would be 10 GB of names.
        let key = String(repeating: "k", count: 100_000)
        let items = Array(repeating: "0", count: 70_000).joined(separator: ",")
        let decoder = TestDecoder(try .testing())
        let failure = #expect(throws: DecodingFailure.self) {
            try decoder.decode("{\"\(key)\":[\(items)]}")
        }
        #expect(failure?.kind == .overLimit)
    }

    @Test func kindsTellIntegersFromDoublesWhereShapesDoNot() throws {
        let parser = JSONParser(depthMax: 8)
        func hashes(_ text: String) throws -> (shape: UInt64, numbers: UInt64) {
            let document = try parser.parse(text)
            return (document.hash(of: 0), document.numberHash(of: 0))
        }
        let first = try hashes(#"{"a":1,"b":2}"#)
        for text in [#"{"a":1.0,"b":2}"#, #"{"a":1,"b":2.0}"#, #"{"a":1.0,"b":2.0}"#] {
            #expect(try hashes(text).shape == first.shape)
            #expect(try hashes(text).numbers != first.numbers)
        }
        #expect(try hashes(#"{"a":18446744073709551615,"b":-7}"#) == first)
        let document = try parser.parse(
            #"{"a":null,"b":true,"c":1,"d":18446744073709551615,"e":1.5,"f":"x","g":[],"h":{}}"#
        )
        #expect(
            document.leaves(of: 0).map { document.kind(at: $0) }
                == [.null, .bool, .int, .int, .float, .text, .emptyArray, .emptyObject]
        )
    }
}
