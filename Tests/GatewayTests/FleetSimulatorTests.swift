// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Gateway

@Suite struct FleetSimulatorTests {
    private static let start = Timestamp(milliseconds: 1_767_600_000_000)

    private func fleet(
        vehicles: Int = 25,
        rate: Double = 100,
        seed: UInt64 = 1
    ) -> FleetSimulator {
        FleetSimulator(
            vehicleCount: vehicles,
            messagesPerSecond: rate,
            seed: seed,
            start: Self.start
        )
    }

    @Test func theSameSeedGivesTheSameMessagesHoweverTimeIsCut() {
        var whole = fleet()
        var cut = fleet()
        let messages = whole.advance(to: Self.start + 20_000)
        var pieces: [SimulatedMessage] = []
        for milliseconds in [0, 1, 7, 500, 501, 3_333, 12_000, 19_999, 20_000] as [Int64] {
            pieces += cut.advance(to: Self.start + milliseconds)
        }
        #expect(messages == pieces)
        #expect(whole.expected == cut.expected)
        #expect(!messages.isEmpty)
    }

    @Test func anotherSeedGivesAnotherDay() {
        var one = fleet(seed: 1)
        var other = fleet(seed: 2)
        #expect(one.advance(to: Self.start + 5_000) != other.advance(to: Self.start + 5_000))
    }

    @Test func messagesComeInEventTimeOrderAtAboutTheRateAskedFor() {
        var fleet = fleet(rate: 200)
        let messages = fleet.advance(to: Self.start + 60_000)
        for (earlier, later) in zip(messages, messages.dropFirst()) {
            #expect(earlier.eventTime <= later.eventTime)
        }
        #expect(messages.allSatisfy { $0.eventTime >= Self.start })
        #expect((11_000...13_000).contains(messages.count))
    }

    @Test func nothingComesTwiceAndNothingBeforeItsTime() {
        var fleet = fleet()
        #expect(fleet.advance(to: Self.start + -1).isEmpty)
        let first = fleet.advance(to: Self.start + 2_000)
        #expect(first.allSatisfy { $0.eventTime <= Self.start + 2_000 })
        #expect(fleet.advance(to: Self.start + 2_000).isEmpty)
    }

    @Test func everyFifthVehicleSpeaksNameValueAndTheOthersNestedState() {
        var fleet = fleet()
        let messages = fleet.advance(to: Self.start + 10_000)
        #expect(fleet.vehicleIDs.count == 25)
        #expect(fleet.vehicleIDs.first == "car-0001")
        for message in messages {
            let words = message.topic.split(separator: "/")
            #expect(words[1] == message.vehicle)
            let number = Int(message.vehicle.dropFirst(4)) ?? 0
            #expect(words[2] == (number.isMultiple(of: 5) ? "signal" : "state"))
        }
        #expect(Set(messages.map(\.vehicle)) == Set(fleet.vehicleIDs))
    }

    @Test func stateMessagesHaveTheSizeOfRealOnes() throws {
        var fleet = fleet()
        let states = fleet.advance(to: Self.start + 60_000).filter { $0.topic.hasSuffix("/state") }
        #expect(states.allSatisfy { (600...900).contains($0.payload.count) })
        let parser = JSONParser(depthMax: 32)
        for message in states.prefix(50) {
            let text = String(decoding: message.payload, as: UTF8.self)
            #expect(throws: Never.self) { try parser.parse(text) }
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func everyAlertIsCausedWithinThreeQuartersOfAMinuteAndThenTheFleetIsCalm(seed: UInt64) {
        var fleet = fleet(rate: 5, seed: seed)
        _ = fleet.advance(to: Self.start + 60_000)
        let alerts = Set(fleet.expected.map(\.alert))
        #expect(alerts == Set(FleetAlert.allCases.map(\.rawValue)))
        #expect(fleet.expected.allSatisfy { $0.causedAt <= Self.start + 45_000 })
        // To be read by a person: not more than three within any three seconds.
        let times = fleet.expected.map(\.causedAt).sorted()
        for (first, fourth) in zip(times, times.dropFirst(3)) {
            #expect(fourth - first > 3_000)
        }
    }

    @Test func theSimulatorKnowsHowLongEachRuleWaits() throws {
        let demo = try DemoProcessor(rules: ["rules/fleet.yaml"])
        for alert in FleetAlert.allCases {
            let rule = try #require(demo.engine.rules.first { $0.name == alert.rawValue })
            #expect(rule.forMilliseconds == alert.forMilliseconds, "\(alert)")
        }
    }

    // Goal: what the demo promises is what the gateway says: the same alerts, for the same vehicles,
    // to the millisecond; no misses, no extras. Method: the clock ticks as it would live, so that
    // timers fire for the vehicle that has fallen silent.
    @Test(arguments: [
        (1, 25, 100.0), (2, 25, 500.0), (3, 25, 20.0), (4, 120, 200.0), (5, 3, 10.0),
        (6, 1, 1.0), (7, 25, 5.0), (2_026, 40, 150.0),
    ])
    func exactlyTheExpectedAlertsFire(seed: UInt64, vehicles: Int, rate: Double) throws {
        var fleet = fleet(vehicles: vehicles, rate: rate, seed: seed)
        let demo = try DemoProcessor(rules: ["rules/fleet.yaml"])
        // Two cycles: in the second one vehicles come from wherever the first has left them.
        var sent = 0
        for milliseconds in stride(from: 0, through: 120_000, by: 50) as StrideThrough<Int64> {
            let now = Self.start + milliseconds
            let messages = fleet.advance(to: now)
            sent += messages.count
            for message in messages {
                unsafe message.payload.withUnsafeBytes { payload in
                    unsafe demo.append(topic: message.topic, payload: payload, arrival: now)
                }
            }
            try demo.process(now: now)
        }
        #expect(demo.tally.enriched == sent)
        #expect(demo.tally.deadLetters == 0)
        #expect(demo.tally.late == 0)
        let fired = demo.tally.firings.map {
            ExpectedOutlier(alert: $0.alert, vehicle: $0.vehicle, causedAt: $0.time)
        }
        #expect(fired.count == fleet.expected.count)
        #expect(Set(fired).subtracting(fleet.expected) == [], "extras")
        #expect(Set(fleet.expected).subtracting(fired) == [], "misses")
    }

    // The last five seconds of a minute are quiet, so that the demo's summary comes after the last
    // outlier, whether it fires or resolves.
    @Test func nothingFiresOrResolvesAtTheEndOfAMinute() throws {
        var fleet = fleet()
        let demo = try DemoProcessor(rules: ["rules/fleet.yaml"])
        var counts: [Int] = []
        for milliseconds in stride(from: 0, to: 60_000, by: 50) as StrideTo<Int64> {
            let now = Self.start + milliseconds
            for message in fleet.advance(to: now) {
                unsafe message.payload.withUnsafeBytes { payload in
                    unsafe demo.append(topic: message.topic, payload: payload, arrival: now)
                }
            }
            try demo.process(now: now)
            counts.append(demo.tally.firings.count + demo.tally.resolved)
        }
        #expect(counts[1_100] == counts.last)
        #expect((25...45).contains(counts.last ?? 0))
    }
}
