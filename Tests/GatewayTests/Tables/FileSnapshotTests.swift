// SPDX-License-Identifier: Apache-2.0
// What a file that is wrong does not do to the table that it should have filled.
import GRDB
import Testing

@testable import Gateway

@Suite struct FileSnapshotTests {
    private static let yaml = """
        gateway: {id: depot, data_directory: /nonexistent}
        sources:
          - name: vehicles
            url: mqtt://localhost:1883
            topics: [{pattern: "fleet/{vehicle}/state"}]
        tables:
          - name: car
            key: id
            columns: {id: int, plate: text}
            source: {type: file, path: /nonexistent/car.jsonl}
        """

    private let gateway: LoggedGateway

    init() throws {
        gateway = try LoggedGateway(
            Configuration.decode(text: Self.yaml, file: "/etc/gateway.yaml")
        )
    }

    /// Hands a version of the file over, as its feed does.
    private func load(_ rows: [String], mark: String) throws {
        var batch = MessageBatch()
        let topic = Topic(name: "car.jsonl", patterns: [])
        var end = RecordPlace(kind: .loadEnds)
        end.mark = mark
        let bytes = Array(rows.joined(separator: "\n").utf8)
        let read = rows.isEmpty ? [] : try CSVReaderTests.rows(bytes, JSONLinesReader())
        let records =
            [FeedRecord(place: RecordPlace(kind: .loadBegins))] + read
            + [FeedRecord(place: end)]
        for record in records {
            batch.append(feed: 1, topic: topic, record: record, arrival: .seconds(0))
        }
        let outcome = gateway.processor.process(batch, clock: nil)
        try gateway.writer.commit(outcome, of: batch, CommitExtras())
    }

    private func plates() throws -> [String] {
        try gateway.log.pool.read {
            try String.fetchAll($0, sql: "SELECT plate FROM car ORDER BY id")
        }
    }

    @Test func aFileOfWhichNoRowCanBeTakenLeavesTheTableAsItIs() throws {
        try load([#"{"id":1,"plate":"A"}"#, #"{"id":2,"plate":"B"}"#], mark: "1")
        try load([#"{"id":1,"plait":"C"}"#, "{"], mark: "2")
        #expect(try plates() == ["A", "B"])
        #expect(try gateway.payloads("dead_letter").count == 2)
    }

    @Test func aRefusalIsKeptOverARestartUntilAnotherVersionIsTaken() throws {
        try load([#"{"id":1,"plait":"A"}"#], mark: "1")
        #expect(gateway.processor.tables.tables[0].refusedMark == "1")
        try gateway.restart()
        #expect(try gateway.log.mark(of: "car") == FileVersion.refused("1"))
        try load([#"{"id":1,"plate":"A"}"#], mark: "2")
        #expect(try gateway.log.mark(of: "car") == "2")
    }

    @Test(arguments: ["{", "[1]", #"{"id":1,"plait":"C"}"#])
    func whateverIsWrongWithAllRowsTheTableIsNotEmptied(row: String) throws {
        try load([#"{"id":1,"plate":"A"}"#], mark: "1")
        try load([row, row], mark: "2")
        #expect(try plates() == ["A"])
        #expect(try gateway.log.mark(of: "car") == FileVersion.refused("2"))
    }

    @Test func aRowThatCannotBeTakenIsMissingFromTheNewVersion() throws {
        try load([#"{"id":1,"plate":"A"}"#, #"{"id":2,"plate":"B"}"#], mark: "1")
        try load([#"{"id":1,"plate":"C"}"#, "{"], mark: "2")
        #expect(try plates() == ["C"])
    }

    @Test func aDeadLetterNamesFileAndLineWhateverIsWrong() throws {
        let long = String(repeating: "x", count: RowBuffer.rowBytesMax)
        try load(
            [
                #"{"id":1,"plate":"A"}"#, #"{"id":2,"plait":"B"}"#, "", #"{"id":"two"}"#,
                #"{"plate":"C"}"#, "{", long + "x",
            ],
            mark: "1"
        )
        let letters = try gateway.payloads("dead_letter").map { try flatten($0) }
        #expect(letters.map { $0["line"] } == [2, 4, 5, 6, 7].map { .int($0) })
        #expect(letters.allSatisfy { $0["topic"] == .text("car.jsonl") }, "\(letters)")
        // So that letters can be counted by reason.
        #expect(letters[0]["reason"]?.text.hasPrefix("table car has no column 'plait'") == true)
    }

    @Test func aFileWithoutRowsEmptiesTheTable() throws {
        try load([#"{"id":1,"plate":"A"}"#], mark: "1")
        try load([], mark: "2")
        #expect(try plates() == [])
    }
}
