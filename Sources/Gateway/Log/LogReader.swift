// SPDX-License-Identifier: Apache-2.0
import GRDB
import GRDBSQLite

/// An event as a delivery loop reads it.
struct StoredEvent: Sendable {
    var offset: Int64
    var eventTime: Timestamp
    var arrival: Timestamp
    var key: String
    var topic: String
    var payload: [UInt8]
}

/// A row of a stream as it lies in SQLite's memory.
struct LogRow: ~Copyable {
    private let statement: SQLiteStatement

    fileprivate init(_ statement: SQLiteStatement) {
        self.statement = statement
    }

    var offset: Int64 { statement.int(0) }
    var eventTime: Timestamp { Timestamp(milliseconds: statement.int(1)) }
    var arrival: Timestamp { Timestamp(milliseconds: statement.int(2)) }
    var payloadCount: Int { statement.count(5) }

    func withKey<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe statement.withBytes(3, body)
    }

    func withTopic<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe statement.withBytes(4, body)
    }

    func withPayload<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe statement.withBytes(5, body)
    }

    /// A copy that outlives the visit.
    var event: StoredEvent {
        StoredEvent(
            offset: offset,
            eventTime: eventTime,
            arrival: arrival,
            key: statement.text(3),
            topic: statement.text(4),
            payload: unsafe withPayload { unsafe [UInt8]($0) }
        )
    }
}

/// Reads one stream forward, on a connection of its own; belongs to one thread.
///
/// Each read is one short transaction, so that a slow sink never holds back a checkpoint.
final class LogReader {
    private let queue: DatabaseQueue
    private let streams: [String]
    private var statements: [String: SQLiteStatement] = [:]

    init(log: EventLog) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.label = "log-reader"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -2000") }
        streams = log.streams
        queue = try DatabaseQueue(path: log.path, configuration: configuration)
    }

    /// Up to `count` events, or about `bytesMax` of payload, behind an offset, in their order.
    func read(
        _ stream: String,
        after offset: Int64,
        count: Int,
        bytesMax: Int
    ) throws
        -> [StoredEvent]
    {
        var events: [StoredEvent] = []
        try visit(stream, after: offset, count: count, bytesMax: bytesMax) { row in
            events.append(row.event)
            return true
        }
        return events
    }

    /// Lends the same events where they lie, until `body` returns false; tells whether these were all
    /// there are.
    ///
    /// Checkpoints wait meanwhile, so `body` must not.
    @discardableResult
    func visit(
        _ stream: String,
        after offset: Int64,
        count: Int,
        bytesMax: Int,
        _ body: (borrowing LogRow) throws -> Bool
    ) throws -> Bool {
        try queue.unsafeRead { db in
            let statement = try statement(for: stream, db)
            statement.bind(1, offset)
            statement.bind(2, Int64(count))
            defer { statement.reset() }
            var bytes = 0
            var visited = 0
            while bytes < bytesMax {
                guard try statement.step() else { return visited < count }
                let row = LogRow(statement)
                bytes += row.payloadCount
                visited += 1
                guard try body(row) else { return false }
            }
            return false
        }
    }

    /// The cursor of a sink on a stream: the last offset its far side has acknowledged.
    func cursor(sink: String, stream: String) throws -> Int64 {
        try queue.read { db in
            try Int64.fetchOne(
                db,
                sql: "SELECT offset FROM cursor WHERE sink = ? AND stream = ?",
                arguments: [sink, stream]
            ) ?? 0
        }
    }

    /// The last offset of a stream; 0 when nothing was ever appended.
    func head(of stream: String) throws -> Int64 {
        try queue.read { db in
            try Int64.fetchOne(
                db,
                sql: "SELECT next_offset - 1 FROM stream WHERE name = ?",
                arguments: [stream]
            ) ?? 0
        }
    }

    /// When the event at an offset came in; `nil` when the log does not hold it.
    func arrival(of stream: String, at offset: Int64) throws -> Timestamp? {
        let events = try read(stream, after: offset - 1, count: 1, bytesMax: 1)
        return events.first.flatMap { $0.offset == offset ? $0.arrival : nil }
    }

    /// How many events the log holds behind an offset; what was evicted counts no more.
    func count(of stream: String, after offset: Int64) throws -> Int64 {
        try queue.read { db in
            try Int64.fetchOne(
                db,
                sql: "SELECT next_offset - max(first_offset, ? + 1) FROM stream WHERE name = ?",
                arguments: [offset, stream]
            ) ?? 0
        }
    }

    /// Whether a dead letter was processed again.
    func isReplayed(_ offset: Int64) throws -> Bool {
        try queue.read { db in
            try Int64.fetchOne(
                db,
                sql: "SELECT 1 FROM replayed WHERE offset = ?",
                arguments: [offset]
            ) != nil
        }
    }

    private func statement(for stream: String, _ db: Database) throws -> SQLiteStatement {
        if let statement = statements[stream] { return statement }
        precondition(streams.contains(stream), "a reader reads streams only")
        let statement = try unsafe SQLiteStatement(
            db.connection(),
            """
            SELECT offset, event_time, arrival_time, key, topic, payload FROM "\(stream)"
            WHERE offset > ? ORDER BY offset LIMIT ?
            """
        )
        statements[stream] = statement
        return statement
    }
}
