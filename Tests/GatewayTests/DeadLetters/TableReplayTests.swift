// SPDX-License-Identifier: Apache-2.0
// Goal: a change event that is processed again can't do to its table what it could not have done then.
import Testing

@testable import Gateway

@Suite struct TableReplayTests {
    private static let columns = "columns: {id: int, v: int}"

    private func insert(_ position: Int, _ id: Int, _ value: Int, _ further: String = "") -> String
    {
        #"{"op":"insert","pos":\#(position),"id":\#(id),"v":\#(value)\#(further)}"#
    }

    private func replay(_ rig: TableRig, _ offsets: [Int64]) throws -> ReplayReport {
        let report = try OfflineReplay(rig.gateway.configuration, log: rig.gateway.log)
            .replay(offsets)
        try rig.restart()
        return report
    }

    @Test func changesTakeTheirPlaceAmongTheOthers() throws {
        let rig = try TableRig(TableRig.table("car", Self.columns))
        try rig.change(insert(1, 2, 9, #","z":1"#), at: 1)
        try rig.change(insert(2, 1, 1, #","z":1"#), at: 2)
        try rig.change(insert(3, 2, 2), at: 3)
        try rig.clock(100)
        try rig.start(TableRig.table("car", Self.columns, "unknown_columns: ignore"))
        #expect(try rig.rows() == ["2,2"])
        #expect(try replay(rig, [1, 2]) == ReplayReport(applied: 2))
        // The one of car 2 is older than what is there.
        #expect(try rig.rows() == ["1,1", "2,2"])
        try rig.expectSame()
    }

    @Test func tableThatIsNotCompleteTakesNone() throws {
        let rig = try TableRig(TableRig.table("car", Self.columns))
        try rig.change(insert(1, 1, 1, #","z":1"#), at: 1)
        try rig.change(insert(2, 2, 2), at: 2)
        try rig.start(TableRig.table("car", Self.columns, "unknown_columns: ignore"))
        let refused = try replay(rig, [1]).refused
        #expect(
            refused.map(\.reason) == ["its source waits for table car, which is not complete yet"]
        )
        #expect(try rig.gateway.count("replayed") == 0)
    }

    @Test(arguments: [#"{"op":"begin","pos":9}"#, #"{"op":"truncate","pos":9}"#])
    func snapshotsDoNotBeginAgain(change: String) throws {
        let rig = try TableRig(TableRig.table("car", Self.columns))
        try rig.change(insert(1, 1, 1), at: 1)
        try rig.clock(100)
        try rig.start(TableRig.table("car", Self.columns, "operation: action"))
        try rig.change(change, at: 101)
        try rig.start(TableRig.table("car", Self.columns))
        #expect(try replay(rig, [1]) == ReplayReport(failed: 1))
        #expect(try rig.reasons().last?.contains("load the table anew") == true)
        #expect(try rig.rows() == ["1,1"])
        #expect(rig.table().state.loading == nil)
    }
}
