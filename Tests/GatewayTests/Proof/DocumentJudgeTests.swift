// SPDX-License-Identifier: Apache-2.0
// Goal: the judge of documents lets no wrong leaf pass. Method: an event as it must be, and with one mistake each.
import Foundation
import Testing

@testable import Gateway

@Suite struct DocumentJudgeTests {
    private static func model() throws -> LeafModel {
        LeafModel(
            try .testing(
                topics: [
                    .testing(
                        "t/+",
                        vehicle: "points.car",
                        arrays: ["points": .explode, "points.tyres": .pivot(key: "at")]
                    )
                ],
                signals: [
                    SignalConfiguration(name: "bar", paths: ["points.tyres.fl.bar"], type: .float)
                ]
            )
        )
    }

    private static let payload = """
        {"n":9007199254740993,"points":[
          {"car":"a","on":true,"tyres":[{"at":"fl","bar":2},{"at":"fl","bar":3},{"bar":1}]},
          {"car":7,"one":1,"e":[],"x":null},{"on":true}]}
        """

    @Test("a document is flattened as docs/flattening.md says")
    func modelIsTheDocs() throws {
        let expected = try Self.model().expect(topic: "t/x", payload: Array(Self.payload.utf8))
        #expect(expected.isDeadLetter)
        #expect(expected.readings.map(\.vehicle) == ["a", "7"])
        #expect(
            expected.readings.map(\.leaves) == [
                [
                    "n": [.int(9_007_199_254_740_993)], "points.car": [.text("a")],
                    "points.on": [.bool(true)], "bar": [.double(3)],
                    "points.tyres.2.bar": [.int(1)],
                ],
                [
                    "n": [.int(9_007_199_254_740_993)], "points.car": [.int(7)],
                    "points.one": [.int(1)], "points.x": [.null],
                ],
            ]
        )
    }

    @Test(
        "one mistake is one fault",
        arguments: [
            (#"{"vehicle":"7","signals":{"a":true,"b":1}}"#, 0),
            (#"{"vehicle":"8","signals":{"a":true,"b":1}}"#, 1),
            (#"{"vehicle":"7","signals":{"b":1}}"#, 1),
            (#"{"vehicle":"7","signals":{"a":1,"b":1}}"#, 1),
            (#"{"vehicle":"7","signals":{"a":true,"b":1.0}}"#, 1),
            (#"{"vehicle":"7","signals":{"a":true,"b":1,"c":null}}"#, 1),
            ("no JSON", 3),
        ]
    )
    func mistakesAreSeen(event: String, faults: Int) {
        let reading = LeafModel.Reading(
            vehicle: "7",
            leaves: ["a": [.bool(true)], "b": [.int(1)]]
        )
        #expect(DocumentEvent(Array(event.utf8)).faults(reading).count == faults)
    }
}
