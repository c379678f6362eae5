// SPDX-License-Identifier: Apache-2.0
// What a vehicle's row holds gives the same vehicle again, whatever its names and values are.
import Foundation
import Testing

@testable import Gateway

@Suite struct VehiclePersistenceTests {
    private let parser = JSONParser(depthMax: 3)

    private func row(of vehicle: Vehicle, names: SignalTable) -> String {
        var json = JSONWriter()
        vehicle.encodeSignals(names: names, into: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func vehicle() -> Vehicle {
        Vehicle(id: "car", source: 0, eventTime: .seconds(0), heardAt: .seconds(0))
    }

    @Test func rowHasNameValueAndTime() throws {
        let names = SignalTable(catalogue: [], signalsMax: 10)
        let vehicle = vehicle()
        let speed = try #require(names.id(ofName: "speed_kmh"))
        _ = vehicle.merge(speed, .double(12.5), at: Timestamp(milliseconds: 123))
        #expect(row(of: vehicle, names: names) == #"[["speed_kmh",12.5,123]]"#)
    }

    @Test func rowOfNoSignalsIsEmpty() throws {
        let names = SignalTable(catalogue: [], signalsMax: 10)
        #expect(row(of: vehicle(), names: names) == "[]")
        let restored = vehicle()
        try restored.decodeSignals("[]", names: names, parser: parser)
        #expect(restored.signals.isEmpty)
    }

    @Test(arguments: 1...20)
    func rowReadsBackAsTheSameVehicle(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let names = SignalTable(catalogue: [], signalsMax: 1_000)
        let vehicle = vehicle()
        for _ in 0..<random.int(0...60) {
            let signal = try #require(names.id(ofName: random.text(count: 12)))
            let time = Timestamp(milliseconds: Int64(random.int(-5...2_000_000_000_000)))
            _ = vehicle.merge(signal, Self.value(&random), at: time)
        }
        // A restart meets its signals in another order.
        let newNames = SignalTable(catalogue: [], signalsMax: 1_000)
        for name in names.names.shuffled(using: &random) { _ = newNames.id(ofName: name) }
        let restored = self.vehicle()
        try restored.decodeSignals(row(of: vehicle, names: names), names: newNames, parser: parser)
        #expect(Self.content(of: restored, newNames) == Self.content(of: vehicle, names))
    }

    private static func value(_ random: inout SplitMix64) -> SignalValue {
        switch random.int(0...5) {
        case 0: .null
        case 1: .bool(random.oneIn(2))
        case 2: .int(Int64(bitPattern: random.next()))
        case 3: .unsigned(random.next() | 1 << 63)
        case 4:
            .double(
                Double(random.int(-1_000_000...1_000_000)) * pow(10, Double(random.int(-9...9)))
            )
        default: .text(random.text(count: 20))
        }
    }

    private static func content(of vehicle: Vehicle, _ names: SignalTable) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: vehicle.signals.indices.map {
                let name = names.name(of: vehicle.signals[$0])
                return (name, "\(vehicle.values[$0]) at \(vehicle.times[$0].milliseconds)")
            }
        )
    }
}
