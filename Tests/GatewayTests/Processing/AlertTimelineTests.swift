// SPDX-License-Identifier: Apache-2.0
// Alerts against timelines written by hand. `hot` must hold for ten seconds, `fast` fires at once
// and goes on for ten.
import Testing

@testable import Gateway

@Suite struct AlertTimelineTests {
    private static let hot = "{alert: hot, expr: temp > 90, for: 10s}"
    private static let fast = "{alert: fast, expr: speed > 100, keep_firing_for: 10s}"

    // By event time.

    @Test func alertFiresWhenItsConditionHasHeldForLongEnough() throws {
        let timeline = try Timeline(Self.hot)
        for second in [0, 5, 9] as [Int64] { try timeline.reading(second, #""temp":95"#) }
        #expect(try timeline.told() == [])
        try timeline.reading(10, #""temp":95"#).reading(30, #""temp":95"#)
        #expect(try timeline.told() == ["car: hot firing at 10"])
        try timeline.reading(31, #""temp":80"#).reading(32, #""temp":80"#)
        #expect(try timeline.told() == ["car: hot firing at 10", "car: hot resolved at 31"])
        #expect(try timeline.storedAlerts() == 0)
    }

    @Test func interruptedConditionStartsOver() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).reading(5, #""temp":80"#).reading(6, #""temp":95"#)
        try timeline.reading(15, #""temp":95"#)
        #expect(try timeline.told() == [])
        try timeline.reading(16, #""temp":95"#)
        #expect(try timeline.told() == ["car: hot firing at 16"])
    }

    @Test func conditionHoldsUntilAReadingSaysOtherwise() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).reading(60, #""temp":80"#)
        #expect(try timeline.told() == ["car: hot firing at 10", "car: hot resolved at 60"])
    }

    @Test func readingOfOtherSignalsLetsTimePass() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).reading(10, #""lights":true"#)
        #expect(try timeline.told() == ["car: hot firing at 10"])
    }

    @Test func alertIsKeptForItsTime() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(0, #""speed":120"#).reading(5, #""speed":80"#)
            .reading(14, #""speed":80"#)
        #expect(try timeline.told() == ["car: fast firing at 0"])
        try timeline.reading(20, #""speed":80"#)
        #expect(try timeline.told() == ["car: fast firing at 0", "car: fast resolved at 15"])
    }

    @Test func conditionThatComesBackInTimeGoesOnFiring() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(0, #""speed":120"#).reading(5, #""speed":80"#)
        try timeline.reading(12, #""speed":120"#).reading(30, #""speed":120"#)
        #expect(try timeline.told() == ["car: fast firing at 0"])
        try timeline.reading(31, #""speed":80"#).reading(41, #""speed":80"#)
        #expect(try timeline.told() == ["car: fast firing at 0", "car: fast resolved at 41"])
    }

    @Test func conditionThatComesBackTooLateFiresAgain() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(0, #""speed":120"#).reading(5, #""speed":80"#)
            .reading(15, #""speed":120"#)
        #expect(
            try timeline.told() == [
                "car: fast firing at 0", "car: fast resolved at 15", "car: fast firing at 15",
            ]
        )
        #expect(Set(try timeline.ids()).count == 3)
    }

    @Test func everyVehicleHasItsOwnAlerts() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).reading(5, #""temp":95"#, vehicle: "bus")
        try timeline.reading(10, #""temp":95"#).reading(12, #""temp":80"#, vehicle: "bus")
        #expect(try timeline.told() == ["car: hot firing at 10"])
    }

    @Test func transitionsOfOneReadingAreToldInTheOrderOfTheirTimes() throws {
        let timeline = try Timeline(
            "{alert: soon, expr: temp > 90, for: 5s}, {alert: later, expr: temp > 80, for: 10s}"
        )
        try timeline.reading(0, #""temp":95"#).reading(60, #""temp":95"#)
        let told = try timeline.told()
        #expect(told.sorted() == ["car: later firing at 10", "car: soon firing at 5"])
        let summary = try timeline.payloads(StreamName.firing).last
        #expect(told == ["car: soon firing at 5", "car: later firing at 10"])
        #expect(summary?.contains(#""time":"2026-01-05T08:00:10.000Z""#) == true)
    }

    // By the clock.

    @Test func silentVehicleFiresByTheClock() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#)
        #expect(timeline.nextLook == 10)
        try timeline.clock(9)
        #expect(try timeline.told() == [])
        try timeline.clock(12)
        #expect(try timeline.told() == ["car: hot firing at 10"])
        // What caused it is the look at the clock: delivery's latency counts from there.
        #expect(try timeline.arrivals() == [12])
        #expect(timeline.nextLook == nil)
        try timeline.clock(99)
        #expect(try timeline.told().count == 1)
    }

    @Test func silenceCountsFromWhenTheVehicleWasHeard() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#, heard: 100)
        #expect(timeline.nextLook == 110)
        try timeline.clock(109)
        #expect(try timeline.told() == [])
        try timeline.clock(110)
        #expect(try timeline.told() == ["car: hot firing at 10"])
    }

    @Test func keptAlertIsResolvedByTheClock() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(0, #""speed":120"#).reading(5, #""speed":80"#).clock(14)
        #expect(try timeline.told() == ["car: fast firing at 0"])
        try timeline.clock(16)
        #expect(try timeline.told() == ["car: fast firing at 0", "car: fast resolved at 15"])
    }

    @Test func clockThatGoesBackDoesNothing() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).clock(-1_000)
        #expect(try timeline.told() == [])
    }

    @Test func alertIsNeverResolvedBeforeItFired() throws {
        // The clock fires at 10; then a reading of second 8, which was long on its way, comes.
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).clock(12).reading(8, #""temp":80"#, heard: 12)
        let told = try timeline.told()
        #expect(told.first == "car: hot firing at 10")
        #expect(told.last == "car: hot resolved at 10")
    }

    // Backlogs.

    @Test func backlogAfterAReconnectDoesNotFireFalsely() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#)
        for second in stride(from: 20, through: 300, by: 20) as StrideThrough<Int64> {
            try timeline.clock(second, isHeard: [false, true])
        }
        // The backlog comes in: the car had cooled down after five seconds.
        try timeline.reading(5, #""temp":80"#, heard: 301).clock(302)
        #expect(try timeline.told() == [])
    }

    @Test func silenceCountsAgainOnceTheSourceIsHeard() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).clock(60, isHeard: [false, true])
        #expect(timeline.nextLook == 61)
        try timeline.clock(61)
        #expect(try timeline.told() == ["car: hot firing at 10"])
    }

    @Test func onlyTheVehiclesOwnSourceMustBeHeard() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).reading(0, #""temp":95"#, vehicle: "bus", source: 1)
        try timeline.clock(60, isHeard: [false, true])
        #expect(try timeline.told() == ["bus: hot firing at 10"])
    }

    // Late data.

    @Test func lateDataDoesNotRollBack() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(10, #""speed":120"#).reading(5, #""speed":80"#, heard: 11)
        #expect(try timeline.told() == ["car: fast firing at 10"])
        let enriched = try timeline.payloads(StreamName.enriched)
        #expect(enriched.map { $0.contains(#""late":true"#) } == [false, true])
    }

    @Test func lateDataOfASignalNotSeenTakesEffectAtTheVehiclesTime() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(10, #""speed":1"#).reading(5, #""temp":95"#, heard: 11)
        try timeline.reading(19, #""speed":1"#)
        #expect(try timeline.told() == [])
        try timeline.reading(20, #""speed":1"#)
        #expect(try timeline.told() == ["car: hot firing at 20"])
    }

    @Test func lateDataDoesNotFireInThePast() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(10, #""speed":80"#).reading(5, #""speed":120"#, heard: 11)
        #expect(try timeline.told() == [])
    }
}
