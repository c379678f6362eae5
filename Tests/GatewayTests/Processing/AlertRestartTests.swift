// SPDX-License-Identifier: Apache-2.0
// Alerts live on in the log: a restart changes nothing, whenever it comes.
import Testing

@testable import Gateway

@Suite struct AlertRestartTests {
    private static let hot = "{alert: hot, expr: temp > 90, for: 10s}"
    private static let fast = "{alert: fast, expr: speed > 100, keep_firing_for: 10s}"

    @Test func restartInTheMiddleOfForFiresByTheClock() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).restart()
        #expect(timeline.nextLook == 10)
        try timeline.clock(9).clock(11)
        #expect(try timeline.told() == ["car: hot firing at 10"])
    }

    @Test func restartInTheMiddleOfForFiresByTheNextReading() throws {
        let timeline = try Timeline(Self.hot)
        try timeline.reading(0, #""temp":95"#).reading(4, #""temp":96"#).restart()
        try timeline.reading(30, #""temp":80"#)
        #expect(try timeline.told() == ["car: hot firing at 10", "car: hot resolved at 30"])
    }

    @Test func restartWhileFiringDoesNotFireAgain() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(0, #""speed":120"#).restart().reading(1, #""speed":130"#).restart()
        #expect(try timeline.told() == ["car: fast firing at 0"])
        try timeline.reading(2, #""speed":80"#).restart().clock(12)
        #expect(try timeline.told() == ["car: fast firing at 0", "car: fast resolved at 12"])
    }

    @Test func replayTellsTheSameUnderTheSameIDs() throws {
        func play(restarts: Bool) throws -> [String] {
            let timeline = try Timeline("\(Self.hot), \(Self.fast)")
            for (second, signals) in [
                (0, #""temp":95,"speed":120"#), (3, #""speed":80"#), (11, #""temp":96"#),
                (14, #""temp":80"#), (20, #""speed":101"#),
            ] as [(Int64, String)] {
                try timeline.reading(second, signals)
                if restarts { try timeline.restart() }
            }
            return try timeline.payloads(StreamName.outlier)
        }
        let told = try play(restarts: false)
        #expect(told.count == 5)
        #expect(try play(restarts: false) == told)
        #expect(try play(restarts: true) == told)
    }

    @Test func alertsKeepTheirOrderOverARestart() throws {
        // Two alerts become active in the same moment; `b` was written first.
        let rules = "{alert: b, expr: temp > 90}, {alert: a, expr: temp > 80}"
        func enriched(restarts: Bool) throws -> String? {
            let timeline = try Timeline(rules)
            try timeline.reading(0, #""temp":95"#)
            if restarts { try timeline.restart() }
            return try timeline.reading(1, #""lights":true"#).payloads(StreamName.enriched).last
        }
        let told = try enriched(restarts: false)
        let retold = try enriched(restarts: true)
        #expect(told?.contains(#""alerts":["b","a"]"#) == true)
        #expect(retold == told)
    }

    // Rules that change.

    @Test func firingAlertWhoseRuleIsGoneIsResolved() throws {
        let timeline = try Timeline("\(Self.hot), \(Self.fast)")
        try timeline.reading(0, #""speed":120,"temp":95"#).restart(rules: Self.hot, at: 7)
        #expect(try timeline.told() == ["car: fast firing at 0", "car: fast resolved at 7"])
        #expect(try timeline.ids().last?.hasPrefix("fast/car/") == true)
        #expect(try timeline.storedAlerts() == 1)
        let summary = try #require(try timeline.payloads(StreamName.firing).last)
        #expect(summary.contains(#""firing":[]"#))
    }

    @Test func pendingAlertWhoseRuleIsGoneVanishes() throws {
        let timeline = try Timeline("\(Self.hot), \(Self.fast)")
        try timeline.reading(0, #""temp":95"#).restart(rules: Self.fast, at: 7)
        #expect(try timeline.told() == [])
        #expect(try timeline.storedAlerts() == 0)
    }

    @Test func orphanIsToldOnce() throws {
        let timeline = try Timeline("\(Self.hot), \(Self.fast)")
        try timeline.reading(0, #""speed":120"#).restart(rules: Self.hot, at: 7)
        try timeline.restart(rules: Self.hot, at: 8)
        #expect(try timeline.told().count == 2)
    }

    @Test func changedRuleIsEvaluatedAnew() throws {
        // The limit is raised: the next reading, although it says what the last one said, ends it.
        let timeline = try Timeline("{alert: hot, expr: temp > 90}")
        try timeline.reading(0, #""temp":95"#).restart(rules: "{alert: hot, expr: temp > 100}")
        let told = try timeline.reading(1, #""temp":95"#).told()
        #expect(told == ["car: hot firing at 0", "car: hot resolved at 1"])
    }

    @Test func newRuleIsEvaluatedOnWhatIsKnown() throws {
        let timeline = try Timeline(Self.fast)
        try timeline.reading(0, #""temp":95"#)
        try timeline.restart(rules: "\(Self.fast), {alert: hot, expr: temp > 90}")
        let told = try timeline.reading(1, #""temp":95"#).told()
        #expect(told == ["car: hot firing at 1"])
    }
}
