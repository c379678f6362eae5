// SPDX-License-Identifier: Apache-2.0
// Arrays by index, pivoted and exploded, as docs/flattening.md has them.
import Testing

@testable import Gateway

@Suite struct ArrayModeTests {
    private static let trip: [String: ArrayMode] = ["trip.points": .explode]

    private func decoder(
        _ arrays: [String: ArrayMode],
        catalogue: [SignalConfiguration] = [],
        limits: LimitsConfiguration = LimitsConfiguration(),
        time: String = "t"
    ) throws -> TestDecoder {
        let eventTime = EventTimeConfiguration(
            paths: [time],
            format: .epoch(unitsPerMillisecond: 1)
        )
        return TestDecoder(
            try .testing(eventTime: eventTime, arrays: arrays),
            catalogue: catalogue,
            limits: limits
        )
    }

    private func signals(
        _ payload: String,
        _ arrays: [String: ArrayMode]
    ) throws -> [[String: SignalValue]] {
        try decoder(arrays).decode(payload).map(\.signals)
    }

    // Pivoted.

    @Test func elementsAreNamedByTheirKey() throws {
        let payload = """
            {"tyres":[{"position":"front_left","pressure":2.4},{"pressure":2.5,"position":"rear"}]}
            """
        #expect(
            try signals(payload, ["tyres": .pivot(key: "position")])
                == [
                    [
                        "tyres.front_left.pressure": .double(2.4),
                        "tyres.rear.pressure": .double(2.5),
                    ]
                ]
        )
    }

    @Test(
        arguments: [
            (
                #"[{"k":7,"v":1},{"k":18446744073709551615,"v":2}]"#,
                ["a.7.v", "a.18446744073709551615.v"]
            ),
            // No key, or none that could be a name: the index, and the key is a signal.
            (
                #"[{"v":1},{"k":null,"v":2},{"k":1.5},{"k":true},{"k":[3]}]"#,
                ["a.0.v", "a.1.k", "a.1.v", "a.2.k", "a.3.k", "a.4.k.0"]
            ),
            (#"[1,[2],"x"]"#, ["a.0", "a.1.0", "a.2"]),
            (#"[{"k":"","v":1},{"k":"x.y","v":2}]"#, ["a..v", "a.x.y.v"]),
            (#"[{"k":"p","k":"q","v":1}]"#, ["a.q.v"]),
            // Nothing but a key: an empty object, which has no value.
            (#"[{"k":"p"}]"#, []),
        ] as [(String, [String])]
    )
    func keyIsATextOrAnInteger(array: String, names: [String]) throws {
        let found = try signals("{\"a\":\(array)}", ["a": .pivot(key: "k")])
        #expect(found.map { Set($0.keys) } == [Set(names)])
    }

    @Test func laterOfTwoEqualKeysCounts() throws {
        let payload = #"{"a":[{"k":"x","v":1,"only":1},{"k":"x","v":2}]}"#
        #expect(
            try signals(payload, ["a": .pivot(key: "k")]) == [
                ["a.x.v": .int(2), "a.x.only": .int(1)]
            ]
        )
    }

    @Test func namesFollowTheKeysFromMessageToMessage() throws {
        let decoder = try decoder(["a": .pivot(key: "k")])
        for name in ["x", "y", "x"] {
            let reading = try decoder.decode("{\"a\":[{\"k\":\"\(name)\",\"v\":1}]}")[0]
            #expect(reading.signals == ["a.\(name).v": .int(1)])
        }
    }

    @Test func starStandsForALevel() throws {
        let payload =
            #"{"axles":[{"id":1,"wheels":[{"p":"l","v":1}]},{"id":2,"wheels":[{"p":"r","v":2}]}]}"#
        #expect(
            try signals(payload, ["axles": .pivot(key: "id"), "axles.*.wheels": .pivot(key: "p")])
                == [["axles.1.wheels.l.v": .int(1), "axles.2.wheels.r.v": .int(2)]]
        )
        #expect(
            try signals(payload, ["axles.*.wheels": .pivot(key: "p")]).map { Set($0.keys) }
                == [["axles.0.id", "axles.0.wheels.l.v", "axles.1.id", "axles.1.wheels.r.v"]]
        )
    }

    @Test(arguments: [false, true])
    func pathWithoutStarHoldsBeforeOneWith(isFirst: Bool) throws {
        let payload = #"{"a":{"b":[{"k":"x","n":"y"}],"c":[{"k":"x","n":"y"}]}}"#
        var topic = try TopicConfiguration.testing()
        topic.arrays = [
            ArrayConfiguration(path: "a.b", mode: .pivot(key: "n")),
            ArrayConfiguration(path: "a.*", mode: .pivot(key: "k")),
        ]
        if !isFirst { topic.arrays.reverse() }
        #expect(
            try TestDecoder(topic).decode(payload).map(\.signals)
                == [["a.b.y.k": .text("x"), "a.c.x.n": .text("y")]]
        )
    }

    @Test func dotsInKeysFitThePathAsWritten() throws {
        let found = try signals(#"{"v.tyres":[{"p":"l","v":1}]}"#, ["v.tyres": .pivot(key: "p")])
        #expect(found == [["v.tyres.l.v": .int(1)]])
    }

    @Test func cataloguedNamesAreThoseAfterThePivot() throws {
        let catalogue = [
            SignalConfiguration(name: "front", paths: ["tyres.front.bar"], type: .float)
        ]
        let decoder = try decoder(["tyres": .pivot(key: "at")], catalogue: catalogue)
        let reading = try decoder.decode(#"{"tyres":[{"at":"front","bar":2},{"x":[1]}]}"#)[0]
        #expect(reading.signals == ["front": .double(2), "tyres.1.x.0": .int(1)])
        let columns = reading.reading.shape.columns
        #expect(columns.map(\.path) == ["tyres.front.bar", "tyres.1.x.0"])
        #expect(columns.map(\.pattern) == ["tyres.front.bar", "tyres.*.x.*"])
        #expect(columns.map(\.isInArray) == [false, true])
    }

    // Exploded.

    @Test func elementsBecomeReadingsWithTheirOwnTimes() throws {
        let payload = """
            {"vin":"W","trip":{"id":7,"points":[{"t":1000000000000,"speed":1},\
            {"speed":2,"t":1000000001000}],"end":true},"n":null}
            """
        let readings = try decoder(Self.trip, time: "trip.points.t").decode(payload)
        #expect(
            readings.map(\.reading.eventTime.milliseconds) == [
                1_000_000_000_000, 1_000_000_001_000,
            ]
        )
        #expect(
            readings.map(\.signals)
                == [(1_000_000_000_000, 1), (1_000_000_001_000, 2)]
                .map { (time: Int64, speed: Int64) in
                    [
                        "vin": .text("W"), "trip.id": .int(7), "trip.points.t": .int(time),
                        "trip.points.speed": .int(speed), "trip.end": .bool(true), "n": .null,
                    ]
                }
        )
    }

    @Test func emptyArrayIsOneReadingWithoutIt() throws {
        #expect(try signals(#"{"trip":{"points":[]},"a":1}"#, Self.trip) == [["a": .int(1)]])
        #expect(try signals(#"{"a":1}"#, Self.trip) == [["a": .int(1)]])
        #expect(
            try signals(#"{"trip":{"points":{"x":1}}}"#, Self.trip) == [["trip.points.x": .int(1)]]
        )
    }

    @Test func scalarsAndArraysOfAnExplodedArrayHaveNoIndexOfTheirOwn() throws {
        #expect(
            try signals(#"{"trip":{"points":[1,[2,3],{}]},"a":4}"#, Self.trip)
                == [
                    ["trip.points": .int(1), "a": .int(4)],
                    ["trip.points.0": .int(2), "trip.points.1": .int(3), "a": .int(4)],
                    ["a": .int(4)],
                ]
        )
    }

    @Test func whatStandsInElementsCanBePivoted() throws {
        let modes = Self.trip.merging(["trip.points.can": .pivot(key: "id")]) { $1 }
        #expect(
            try signals(#"{"trip":{"points":[{"can":[{"id":"x","v":1}]},{"can":[]}]}}"#, modes)
                == [["trip.points.can.x.v": .int(1)], [:]]
        )
    }

    @Test func elementsOfARootArrayAreExplodedEach() throws {
        let payload = #"[{"trip":{"points":[1,2]},"a":0},{"a":3}]"#
        #expect(
            try signals(payload, Self.trip).map { $0["trip.points"] } == [.int(1), .int(2), nil]
        )
    }

    @Test func ofTwoArraysAtOnePathTheLastIsExploded() throws {
        #expect(
            try signals(#"{"trip":{"points":[1,2]},"trip.points":[3]}"#, Self.trip)
                == [["trip.points.0": .int(1), "trip.points.1": .int(2), "trip.points": .int(3)]]
        )
    }

    @Test func laterOfTwoWithOneNameCountsAcrossTheSeam() throws {
        let decoder = try decoder(Self.trip)
        let payload = #"{"trip.points.x":1,"trip":{"points":[{"x":2,"y":2}]},"trip.points.y":3}"#
        let reading = try decoder.decode(payload)[0]
        #expect(reading.signals == ["trip.points.x": .int(2), "trip.points.y": .int(3)])
        #expect(reading.reading.shape.columns.map(\.isShadowed) == [true, false, true, false])
    }

    @Test func whatWouldRepeatTooMuchIsRefusedWhole() throws {
        var limits = LimitsConfiguration()
        limits.explodedBytesMax = 10_000
        let decoder = try decoder(Self.trip, limits: limits)
        func payload(_ count: Int, text: Int) -> String {
            let items = Array(repeating: "{}", count: count).joined(separator: ",")
            let note = String(repeating: "x", count: text)
            return #"{"note":"\#(note)","trip":{"points":[\#(items)]}}"#
        }
        #expect(try decoder.decode(payload(10, text: 900)).count == 10)
        for (count, text) in [(10, 1_100), (1_000, 10)] {
            let failure = #expect(throws: DecodingFailure.self) {
                try decoder.decode(payload(count, text: text))
            }
            #expect(failure?.kind == .overLimit)
            #expect(failure?.reason == "exploded, it repeats too much: more than limits.exploded")
            #expect(failure?.position == nil)
        }
        #expect(try decoder.decode(#"{"a":1}"#).count == 1)
    }

    @Test func failedElementsAreOneDeadLetterAndTheOthersCount() throws {
        let topic = try TopicConfiguration.testing(
            "fleet/batch",
            vehicle: "points.id",
            eventTime: nil,
            arrays: ["points": .explode]
        )
        let gateway = try TestGateway(.testing(topics: [topic]))
        let payload = #"{"points":[{"id":"a","x":1},{"x":2},{"id":"b","x":3},{"id":null}]}"#
        let batch = try gateway.process([TestMessage("fleet/batch", payload, arrival: .seconds(0))])
        #expect(
            try batch.flat(StreamName.enriched).map { $0["vehicle"] } == [.text("a"), .text("b")]
        )
        let letters = try batch.flat(StreamName.deadLetter)
        #expect(letters.count == 1)
        #expect(
            letters[0]["reason"]?.text
                == "element 1: no vehicle id at 'points.id' (and 1 more elements)"
        )
    }

    // Other formats.

    @Test func valueOfANameCanBePivoted() throws {
        let decoder = TestDecoder(
            try .testing(format: .nameValue, arrays: ["value": .pivot(key: "at")])
        )
        let reading =
            try decoder.decode(#"{"name":"tyres","value":[{"at":"l","bar":2},{"bar":3}]}"#)[0]
        #expect(reading.signals == ["tyres.l.bar": .int(2), "tyres.1.bar": .int(3)])
        #expect(reading.reading.shape.columns.map(\.path) == ["tyres.l.bar", "tyres.1.bar"])
        #expect(reading.reading.shape.columns.map(\.pattern) == ["tyres.l.bar", "tyres.*.bar"])
    }

    @Test func topicsPathsAreBelowItsName() throws {
        let decoder = TestDecoder(try .testing("fleet/{vehicle}/v/{signal}", format: .scalar))
        let columns = try decoder.decode(#"{"a":[1],"":2}"#, topic: "fleet/car/v/s")[0]
            .reading.shape.columns
        #expect(columns.map(\.path) == ["s.a.0", "s."])
        #expect(columns.map(\.pattern) == ["s.a.*", "s."])
    }
}
