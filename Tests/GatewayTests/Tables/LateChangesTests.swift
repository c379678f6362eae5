// SPDX-License-Identifier: Apache-2.0
// Goal: what a table holds in the end does not depend on the order in which changes come.
// Method: the processor over a real log, fed with each order by hand. Each case was found by the proof of
// tables.
import GRDB
import Testing

@testable import Gateway

@Suite struct LateChangesTests {
    private static let yaml = """
        gateway: {id: depot, data_directory: /nonexistent}
        sources:
          - name: vehicles
            url: mqtt://localhost:1883
            topics: [{pattern: "fleet/{vehicle}/state"}]
        tables:
          - name: reservation
            key: id
            columns: {id: int, customer: text, starts: {type: time, format: epoch_s}, ends: {type: time, format: epoch_s}}
            valid_from: starts
            valid_to: ends
            source: {type: mqtt, url: "mqtt://localhost:1883", topic: "cdc/reservation"}
            operation: op
            position: pos
            time: {path: at, format: epoch_s}
            before: old
        """
    /// Changes happen ten seconds after this, by their positions.
    private static let base: Int64 = 1_767_600_000

    private let gateway: LoggedGateway

    init() throws {
        gateway = try LoggedGateway(
            Configuration.decode(text: Self.yaml, file: "/etc/gateway.yaml")
        )
    }

    /// Sends changes, each with its position; `members` has the rest.
    private func send(_ changes: [(pos: Int64, members: String)]) throws {
        for (pos, members) in changes {
            let text = #"{"pos":\#(pos),"at":\#(Self.base + 10 * pos),\#(members)}"#
            try gateway.process([
                TestMessage("cdc/reservation", text, arrival: .seconds(1_000), source: 1)
            ])
        }
        #expect(try gateway.payloads("dead_letter") == [])
    }

    private static func row(_ customer: String, id: Int = 1, ends: Int64 = 500) -> String {
        #""id":\#(id),"customer":"\#(customer)","starts":\#(base),"ends":\#(base + ends)"#
    }

    private static func insert(_ pos: Int64, _ customer: String, id: Int = 1) -> (Int64, String) {
        (pos, #""op":"insert",\#(row(customer, id: id))"#)
    }

    /// `1 Ann 0-500`, by key; a restart must read the same.
    private func rows() throws -> [String] {
        func read() throws -> [String] {
            try gateway.log.pool.read { db in
                try Row.fetchAll(db, sql: "SELECT * FROM reservation ORDER BY id")
                    .map { row in
                        let times = [row["starts"], row["ends"]] as [Double]
                        let text = times.map { String(Int64($0) - Self.base) }
                        return "\(row["id"] as Int64) \(row["customer"] as String) "
                            + text.joined(separator: "-")
                    }
            }
        }
        let found = try read()
        try gateway.restart()
        #expect(try read() == found)
        return found
    }

    private static let inserted = insert(1, "Ann")
    private static let updated = (2 as Int64, #""op":"update",\#(row("Bob"))"#)
    private static let deleted = (3 as Int64, #""op":"delete","id":1"#)

    @Test(arguments: [
        [0, 1, 2], [0, 2, 1], [2, 0, 1], [2, 1, 0], [1, 2, 0], [1, 0, 2], [2, 1, 0, 2, 1],
    ])
    func whatIsKeptOfADeletedRowIsItsLastVersion(order: [Int]) throws {
        let changes = [Self.inserted, Self.updated, Self.deleted]
        for place in order {
            try send([changes[place]])
            try gateway.restart()
        }
        #expect(try rows() == ["1 Bob 0-30"])
    }

    @Test(arguments: [[0, 1], [1, 0]])
    func aRowThatGoesOnUnderAnotherKeyHasNotEnded(order: [Int]) throws {
        let moved = (2 as Int64, #""op":"update","old":{"id":1},\#(Self.row("Ann", id: 9))"#)
        try send(order.map { [Self.inserted, moved][$0] })
        #expect(try rows() == ["9 Ann 0-500"])
    }

    @Test func aRowThatHadNotBegunIsGoneInWhateverOrder() throws {
        let future = (
            1 as Int64,
            #""op":"insert","id":1,"customer":"Ann","starts":\#(Self.base + 400),"ends":null"#
        )
        for order in [[future, Self.deleted], [Self.deleted, future]] {
            try send(order)
            #expect(try rows() == [])
        }
    }

    @Test func aTombstoneBehindADeleteLeavesWhatWasKept() throws {
        let (_, members) = Self.inserted
        try send([(1, members), Self.deleted])
        let table = gateway.processor.tables.tables[0]
        try table.bury([.int(1), nil, nil, nil], at: .seconds(1_000))
        #expect(table.takeWrites().isEmpty)
    }

    @Test func aTombstoneAloneEndsTheRow() throws {
        try send([Self.inserted])
        let table = gateway.processor.tables.tables[0]
        try table.bury([.int(1), nil, nil, nil], at: .seconds(100))
        let row = try #require(try table.relations.row([.int(1)], .live))
        #expect(row[3] == .double(Double(Self.base + 100)))
    }

    // Snapshots.

    private static let begin = (10 as Int64, #""op":"begin""#)
    private static let end = (10 as Int64, #""op":"end""#)

    private static func load(_ customer: String, id: Int, pos: Int64 = 10) -> (Int64, String) {
        (pos, #""op":"load",\#(row(customer, id: id))"#)
    }

    @Test func aChangeFromBeforeASnapshotDoesNotComeBackWithIt() throws {
        try send([Self.inserted, Self.deleted, Self.begin])
        // These are repeated while the snapshot, which has no such row any more, comes in.
        try send([
            Self.inserted, Self.load("Old", id: 1, pos: 5), Self.load("Cem", id: 2), Self.end,
        ])
        #expect(try rows() == ["2 Cem 0-500"])
    }

    @Test func aSnapshotDoesNotUndoADeleteThatCameBeforeIt() throws {
        let later = (11 as Int64, #""op":"delete","id":1"#)
        try send([Self.inserted, later, Self.begin])
        try send([Self.load("Ann", id: 1), Self.load("Cem", id: 2), Self.end])
        #expect(try rows() == ["1 Ann 0-110", "2 Cem 0-500"])
    }

    @Test func aSnapshotRowThatComesAgainInKafkaBeginsAndEndsNoOther() throws {
        let decoder = TestChangeDecoder(.debezium)
        for mark in ["first", "true", "last"] {
            let row = """
                {"before":null,"after":{"id":1,"name":"a"},"op":"r","ts_ms":1767600000000,\
                "source":{"connector":"postgresql","lsn":7,"snapshot":"\(mark)","table":"car"}}
                """
            let positions = try [97, 130]
                .flatMap { offset in
                    try decoder.decode(row, record: RecordPlace(partition: 1, offset: offset))
                }
                .map(\.change.position)
            #expect(positions[0] == positions[1])
        }
    }

    @Test func theRepeatedEndOfAnEarlierSnapshotDoesNotEndTheNext() throws {
        try send([Self.begin, Self.load("Ann", id: 1), Self.load("Bob", id: 2), Self.end])
        try send([(20, #""op":"begin""#), Self.load("Ann", id: 1, pos: 20), Self.end])
        #expect(try rows().count == 2)
        try send([Self.load("Bob", id: 2, pos: 20), (20, #""op":"end""#)])
        #expect(try rows() == ["1 Ann 0-500", "2 Bob 0-500"])
    }
}
