// SPDX-License-Identifier: Apache-2.0
// Goal: people and sources are told what a table can't know yet, or not any more.
import Testing

@testable import Gateway

@Suite struct ReadinessTests {
    private static let enrich = """
        enrich:
          select: SELECT car.v FROM reading LEFT JOIN car ON car.id = reading."id"
          reference_age: true
        """

    private static let stale = TableRig.car + "\n    stale_after: 60s"

    private func insert(_ position: Int) -> String {
        #"{"op":"insert","pos":\#(position),"id":\#(position),"v":1}"#
    }

    @Test func eventsSayWhichTablesAreIncompleteAndHowOldTheyAre() throws {
        let rig = try TableRig(enrich: Self.enrich)
        try rig.reading(at: 0)
        try rig.change(insert(1), at: 10)
        try rig.reading(at: 12)
        try rig.clock(15)
        try rig.reading(at: 20)
        let events = try rig.events("enriched")
        #expect(
            events.map { $0["incomplete.0"] } == [.text("car"), .text("car"), nil]
        )
        let ages = events.map { $0["reference_age.car"] }
        #expect(ages == [nil, .double(2), .double(10)])
    }

    // Under changes that never pause the table is ready after ten times the quiet.
    @Test(arguments: [(0, 1, 5), (1, 100, 50)] as [(Int, Int, Int64)])
    func silenceOrPatienceMakesATableReady(_ step: Int, _ count: Int, _ ready: Int64) throws {
        let rig = try TableRig()
        for number in 0..<count {
            let second = Int64(number * step)
            if second >= ready { break }
            try rig.change(insert(number + 1), at: second)
            try rig.clock(second)
            #expect(!rig.isReady)
        }
        try rig.clock(ready - 1)
        #expect(!rig.isReady)
        try rig.clock(ready)
        #expect(rig.isReady)
        try rig.restart()
        #expect(rig.isReady)
    }

    @Test func silenceOfAnAbsentFeedMakesNothingReady() throws {
        let rig = try TableRig()
        try rig.clock(100)
        #expect(!rig.isReady)
        try rig.change(insert(1), at: 100)
        try rig.clock(200, isHeard: false)
        #expect(!rig.isReady)
    }

    @Test func endOfTheFirstSnapshotMakesATableReady() throws {
        let rig = try TableRig()
        try rig.change(#"{"op":"begin","pos":1}"#, insert(2))
        #expect(!rig.isReady)
        try rig.restart()
        #expect(!rig.isReady)
        try rig.change(#"{"op":"end","pos":3}"#)
        #expect(rig.isReady)
    }

    // Staleness.

    private func told(_ rig: TableRig) throws -> [String] {
        try rig.gateway.events("outlier")
            .map { event in
                let payload = try flatten(String(decoding: event.payload, as: UTF8.self))
                #expect(event.key == "depot")
                #expect(event.topic == "table_stale")
                #expect(payload["table"] == .text("car"))
                return "\(payload["state"]?.text ?? "?") at \(Int(event.eventTime.testSeconds))"
            }
    }

    @Test func silentTableIsToldOnceAndAgainWhenItIsHeard() throws {
        let rig = try TableRig(Self.stale)
        try rig.change(insert(1), at: 0)
        for second in [0, 59, 60, 61, 500] as [Int64] { try rig.clock(second) }
        #expect(try told(rig) == ["firing at 60"])
        try rig.change(insert(2), at: 600)
        try rig.clock(600)
        try rig.clock(659)
        #expect(try told(rig) == ["firing at 60", "resolved at 600"])
        let ids = try rig.events("outlier").compactMap { $0["id"]?.text }
        #expect(Set(ids).count == 2)
    }

    @Test func tableThatNeverSpokeIsStaleToo() throws {
        let rig = try TableRig(Self.stale)
        try rig.clock(0)
        try rig.clock(60)
        #expect(try told(rig) == ["firing at 60"])
        #expect(try rig.events("outlier")[0]["summary"]?.text.contains("never") == true)
    }

    @Test func stalenessOutlivesARestart() throws {
        let rig = try TableRig(Self.stale)
        try rig.change(insert(1), at: 0)
        try rig.clock(0)
        try rig.clock(100)
        try rig.restart()
        for second in [101, 170, 300] as [Int64] { try rig.clock(second) }
        #expect(try told(rig) == ["firing at 100"])
        try rig.change(insert(2), at: 310)
        try rig.clock(310)
        #expect(try told(rig) == ["firing at 100", "resolved at 310"])
    }

    @Test func startGivesTheFeedTimeToSpeak() throws {
        let rig = try TableRig(Self.stale)
        try rig.change(insert(1), at: 0)
        try rig.restart()
        try rig.clock(1_000)
        try rig.clock(1_059)
        #expect(try told(rig) == [])
        try rig.clock(1_060)
        #expect(try told(rig) == ["firing at 1060"])
    }

    @Test func alertEndsWhenNobodyWantsItAnyMore() throws {
        let rig = try TableRig(Self.stale)
        try rig.clock(0)
        try rig.clock(60)
        try rig.start(TableRig.car)
        try rig.clock(61)
        #expect(try told(rig) == ["firing at 60", "resolved at 61"])
    }

    // Deadlines.

    @Test func deadlineThatPassesWithoutAnEffectDoesNotMakeTheLoopSpin() throws {
        let rig = try TableRig(Self.stale)
        #expect(rig.gateway.processor.nextDeadline == .distantPast)
        try rig.change(insert(1), at: 0)
        try rig.clock(0, isHeard: false)
        #expect(rig.gateway.processor.nextDeadline == .seconds(5))
        try rig.clock(10, isHeard: false)
        #expect(rig.gateway.processor.nextDeadline == Timestamp.seconds(10) + 250)
        try rig.clock(11)
        #expect(rig.gateway.processor.nextDeadline == .seconds(60))
        try rig.clock(60)
        #expect(rig.gateway.processor.nextDeadline == nil)
    }
}
