// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct PayloadFormatTests {
    private func failure(
        _ decoder: TestDecoder,
        _ payload: String,
        topic: String = "fleet/car/state"
    )
        -> DecodingFailure?
    {
        #expect(throws: DecodingFailure.self) { try decoder.decode(payload, topic: topic) }
    }

    // Objects.

    @Test func objectBecomesSignals() throws {
        let readings = try TestDecoder(.testing())
            .decode(#"{"v":{"speed":12.5,"on":true},"n":null}"#)
        #expect(readings.count == 1)
        #expect(
            readings[0].signals == ["v.speed": .double(12.5), "v.on": .bool(true), "n": .null]
        )
        #expect(readings[0].reading.vehicle == "car")
    }

    @Test func arrayOfObjectsIsExploded() throws {
        let readings = try TestDecoder(.testing()).decode(#"[{"a":1,"t":5},{"b":2},{}]"#)
        #expect(
            readings.map(\.signals) == [["a": .int(1), "t": .int(5)], ["b": .int(2)], [:]]
        )
    }

    @Test(arguments: ["1", "\"x\"", "null", "[1]", "[[{}]]"])
    func whatIsNoObjectIsOfWrongForm(payload: String) throws {
        #expect(failure(try TestDecoder(.testing()), payload)?.kind == .wrongForm)
    }

    @Test func sameDecoderReadsManyShapes() throws {
        let decoder = try TestDecoder(.testing())
        for round in 0..<3 {
            #expect(try decoder.decode("{\"a\":\(round)}")[0].signals == ["a": .int(Int64(round))])
            #expect(
                try decoder.decode("{\"b\":[\(round)]}")[0].signals == ["b.0": .int(Int64(round))]
            )
        }
    }

    @Test func fullShapeCacheForgetsWhatWasNotUsedForLongest() throws {
        var limits = LimitsConfiguration()
        limits.shapesMax = 4
        let decoder = TestDecoder(try .testing(), limits: limits)
        func shape(_ name: String) throws -> UInt64 {
            let reading = try decoder.decode("{\"\(name)\":1}")[0]
            #expect(reading.signals == [name: .int(1)])
            return reading.reading.shape.id
        }
        var ids: [String: UInt64] = [:]
        for name in ["a", "b", "c", "d", "a", "b"] { ids[name] = try shape(name) }
        #expect(Set(ids.values).count == 4)
        // A fifth: c and d make room.
        ids["e"] = try shape("e")
        for name in ["a", "b", "e"] { #expect(try shape(name) == ids[name]) }
        #expect(try shape("c") != ids["c"])
    }

    @Test func smallestShapeCacheDecodesAll() throws {
        var limits = LimitsConfiguration()
        limits.shapesMax = 1
        let decoder = TestDecoder(try .testing(), limits: limits)
        for index in (0..<10).map({ $0 % 3 }) {
            #expect(try decoder.decode("{\"s\(index)\":1}")[0].signals == ["s\(index)": .int(1)])
        }
    }

    @Test func signalBeyondTheLimitIsPassedOnButNotMerged() throws {
        var limits = LimitsConfiguration()
        limits.signalsMax = 1
        let reading = try TestDecoder(try .testing(), limits: limits).decode(#"{"a":1,"b":2}"#)[0]
        #expect(reading.signals == ["a": .int(1), "b": .int(2)])
        #expect(reading.reading.shape.columns.map { $0.signal != nil } == [true, false])
    }

    // Name and value, as OpenXC sends them.

    private func nameValue() throws -> TestDecoder {
        TestDecoder(try .testing(format: .nameValue))
    }

    @Test func valueStandsUnderItsName() throws {
        let reading = try nameValue().decode(#"{"name":"speed","value":12,"timestamp":1.5}"#)[0]
        #expect(reading.signals == ["speed": .int(12)])
    }

    @Test func eventMakesTheValuePartOfTheName() throws {
        let reading = try nameValue().decode(#"{"name":"door","value":"driver","event":true}"#)[0]
        #expect(reading.signals == ["door.driver": .bool(true)])
    }

    @Test func nestedValueIsFlattenedUnderItsName() throws {
        let reading = try nameValue().decode(#"{"name":"gps","value":{"lat":1,"lon":[2]}}"#)[0]
        #expect(reading.signals == ["gps.lat": .int(1), "gps.lon.0": .int(2)])
    }

    @Test func oneShapeServesManyNames() throws {
        let decoder = try nameValue()
        for name in ["a", "b", "a", "c"] {
            let reading = try decoder.decode("{\"name\":\"\(name)\",\"value\":1}")[0]
            #expect(reading.signals == [name: .int(1)])
        }
    }

    @Test(arguments: [
        (#"{"value":1}"#, "'name' is missing"), (#"{"name":7,"value":1}"#, "'name' is missing"),
        (#"{"name":"a"}"#, "'value' is missing"), ("7", "must be a JSON object"),
    ])
    func nameValueWithoutNameOrValueIsOfWrongForm(payload: String, reason: String) throws {
        let failure = failure(try nameValue(), payload)
        #expect(failure?.kind == .wrongForm)
        #expect(failure?.reason.contains(reason) == true)
    }

    // Scalars and texts, named by the topic.

    private static let pattern = "fleet/{vehicle}/v/{signal}"

    @Test(
        arguments: [
            ("12", ["speed": .int(12)]), ("\"x\"", ["speed": .text("x")]),
            ("true", ["speed": .bool(true)]),
            (#"{"a":{"b":1}}"#, ["speed.a.b": .int(1)]), ("null", ["speed": .null]),
        ] as [(String, [String: SignalValue])]
    )
    func scalarStandsUnderTheTopicsName(payload: String, signals: [String: SignalValue]) throws {
        let decoder = TestDecoder(try .testing(Self.pattern, format: .scalar))
        #expect(try decoder.decode(payload, topic: "fleet/car/v/speed")[0].signals == signals)
    }

    @Test func oneScalarShapeServesManyTopics() throws {
        let decoder = TestDecoder(try .testing(Self.pattern, format: .scalar))
        #expect(try decoder.decode("1", topic: "fleet/car/v/a")[0].signals == ["a": .int(1)])
        #expect(try decoder.decode("2", topic: "fleet/car/v/b")[0].signals == ["b": .int(2)])
    }

    @Test(
        arguments: [
            ("12", .int(12)), ("12.50", .double(12.5)), ("true", .bool(true)), ("null", .null),
            ("", .text("")), ("driving home", .text("driving home")), ("{", .text("{")),
            ("nan", .text("nan")), ("1e400", .text("1e400")),
        ] as [(String, SignalValue)]
    )
    func textIsReadAsWhatItLooksLike(payload: String, value: SignalValue) throws {
        let decoder = TestDecoder(try .testing(Self.pattern, format: .text))
        #expect(
            try decoder.decode(payload, topic: "fleet/car/v/state")[0].signals == ["state": value]
        )
    }

    @Test func textThatIsNotUTF8Fails() throws {
        let decoder = TestDecoder(try .testing(Self.pattern, format: .text))
        let failure = #expect(throws: DecodingFailure.self) {
            try decoder.decode([0xC3, 0x28], topic: "fleet/car/v/state")
        }
        #expect(failure?.kind == .notText)
    }

    // Vehicles.

    @Test(arguments: [
        (#"{"id":"WDB1","x":1}"#, "WDB1"), (#"{"id":7}"#, "7"), (#"{"id":"ü/+#"}"#, "ü/+#"),
    ])
    func vehicleComesFromItsPath(payload: String, vehicle: String) throws {
        let decoder = TestDecoder(try .testing("fleet/state", vehicle: "id"))
        #expect(try decoder.decode(payload, topic: "fleet/state")[0].reading.vehicle == vehicle)
    }

    @Test func everyElementOfAnArrayNamesItsOwnVehicle() throws {
        let decoder = TestDecoder(try .testing("fleet/state", vehicle: "id"))
        let readings = try decoder.decode(#"[{"id":"a"},{"id":"b"}]"#, topic: "fleet/state")
        #expect(readings.map(\.reading.vehicle) == ["a", "b"])
    }

    @Test(arguments: ["{}", #"{"id":""}"#, #"{"id":null}"#, #"{"id":{}}"#, #"{"id":{"x":1}}"#])
    func readingWithoutVehicleFails(payload: String) throws {
        let decoder = TestDecoder(try .testing("fleet/state", vehicle: "id"))
        #expect(failure(decoder, payload, topic: "fleet/state")?.kind == .noVehicle)
    }

    @Test func emptyTopicLevelNamesNoVehicle() throws {
        let decoder = TestDecoder(try .testing())
        #expect(failure(decoder, "{}", topic: "fleet//state")?.kind == .noVehicle)
    }
}
