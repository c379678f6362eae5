// SPDX-License-Identifier: Apache-2.0
// Goal: the record says what the vehicle holds, and equal state gives equal bytes.
import Foundation
import Testing

@testable import Gateway

@Suite struct CurrentRecordTests {
    private func record(
        _ vehicle: Vehicle,
        _ names: SignalTable,
        firing: [String] = [],
        enrichment: [String] = [],
        times: Bool = false
    ) -> String {
        var json = JSONWriter()
        json.currentRecord(
            vehicle,
            source: "vehicles",
            firing: firing,
            names: names,
            enrichment: Set(enrichment.compactMap { names.existingID(ofName: $0) }),
            times: times
        )
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func vehicle(
        _ id: String,
        _ signals: [(name: String, value: SignalValue)],
        _ names: SignalTable
    ) throws -> Vehicle {
        let vehicle = Vehicle(id: id, source: 0, eventTime: .seconds(0), heardAt: .seconds(1))
        for (offset, signal) in signals.enumerated() {
            let id = try #require(names.id(ofName: signal.name))
            _ = vehicle.merge(id, signal.value, at: .seconds(Int64(-offset)))
        }
        return vehicle
    }

    @Test func recordPartsSignalsFromEnrichment() throws {
        let names = SignalTable(catalogue: [], signalsMax: 10)
        let vehicle = try vehicle(
            "car-\"1\"",
            [
                ("speed_kmh", .double(12.5)), ("plate", .text("HH\n1")), ("lights", .bool(true)),
                ("customer", .null),
            ],
            names
        )
        let text = record(
            vehicle,
            names,
            firing: ["b", "a"],
            enrichment: ["plate", "customer"],
            times: true
        )
        #expect(
            text == #"{"vehicle":"car-\"1\"","event_time":1767600000000,"#
                + #""arrival_time":1767600001000,"source":"vehicles","alerts":["a","b"],"#
                + #""signals":{"lights":true,"speed_kmh":12.5},"#
                + #""enrichment":{"customer":null,"plate":"HH\n1"},"#
                + #""times":{"customer":1767599997000,"lights":1767599998000,"#
                + #""plate":1767599999000,"speed_kmh":1767600000000}}"#
        )
    }

    @Test func recordOfNothingIsWhole() throws {
        let names = SignalTable(catalogue: [], signalsMax: 10)
        let text = record(try vehicle("", [], names), names)
        #expect(text.hasSuffix(#""alerts":[],"signals":{},"enrichment":{}}"#))
    }

    // Method: one state under two tables that met the names in different orders.
    @Test(arguments: 1...30)
    func equalStateGivesEqualBytesThatReadBack(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var state: [String: SignalValue] = [:]
        for _ in 0..<random.int(0...40) {
            // A point would be a level for `flatten`.
            let name = random.text(count: 10).replacing(".", with: "")
            state[name + "x"] = Self.value(&random)
        }
        let id = random.text(count: 10)
        let enrichment = state.keys.filter { _ in random.oneIn(3) }
        let texts = try (0..<2)
            .map { _ in
                let names = SignalTable(catalogue: [], signalsMax: 100)
                for name in state.keys.shuffled(using: &random) { _ = names.id(ofName: name) }
                let vehicle = Vehicle(
                    id: id,
                    source: 0,
                    eventTime: .seconds(0),
                    heardAt: .seconds(0)
                )
                for (name, value) in state.shuffled(using: &random) {
                    let signal = try #require(names.id(ofName: name))
                    _ = vehicle.merge(signal, value, at: .seconds(0))
                }
                return record(vehicle, names, enrichment: enrichment)
            }
        #expect(texts[0] == texts[1])
        let flat = try flatten(texts[0])
        #expect(flat["vehicle"] == .text(id))
        for (name, value) in state {
            let member = enrichment.contains(name) ? "enrichment" : "signals"
            #expect(flat["\(member).\(name)"] == value, "\(name)")
        }
    }

    private static func value(_ random: inout SplitMix64) -> SignalValue {
        switch random.int(0...4) {
        case 0: .null
        case 1: .bool(random.oneIn(2))
        case 2: .int(Int64(bitPattern: random.next()))
        case 3: .double(Double(random.int(-1_000_000...1_000_000)) + 0.5)
        default: .text(random.text(count: 20))
        }
    }
}
