// SPDX-License-Identifier: Apache-2.0
// Goal: a reading finds what held at its own time, and old rows go when no reading can need them any more.
import Testing

@testable import Gateway

@Suite struct AsOfTests {
    private static let table = TableRig.table(
        "reservation",
        "columns: {id: int, who: text, starts: {type: time, format: epoch_s}, "
            + "ends: {type: time, format: epoch_s}}",
        "valid_from: starts",
        "valid_to: ends",
        "history: 1h",
        "remember_deletes: 2h",
        "time: {path: at, format: epoch_s}",
        "position: none",
        "before: old"
    )
    private static let enrich = "enrich: SELECT reservation.who FROM reservation"
    private static let base: Int64 = 1_767_600_000

    private let rig: TableRig

    init() throws {
        rig = try TableRig(Self.table, enrich: Self.enrich)
    }

    private func insert(
        _ at: Int64,
        _ id: Int,
        _ who: String,
        _ from: Int64?,
        _ to: Int64?
    ) -> String {
        func time(_ second: Int64?) -> String { second.map { "\(Self.base + $0)" } ?? "null" }
        return #"{"op":"insert","at":\#(time(at)),"id":\#(id),"who":"\#(who)","#
            + #""starts":\#(time(from)),"ends":\#(time(to))}"#
    }

    private func delete(_ at: Int64, _ id: Int) -> String {
        #"{"op":"delete","at":\#(Self.base + at),"id":\#(id)}"#
    }

    /// Who is found at a second.
    private func who(_ second: Int64) throws -> String? {
        try rig.reading(#"{"t":\#(Self.base + second)}"#, at: max(second, 10_000))
        return try rig.events("enriched").last?["enrichment.who"]?.text
    }

    @Test func rowHoldsFromItsFirstMomentUpToItsLast() throws {
        try rig.changes([insert(1, 1, "Ann", 100, 200), insert(1, 2, "Bob", 200, nil)])
        try rig.changes([insert(1, 3, "Never", nil, 100), insert(1, 4, "Empty", 150, 150)])
        let found = try [50, 99, 100, 199, 200, 9_999].map { try who($0) }
        #expect(found == ["null", "null", "Ann", "Ann", "Bob", "Bob"])
    }

    @Test func deleteClosesARowAndLateReadingsStillFindIt() throws {
        try rig.changes([insert(1, 1, "Ann", 100, nil), delete(150, 1)])
        #expect(try [120, 149, 150, 500].map { try who($0) } == ["Ann", "Ann", "null", "null"])
        // One that never held is gone at once; a repeated delete and a late update change nothing.
        try rig.changes([insert(1, 2, "Bob", 700, 800), delete(650, 2)], at: 650)
        try rig.changes([delete(150, 1), insert(140, 1, "Ann", 100, 900)])
        #expect(try [120, 500, 750].map { try who($0) } == ["Ann", "null", "null"])
        try rig.restart()
        #expect(try [120, 500].map { try who($0) } == ["Ann", "null"])
        try rig.expectSame()
    }

    @Test func rowThatGotAnotherKeyIsNotFoundTwice() throws {
        try rig.changes([insert(1, 1, "Ann", 100, 900)])
        try rig.change(
            #"{"op":"update","at":\#(Self.base + 300),"id":7,"who":"Ann","#
                + #""starts":\#(Self.base + 100),"ends":\#(Self.base + 900),"old":{"id":1}}"#
        )
        #expect(try rig.rows().count == 1)
        #expect(try who(200) == "Ann")
    }

    // Debezium sends a tombstone behind each delete.
    @Test func tombstoneBehindADeleteLeavesTheHistory() throws {
        try rig.changes([insert(1, 1, "Ann", 100, nil), delete(150, 1)])
        try rig.record("", key: "1", RecordPlace(kind: .tombstone), at: 160)
        #expect(try who(120) == "Ann")
        try rig.changes([insert(1, 2, "Bob", 200, nil)])
        try rig.record("", key: "2", RecordPlace(kind: .tombstone), at: 300)
        #expect(try [250, 400].map { try who($0) } == ["Bob", "null"])
        try rig.expectSame()
    }

    private func forget(_ second: Int64, count: Int64 = 500) throws {
        let outcome = rig.gateway.processor.forgetOldRows(at: .seconds(second), count: count)
        try rig.gateway.writer.commit(outcome, of: MessageBatch(), CommitExtras())
        try rig.expectSame()
    }

    @Test func historyAndDeletesAreForgottenInTheirTime() throws {
        try rig.changes([insert(1, 1, "Ann", 100, 200), insert(1, 2, "Bob", 200, nil)])
        try forget(3_800)
        #expect(try rig.rows().count == 2)
        try forget(3_801)
        #expect(try rig.rows().count == 1)
        // Its place is kept as long as those of deletes: an older change that comes late is refused.
        try rig.changes([insert(0, 1, "Ann", 100, 200)])
        #expect(try rig.rows().count == 1)
        try forget(3_801 + 7_200)
        #expect(try rig.log(#"SELECT count(*) || '' FROM "reservation.position""#) == ["2"])
        try forget(3_802 + 7_200)
        #expect(try rig.log(#"SELECT count(*) || '' FROM "reservation.position""#) == ["1"])
        #expect(try who(250) == "Bob")
    }

    @Test func littleIsForgottenAtATime() throws {
        try rig.changes((1...50).map { insert(1, $0, "x", 100, 200) })
        try forget(10_000, count: 20)
        #expect(try rig.rows().count == 30)
        try forget(10_000, count: 20)
        try forget(10_000, count: 20)
        #expect(try rig.rows().isEmpty)
        #expect(rig.gateway.processor.forgetOldRows(at: .seconds(10_000), count: 20).isEmpty)
        for _ in 0..<3 { try forget(20_000, count: 20) }
        #expect(try rig.log(#"SELECT count(*) || '' FROM "reservation.position""#) == ["0"])
    }
}
