// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct VehicleTests {
    private let vehicle = Vehicle(
        id: "car",
        source: 0,
        eventTime: .seconds(0),
        heardAt: .seconds(0)
    )
    private let speed = SignalID(index: 7)
    private let lights = SignalID(index: 3)

    @Test func firstValueOfASignalIsTaken() {
        #expect(vehicle.value(of: speed) == nil)
        #expect(vehicle.merge(speed, .int(5), at: .seconds(0)) == .changed)
        #expect(vehicle.value(of: speed) == .int(5))
    }

    @Test func newerValueReplaces() {
        _ = vehicle.merge(speed, .int(5), at: .seconds(0))
        #expect(vehicle.merge(speed, .int(6), at: .seconds(1)) == .changed)
        #expect(vehicle.value(of: speed) == .int(6))
    }

    @Test func valueOfAnEqualTimeReplaces() {
        _ = vehicle.merge(speed, .int(5), at: .seconds(0))
        #expect(vehicle.merge(speed, .int(6), at: .seconds(0)) == .changed)
        #expect(vehicle.value(of: speed) == .int(6))
    }

    @Test func lateValueNeverRollsBack() {
        _ = vehicle.merge(speed, .int(5), at: .seconds(1))
        #expect(vehicle.merge(speed, .int(6), at: .seconds(1) + -1) == .late)
        #expect(vehicle.value(of: speed) == .int(5))
        #expect(vehicle.times == [.seconds(1)])
    }

    @Test func sameValueOfANewerTimeOnlyMovesTheTime() {
        _ = vehicle.merge(speed, .int(5), at: .seconds(0))
        #expect(vehicle.merge(speed, .int(5), at: .seconds(2)) == .unchanged)
        #expect(vehicle.merge(speed, .int(6), at: .seconds(1)) == .late)
    }

    @Test func everySignalHasItsOwnTime() {
        _ = vehicle.merge(speed, .int(5), at: .seconds(10))
        #expect(vehicle.merge(lights, .bool(true), at: .seconds(1)) == .changed)
        #expect(vehicle.merge(speed, .int(6), at: .seconds(5)) == .late)
        #expect(vehicle.merge(lights, .bool(false), at: .seconds(5)) == .changed)
    }

    @Test func nullIsAValue() {
        _ = vehicle.merge(speed, .int(5), at: .seconds(0))
        #expect(vehicle.merge(speed, .null, at: .seconds(1)) == .changed)
        #expect(vehicle.value(of: speed) == .null)
    }

    @Test func mergeAgreesWithADictionary() {
        var random = SplitMix64(seed: 5)
        var model: [SignalID: (value: SignalValue, time: Timestamp)] = [:]
        for _ in 0..<5_000 {
            let signal = SignalID(index: Int32(random.int(0...40)))
            let time = Timestamp.seconds(Int64(random.int(0...100)))
            let value = SignalValue.int(Int64(random.int(0...3)))
            _ = vehicle.merge(signal, value, at: time)
            if let held = model[signal], held.time > time { continue }
            model[signal] = (value, time)
        }
        #expect(vehicle.signals == model.keys.sorted())
        #expect(
            vehicle.signals.map { vehicle.value(of: $0) }
                == vehicle.signals.map { model[$0]?.value }
        )
        #expect(vehicle.times == vehicle.signals.compactMap { model[$0]?.time })
    }

    @Test func clockMovesForwardOnly() {
        vehicle.advance(eventTime: .seconds(10), heardAt: .seconds(12))
        vehicle.advance(eventTime: .seconds(5), heardAt: .seconds(99))
        #expect(vehicle.eventTime == .seconds(10))
        #expect(vehicle.heardAt == .seconds(12))
        vehicle.advance(eventTime: .seconds(10), heardAt: .seconds(13))
        #expect(vehicle.heardAt == .seconds(13))
    }

    @Test func silentVehiclesClockGoesOnAsTheGatewaysDoes() {
        vehicle.advance(eventTime: .seconds(10), heardAt: .seconds(12))
        #expect(vehicle.notionalTime(at: .seconds(15)) == .seconds(13))
        #expect(vehicle.notionalTime(at: .seconds(11)) == .seconds(10))
    }

    @Test func fleetFindsItsVehicles() {
        let fleet = Fleet()
        #expect(fleet.index(of: "car") == nil)
        #expect(fleet.insert(vehicle) == 0)
        #expect(fleet.index(of: "car") == 0)
        #expect(fleet.count == 1)
    }
}
