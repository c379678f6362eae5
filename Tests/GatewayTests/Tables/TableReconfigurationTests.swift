// SPDX-License-Identifier: Apache-2.0
// Goal: a table keeps what fits when its configuration changes, and a start never fails over it.
import Testing

@testable import Gateway

@Suite struct TableReconfigurationTests {
    private func insert(_ position: Int, _ id: Int, _ rest: String) -> String {
        #"{"op":"insert","pos":\#(position),"id":\#(id),\#(rest)}"#
    }

    private func filled(_ table: String = TableRig.car) throws -> TableRig {
        let rig = try TableRig(table)
        try rig.change(insert(5, 1, #""v":10,"w":"a""#), insert(6, 2, #""v":20,"w":"b""#))
        try rig.change(#"{"op":"delete","pos":7,"id":2}"#)
        try rig.clock(100)
        return rig
    }

    /// Changes from before still change nothing, and later ones do.
    private func expectOrder(_ rig: TableRig, _ rows: [String]) throws {
        try rig.change(insert(4, 1, #""v":0"#), insert(4, 2, #""v":0"#))
        #expect(try rig.rows() == rows)
        try rig.expectSame()
        try rig.restart()
        try rig.expectSame()
        #expect(try rig.rows() == rows)
        #expect(rig.isReady)
    }

    @Test func addedColumnIsEmptyUntilItComes() throws {
        let rig = try filled()
        try rig.start(TableRig.table("car", "columns: {id: int, v: int, w: text, x: float}"))
        try expectOrder(rig, ["1,10,'a',NULL"])
    }

    @Test func removedAndReorderedColumnsKeepTheRest() throws {
        let rig = try filled()
        try rig.start(TableRig.table("car", "columns: {v: int, id: int}"))
        try expectOrder(rig, ["10,1"])
    }

    @Test func otherTypeIsTakenWhereItFits() throws {
        let rig = try filled()
        try rig.start(TableRig.table("car", "columns: {id: int, v: float, w: text}"))
        try expectOrder(rig, ["1,10.0,'a'"])
    }

    @Test func addedIndexLeavesRowsAndInferredColumns() throws {
        let rig = try filled(TableRig.table("car"))
        try rig.start(TableRig.table("car", "index: [v, [w, v]]"))
        try expectOrder(rig, ["1,10,'a'"])
        let indexes = try rig.log("SELECT name FROM sqlite_schema WHERE name GLOB 'car.*.[01]'")
        #expect(indexes.count == 2)
    }

    @Test func declaringInferredColumnsKeepsThem() throws {
        let rig = try filled(TableRig.table("car"))
        try rig.start(TableRig.car)
        try expectOrder(rig, ["1,10,'a'"])
    }

    @Test func otherKeyIsAnotherTable() throws {
        let rig = try filled()
        try rig.start(TableRig.table("car", "columns: {id: int, v: int, w: text}", "key: w"))
        #expect(try rig.rows() == [])
        #expect(!rig.isReady)
        try rig.change(insert(1, 1, #""v":1,"w":"z""#))
        #expect(try rig.rows() == ["1,1,'z'"])
        try rig.expectSame()
    }

    @Test func removedTableLeavesNothing() throws {
        let rig = try filled()
        try rig.change(#"{"op":"begin","pos":8}"#, #"{"op":"load","pos":9,"id":3}"#)
        try rig.start(TableRig.table("device"))
        let left = "SELECT name FROM sqlite_schema WHERE tbl_name GLOB 'car*'"
        #expect(try rig.log(left) == [])
        #expect(try rig.log("SELECT name FROM table_state") == ["device"])
        try rig.start(TableRig.car)
        #expect(try rig.rows() == [])
    }

    @Test func changeInTheMiddleOfASnapshotKeepsTheOldRows() throws {
        let rig = try filled()
        try rig.change(#"{"op":"begin","pos":8}"#, #"{"op":"load","pos":9,"id":3}"#)
        try rig.start(TableRig.table("car", "columns: {id: int, v: int}"))
        #expect(try rig.rows() == ["1,10"])
        try rig.change(#"{"op":"begin","pos":20}"#, #"{"op":"load","pos":21,"id":3}"#)
        try rig.change(#"{"op":"end","pos":22}"#)
        #expect(try rig.rows() == ["3,NULL"])
        try rig.expectSame()
    }

    @Test func nameOfATableThatIsGoneMayBecomeAStreams() throws {
        let folder = try TemporaryFolder()
        func open(_ table: String, _ streams: [String]) throws {
            var configuration = try TableRig.configuration(TableRig.table(table))
            configuration.derivedStreams = streams
            let gateway = try LoggedGateway(configuration, in: folder)
            let rows = #"{"op":"insert","pos":1,"id":1}"#
            try gateway.process([
                TestMessage("cdc/\(table)", rows, arrival: .seconds(0), source: 1)
            ])
            #expect(try gateway.count(table) == 1)
            if let stream = streams.first { #expect(try gateway.count(stream) == 0) }
        }
        try open("trip", [])
        try open("car", ["trip"])
        // The stream's events stay, so the name is not free; and somebody is told.
        let error = #expect(throws: LogError.self) { try open("trip", []) }
        #expect(error.map { "\($0)".contains("a stream 'trip'") } == true)
    }
}
