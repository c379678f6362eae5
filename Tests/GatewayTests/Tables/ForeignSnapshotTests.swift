// SPDX-License-Identifier: Apache-2.0
// Goal: snapshots of AWS DMS, of Debezium and of files replace a table as announced ones do.
import Testing

@testable import Gateway

/// Snapshots of sources that have words of their own for them.
@Suite struct ForeignSnapshotTests {
    private func dms(
        _ operation: String,
        _ second: Int,
        _ id: Int? = nil,
        _ value: Int = 0
    ) -> String {
        let kind = id == nil ? "control" : "data"
        let data = id.map { #""data":{"id":\#($0),"v":\#(value)},"# } ?? ""
        return #"{\#(data)"metadata":{"timestamp":"2026-01-05T08:00:\#(10 + second).000000Z","#
            + #""record-type":"\#(kind)","operation":"\#(operation)","schema-name":"public","#
            + #""table-name":"car"}}"#
    }

    private func debezium(
        _ id: Int,
        _ snapshot: String,
        _ second: Int,
        operation: String = "r"
    )
        -> String
    {
        #"{"op":"\#(operation)","ts_ms":\#(1_767_600_000_000 + second * 1_000),"before":null,"#
            + #""after":{"id":\#(id),"v":\#(second)},"source":{"name":"pg","table":"car","#
            + #""snapshot":"\#(snapshot)","lsn":\#(second)}}"#
    }

    private func rig(_ format: String) throws -> TableRig {
        try TableRig(
            TableRig.table(
                "car",
                "columns: {id: int, v: int}",
                "format: \(format)",
                "operation: none",
                "position: none"
            )
        )
    }

    @Test func silenceEndsALoadOfDMS() throws {
        let rig = try rig("dms")
        try rig.changes([dms("insert", 0, 7, 70)])
        try rig.changes(
            [dms("drop-table", 1), dms("create-table", 2), dms("load", 3, 1, 10)],
            at: 10
        )
        try rig.change(dms("load", 4, 2, 20), at: 14)
        try rig.clock(18)
        #expect(try rig.rows() == ["7,70"])
        // The silence is ours while the feed is away.
        try rig.clock(19, isHeard: false)
        #expect(try rig.rows() == ["7,70"])
        try rig.restart()
        try rig.clock(19)
        #expect(try rig.rows() == ["1,10", "2,20"])
        #expect(rig.isReady)
        try rig.expectSame()
        #expect(
            try rig.events("schema").map { $0["change"]?.text } == ["drop-table", "create-table"]
        )
    }

    @Test func droppedTableStaysAsItWasAndAnEmptyOneBecomesEmpty() throws {
        let rig = try rig("dms")
        try rig.changes([dms("insert", 0, 7, 70), dms("drop-table", 1)])
        try rig.clock(100)
        #expect(try rig.rows() == ["7,70"])
        try rig.changes([dms("create-table", 2), dms("insert", 3, 8, 80)], at: 101)
        #expect(try rig.rows() == ["8,80"])
    }

    @Test func marksOfDebeziumBeginAndEndASnapshot() throws {
        let rig = try rig("debezium")
        try rig.changes([debezium(9, "false", 1, operation: "c")])
        try rig.changes([debezium(1, "first", 10), debezium(2, "true", 11)])
        #expect(try rig.rows() == ["9,1"])
        try rig.restart()
        // The connector begins again.
        try rig.changes([debezium(1, "first", 20), debezium(3, "last", 21)])
        #expect(try rig.rows() == ["1,20", "3,21"])
        #expect(rig.isReady)
        try rig.expectSame()
    }

    // The attempt before left a row in another partition, which comes late.
    @Test func rowsOfASnapshotThatWasGivenUpAreNoPartOfTheNext() throws {
        let rig = try rig("debezium")
        try rig.changes([debezium(1, "first", 10)])
        try rig.changes([
            debezium(1, "first", 20), debezium(2, "true", 11), debezium(3, "last", 21),
        ])
        #expect(try rig.rows() == ["1,20", "3,21"])
    }

    @Test func truncationBeforeALoadDoesNotMakeTheTableReady() throws {
        let rig = try rig("dms")
        try rig.changes([dms("truncate-table", 1), dms("load", 2, 1, 10)])
        #expect(!rig.isReady)
        try rig.clock(6)
        #expect(rig.isReady)
        #expect(try rig.rows() == ["1,10"])
    }

    @Test func fileIsASnapshotAndItsVersionIsKept() throws {
        let rig = try TableRig(
            TableRig.table(
                "car",
                "columns: {id: int, v: int}",
                "source: {type: file, path: /nonexistent/cars.csv}",
                "operation: none",
                "position: none"
            )
        )
        var end = RecordPlace(kind: .loadEnds)
        end.mark = "1"
        try rig.record("", RecordPlace(kind: .loadBegins))
        try rig.record(#"{"id":1,"v":10}"#)
        try rig.record(#"{"id":2,"v":20}"#)
        #expect(try rig.rows() == [])
        try rig.record("", end, at: 1)
        #expect(try rig.rows() == ["1,10", "2,20"])
        #expect(try rig.gateway.log.mark(of: "car") == "1")
        // The next version is given up half-way and read again after a start.
        try rig.record("", RecordPlace(kind: .loadBegins), at: 2)
        try rig.record(#"{"id":3,"v":30}"#, at: 2)
        try rig.restart()
        try rig.clock(1_000)
        #expect(try rig.rows() == ["1,10", "2,20"])
        try rig.record("", RecordPlace(kind: .loadBegins), at: 3)
        try rig.record(#"{"id":4,"v":40}"#, at: 3)
        end.mark = "2"
        try rig.record("", end, at: 3)
        #expect(try rig.rows() == ["4,40"])
        #expect(try rig.gateway.log.mark(of: "car") == "2")
        try rig.expectSame()
    }
}
