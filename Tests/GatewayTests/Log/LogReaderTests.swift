// SPDX-License-Identifier: Apache-2.0
import Testing

import class GRDB.Row

@testable import Gateway

@Suite struct LogReaderTests {
    private let gateway: LoggedGateway
    private let reader: LogReader

    init() throws {
        gateway = try LoggedGateway()
        try gateway.process((1...10).map { "{\"n\":\($0)}" })
        reader = try LogReader(log: gateway.log)
    }

    private func read(
        _ stream: String = "raw",
        after offset: Int64,
        count: Int = 100,
        bytesMax: Int = .max
    )
        throws -> [Int64]
    {
        try reader.read(stream, after: offset, count: count, bytesMax: bytesMax).map(\.offset)
    }

    @Test func eventsBehindACursorComeInTheirOrder() throws {
        #expect(try read(after: 0) == Array(1...10))
        #expect(try read(after: 7) == [8, 9, 10])
        #expect(try read(after: 10) == [])
    }

    @Test func readIsBoundedByCount() throws {
        #expect(try read(after: 2, count: 3) == [3, 4, 5])
    }

    @Test func readIsBoundedByBytes() throws {
        // Seven bytes each; the event that passes the bound is still in.
        #expect(try read(after: 0, bytesMax: 15) == [1, 2, 3])
        #expect(try read(after: 0, bytesMax: 1) == [1])
    }

    @Test func everyStreamIsReadByItself() throws {
        #expect(try read("enriched", after: 0).count == 10)
        #expect(try read("outlier", after: 0) == [])
    }

    @Test func readerSeesWhatIsCommittedLater() throws {
        #expect(try read(after: 10) == [])
        try gateway.process(["{}"])
        #expect(try read(after: 10) == [11])
    }

    @Test func holeOfAnEvictionIsSkipped() throws {
        try gateway.writer.deleteHead(of: "raw", through: 6)
        #expect(try read(after: 2) == [7, 8, 9, 10])
    }

    @Test func whatWasEvictedDoesNotCountAsWaiting() throws {
        #expect(try reader.count(of: "raw", after: 4) == 6)
        #expect(try reader.count(of: "raw", after: 10) == 0)
        #expect(try reader.count(of: "outlier", after: 0) == 0)
        try gateway.writer.deleteHead(of: "raw", through: 6)
        #expect(try reader.count(of: "raw", after: 0) == 4)
        #expect(try reader.count(of: "raw", after: 8) == 2)
    }

    @Test func cursorIsWhereItWasMovedTo() throws {
        #expect(try reader.cursor(sink: "cloud", stream: "raw") == 0)
        for offset in [3, 7] as [Int64] {
            let moves = [
                CursorMove(sink: "cloud", stream: "raw", offset: offset),
                CursorMove(sink: "depot", stream: "raw", offset: 1),
            ]
            try gateway.process([], extras: CommitExtras(cursors: moves))
        }
        #expect(try reader.cursor(sink: "cloud", stream: "raw") == 7)
        #expect(try reader.cursor(sink: "depot", stream: "raw") == 1)
        #expect(try reader.cursor(sink: "cloud", stream: "enriched") == 0)
    }

    @Test func slowReaderDoesNotHoldBackTheWriter() throws {
        // Each read is one short transaction: a checkpoint between two reads moves everything.
        #expect(try read(after: 0, count: 1) == [1])
        try gateway.process(["{}"])
        let moved = try gateway.log.pool.writeWithoutTransaction { db in
            try db.checkpoint(.truncate).walFrameCount
        }
        #expect(moved == 0)
        #expect(try read(after: 1, count: 1) == [2])
    }
}
