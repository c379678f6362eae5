// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct SignalCatalogueTests {
    private static let catalogue = [
        SignalConfiguration(
            name: "speed_kmh",
            paths: ["v.speed", "speed"],
            type: .float,
            unit: "km/h"
        ),
        SignalConfiguration(
            name: "headlights",
            paths: ["lights.head"],
            type: .bool,
            values: ["parked": .bool(true), "3": .bool(false), "true": .text("yes")]
        ),
    ]

    private func signals(_ payload: String) throws -> [String: SignalValue] {
        try TestDecoder(.testing(), catalogue: Self.catalogue).decode(payload)[0].signals
    }

    @Test(arguments: [#"{"v":{"speed":7}}"#, #"{"speed":7}"#, #"{"v.speed":7}"#])
    func everyPathOfASignalGivesItsName(payload: String) throws {
        #expect(try signals(payload) == ["speed_kmh": .double(7)])
    }

    @Test func unlistedSignalPassesUnderItsOwnPath() throws {
        #expect(try signals(#"{"v":{"gear":3}}"#) == ["v.gear": .int(3)])
    }

    @Test(
        arguments: [
            (#""parked""#, .bool(true)), ("3", .bool(false)), (#""3""#, .bool(false)),
            ("true", .text("yes")), (#""off""#, .bool(false)), ("1", .bool(true)), ("7", .null),
            (#""dim""#, .null), ("null", .null),
        ] as [(String, SignalValue)]
    )
    func valueIsMappedThenConverted(text: String, value: SignalValue) throws {
        #expect(try signals("{\"lights\":{\"head\":\(text)}}") == ["headlights": value])
    }

    @Test(
        arguments: [
            (.bool, .int(1), .bool(true)), (.bool, .int(2), .null),
            (.bool, .text("ON"), .bool(true)),
            (.bool, .text("closed"), .bool(false)), (.bool, .double(1), .null),
            (.int, .double(2.5), .int(3)), (.int, .double(-2.5), .int(-3)),
            (.int, .text("12"), .int(12)),
            (.int, .text("x"), .null), (.int, .bool(true), .int(1)),
            (.int, .double(1e19), .null), (.int, .unsigned(.max), .unsigned(.max)),
            (.int, .text("18446744073709551615"), .unsigned(.max)),
            (.float, .unsigned(.max), .double(0x1p64)), (.bool, .unsigned(.max), .null),
            (.text, .unsigned(.max), .text("18446744073709551615")),
            (.float, .int(2), .double(2)),
            (.float, .text("2.5"), .double(2.5)), (.float, .text("x"), .null),
            (.text, .int(2), .text("2")), (.text, .double(2.5), .text("2.5")),
            (.text, .bool(true), .text("true")), (.text, .null, .null), (.float, .null, .null),
        ] as [(SignalType, SignalValue, SignalValue)]
    )
    func typeConvertsWhatItCanAndTheRestIsNull(
        type: SignalType,
        value: SignalValue,
        converted: SignalValue
    ) {
        #expect(type.convert(value) == converted)
    }

    @Test(arguments: ["nan", "inf", "-infinity", "0x1p3"])
    func floatStaysAFiniteDecimal(text: String) {
        // JSON has no such numbers: they would stand as null, and as NULL in a rule.
        #expect(SignalType.float.convert(.text(text)) == .null)
    }

    @Test func tableKeepsTheCatalogueFirst() throws {
        let table = SignalTable(catalogue: Self.catalogue, signalsMax: 3)
        #expect(table.names == ["speed_kmh", "headlights"])
        let seen = try #require(table.id(ofName: "x"))
        #expect(table.name(of: seen) == "x")
        #expect(table.id(ofName: "x") == seen)
        #expect(table.id(ofName: "y") == nil)
        #expect(table.overflowCount == 1)
        #expect(table.existingID(ofName: "y") == nil)
    }

    @Test func signalsOfTheCatalogueAlwaysHaveAPlace() {
        let table = SignalTable(catalogue: Self.catalogue, signalsMax: 1)
        #expect(table.names.count == 2)
    }

    @Test func twoPathsOfOneSignalInOneMessageMakeOneMember() throws {
        let configuration = try Configuration.testing(signals: Self.catalogue)
        let enriched =
            try TestGateway(configuration).process(#"{"speed":1,"v":{"speed":2}}"#)
            .payloads(StreamName.enriched)[0]
        // The same happens to `{"a":1,"a":2}` and `{"a.b":1,"a":{"b":2}}`.
        #expect(enriched.components(separatedBy: "speed_kmh").count == 2)
    }
}
