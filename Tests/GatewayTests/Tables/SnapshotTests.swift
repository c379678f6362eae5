// SPDX-License-Identifier: Apache-2.0
// Goal: a full reload is a swap, whatever comes between, before and behind its rows.
import Testing

@testable import Gateway

@Suite struct SnapshotTests {
    private static let enrich = "enrich: SELECT car.v FROM car WHERE car.id = 1"

    private func load(_ position: String, from first: Int = 1, _ rows: (Int, Int)...) -> [String] {
        rows.enumerated()
            .map {
                #"{"op":"load","pos":"\#(position)/\#($0 + first)","id":\#($1.0),"v":\#($1.1)}"#
            }
    }

    private func mark(_ operation: String, _ position: String) -> String {
        #"{"op":"\#(operation)","pos":"\#(position)"}"#
    }

    private func upsert(_ position: String, _ id: Int, _ value: Int) -> String {
        #"{"op":"insert","pos":"\#(position)","id":\#(id),"v":\#(value)}"#
    }

    @Test func readersSeeTheOldRowsUntilTheNewSnapshotIsComplete() throws {
        let rig = try TableRig(enrich: Self.enrich)
        try rig.changes([mark("begin", "1/0")] + load("1", (1, 10), (2, 20)) + [mark("end", "2/0")])
        try rig.changes([mark("begin", "5/0")] + load("5", (1, 11)))
        try rig.reading()
        try rig.restart()
        try rig.reading()
        try rig.expectSame()
        try rig.changes(load("5", from: 2, (3, 31)) + [mark("end", "6/0")])
        try rig.reading()
        let seen = try rig.events("enriched").map { $0["enrichment.v"] }
        #expect(seen == [.int(10), .int(10), .int(11)])
        #expect(try rig.rows() == ["1,11,NULL", "3,31,NULL"])
        try rig.expectSame()
    }

