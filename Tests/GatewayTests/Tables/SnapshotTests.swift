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

    @Test func aLoadThatNobodyEndsStaysOpenUntilTheNextBegins() throws {
        let rig = try TableRig()
        try rig.changes([mark("begin", "1/0")] + load("1", (1, 10), (2, 20)) + [mark("end", "2/0")])
        try rig.changes([mark("begin", "5/0")] + load("5", (1, 11), (3, 31)))
        try rig.clock(1_000_000)
        try rig.restart()
        try rig.change(upsert("6/0", 4, 40), at: 1_000_000)
        #expect(try rig.rows() == ["1,10,NULL", "2,20,NULL", "4,40,NULL"])
        #expect(rig.isReady)
        #expect(rig.table().state.loading != nil)
        try rig.changes([mark("begin", "7/0")] + load("7", (1, 12)) + [mark("end", "8/0")])
        #expect(try rig.rows() == ["1,12,NULL"])
        #expect(rig.table().state.loading == nil)
        try rig.expectSame()
    }

    @Test func positionsTellTheRowsOfALoadThatWasGivenUpFromThoseOfTheNext() throws {
        let rig = try TableRig()
        try rig.changes([mark("begin", "5/0")] + load("5", (1, 15)) + [mark("begin", "7/0")])
        try rig.changes(load("5", from: 2, (2, 25)) + load("7", (3, 37)))
        try rig.changes([mark("end", "5/9"), mark("end", "7/9")])
        #expect(try rig.rows() == ["3,37,NULL"])
    }

    // docs/tables.md says so.
    @Test func withoutPositionsTheyAreTaken() throws {
        let rig = try TableRig(
            TableRig.table("car", "columns: {id: int, v: int}", "position: none")
        )
        let (begin, end) = (#"{"op":"begin"}"#, #"{"op":"end"}"#)
        try rig.changes([begin, #"{"op":"load","id":1}"#])
        try rig.changes([begin, #"{"op":"load","id":2}"#, #"{"op":"load","id":3}"#, end], at: 1)
        #expect(try rig.rows() == ["2,NULL", "3,NULL"])
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