    @Test func changesDuringASnapshotAreSeenAtOnceAndOutliveIt() throws {
        let rig = try TableRig()
        try rig.changes([mark("begin", "1/0")] + load("1", (1, 10), (2, 20)) + [mark("end", "1/9")])
        try rig.changes([mark("begin", "5/0"), upsert("7/0", 1, 17)])
        #expect(try rig.rows() == ["1,17,NULL", "2,20,NULL"])
        // A snapshot in plain rows tells its end; a change does not end it.
        #expect(rig.table().state.loading != nil)
        try rig.change(#"{"op":"delete","pos":"8/0","id":2}"#)
        try rig.changes(load("5", (1, 15), (2, 25), (3, 35)) + [mark("end", "9/0")])
        #expect(try rig.rows() == ["1,17,NULL", "3,35,NULL"])
        try rig.expectSame()
    }

    @Test func whatOvertookItsAnnouncementIsPartOfTheSnapshot() throws {
        let rig = try TableRig()
        try rig.changes([upsert("1/0", 8, 80), upsert("2/0", 9, 90)], at: 1)
        // A row of the snapshot and a delete behind it come first; both arrive before the announcement.
        try rig.changes(load("5", (1, 15)), at: 2)
        try rig.change(#"{"op":"delete","pos":"7/0","id":2}"#, at: 2)
        try rig.restart()
        try rig.changes(
            [mark("begin", "5/0")] + load("5", from: 2, (2, 25)) + [mark("end", "6/0")],
            at: 3
        )
        #expect(try rig.rows() == ["1,15,NULL"])
        try rig.expectSame()
    }

    @Test func whatCameBeforeTheAnnouncementAtTheSameTimeIsNoPartOfIt() throws {
        let rig = try TableRig()
        try rig.changes([upsert("1/0", 8, 80), mark("begin", "2/0"), mark("end", "3/0")])
        #expect(try rig.rows() == [])
        let timed = try TableRig(
            TableRig.table("car", "columns: {id: int, v: int}", "position: none")
        )
        try timed.changes([
            #"{"op":"insert","id":1}"#, #"{"op":"begin"}"#, #"{"op":"load","id":2}"#,
            #"{"op":"end"}"#,
        ])
        #expect(try timed.rows() == ["2,NULL"])
    }

    @Test func lateChangesFromBeforeTheSnapshotBringNothingBack() throws {
        let rig = try TableRig()
        try rig.changes([mark("begin", "5/0")] + load("5", (1, 10)))
        try rig.change(upsert("3/0", 2, 20))
        try rig.change(mark("end", "6/0"))
        try rig.change(upsert("4/0", 3, 30))
        #expect(try rig.rows() == ["1,10,NULL"])
        try rig.expectSame()
    }

    @Test func repeatedAnnouncementsAndEndsOfEarlierSnapshotsDoNothing() throws {
        let rig = try TableRig()
        let first = [mark("begin", "1/0")] + load("1", (1, 10)) + [mark("end", "1/9")]
        try rig.changes(first)
        let second = [mark("begin", "5/0")] + load("5", (1, 15))
        try rig.changes(second + second)
        try rig.changes([mark("begin", "1/0"), mark("end", "1/9")])
        #expect(try rig.rows() == ["1,10,NULL"])
        try rig.changes(load("5", from: 2, (2, 25)) + [mark("end", "6/0")])
        #expect(try rig.rows() == ["1,15,NULL", "2,25,NULL"])
    }

    @Test func truncationEmptiesTheTableOfAllThatWasBefore() throws {
        let rig = try TableRig()
        try rig.changes([upsert("1/0", 1, 10), upsert("9/0", 2, 20), mark("truncate", "5/0")])
        #expect(try rig.rows() == ["2,20,NULL"])
        try rig.changes([upsert("4/0", 3, 30), mark("truncate", "5/0"), upsert("6/0", 4, 40)])
        #expect(try rig.rows() == ["2,20,NULL", "4,40,NULL"])
        try rig.expectSame()
    }

    @Test func truncationFromBeforeASnapshotLeavesItsRows() throws {
        let rig = try TableRig()
        try rig.changes([mark("begin", "5/0")] + load("5", (1, 15)))
        try rig.change(mark("truncate", "3/0"))
        try rig.changes(load("5", from: 2, (2, 25)) + [mark("end", "6/0")])
        #expect(try rig.rows() == ["1,15,NULL", "2,25,NULL"])
    }

    @Test func pauseDoesNotEndASnapshotThatTellsItsEnd() throws {
        let rig = try TableRig()
        try rig.changes([mark("begin", "1/0")] + load("1", (1, 10)))
        try rig.clock(3_600)
        #expect(try rig.rows() == [])
        #expect(!rig.isReady)
    }

    // Retired rows go chunk by chunk, between batches, and nothing else goes with them.
    @Test func replacedRowsAreDeletedInChunks() throws {
        let rig = try TableRig()
        let many = (1...1_500).map { upsert("1/\($0)", $0, $0) }
        try rig.changes(many)
        try rig.changes([mark("begin", "5/0")] + load("5", (1, 1), (2, 2)) + [mark("end", "6/0")])
        #expect(try rig.log(#"SELECT count(*) || '' FROM "car.retired""#) == ["1500"])
        #expect(try rig.gateway.writer.deleteRetired())
        #expect(try rig.log(#"SELECT count(*) || '' FROM "car.retired""#) == ["500"])
        try rig.restart()
        while try rig.gateway.writer.deleteRetired() {}
        #expect(try rig.log("SELECT name FROM sqlite_schema WHERE name GLOB 'car.retired*'") == [])
        #expect(try rig.rows() == ["1,1,NULL", "2,2,NULL"])
        try rig.expectSame()
    }
}

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

/// What Kafka adds: partitions, tombstones, topics that are made anew.
@Suite struct KafkaTableTests {
    private func rig(_ lines: String...) throws -> TableRig {
        try TableRig(
            (["format: debezium"] + lines)
                .reduce(
                    TableRig.table(
                        "car",
                        "columns: {id: int, v: int}",
                        #"source: {type: kafka, brokers: "localhost:9092", topic: cars}"#,
                        "operation: none",
                        "position: none"
                    )
                ) { $0 + "\n    " + $1 }
        )
    }

    private func place(
        _ offset: Int64,
        partition: Int32 = 0,
        _ kind: RecordPlace.Kind = .change
    )
        -> RecordPlace
    {
        var place = RecordPlace(kind: kind)
        place.offset = offset
        place.partition = partition
        place.time = .seconds(offset)
        return place
    }

    private func row(_ id: Int, _ snapshot: String, _ second: Int) -> String {
        #"{"op":"r","ts_ms":\#(1_767_600_000_000 + second * 1_000),"before":null,"#
            + #""after":{"id":\#(id),"v":\#(second)},"source":{"name":"pg","table":"car","#
            + #""snapshot":"\#(snapshot)"}}"#
    }

    @Test func topicThatWasMadeAnewIsTakenThoughItsOffsetsAreLower() throws {
        let rig = try rig()
        try rig.record(row(1, "first", 1), place(500))
        try rig.record(row(2, "last", 2), place(501))
        #expect(try rig.rows() == ["1,1", "2,2"])
        try rig.record("", place(-1, .beganAnew))
        try rig.record(row(1, "first", 10), place(0))
        try rig.record(row(3, "last", 11), place(1))
        #expect(try rig.rows() == ["1,10", "3,11"])
        try rig.expectSame()
    }

    @Test func tombstoneRemovesARowThatHasNotBeenDeleted() throws {
        let rig = try rig()
        try rig.record(row(1, "first", 1), place(1))
        try rig.record(row(2, "last", 2), place(2))
        try rig.record("", key: #"{"id":1}"#, place(3, .tombstone))
        #expect(try rig.rows() == ["2,2"])
        try rig.record("", key: #"{"id":7}"#, place(4, .tombstone))
        try rig.record("", key: "nonsense", place(5, .tombstone))
        #expect(try rig.reasons().count == 1)
        #expect(try rig.gateway.log.offsets(of: "car").map(\.offset) == [6])
        try rig.expectSame()
    }

    @Test func emptyTopicBecomesReadySomeTimeAfterItsFirstChange() throws {
        let rig = try rig()
        try rig.record("", place(-1, .caughtUp))
        #expect(!rig.table().state.isHeard)
        try rig.record(row(1, "false", 1).replacing("\"r\"", with: "\"c\""), place(0), at: 10)
        #expect(!rig.isReady)
        try rig.clock(16)
        #expect(rig.isReady)
    }

    @Test func timeOfARecordMayBeNonsense() throws {
        let rig = try rig()
        for time in [Int64.max, .min] {
            var place = place(1)
            place.time = Timestamp(milliseconds: time)
            try rig.record(#"{"id":1,"v":5}"#, place)
        }
        #expect(try rig.rows() == ["1,5"])
    }
}
