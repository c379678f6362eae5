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

/// Reads one stream forward, on a connection of its own; belongs to one thread.
///
/// Each read is one short transaction, so that a slow sink never holds back a checkpoint.
final class LogReader {
    private let queue: DatabaseQueue
    private var statements: [String: SQLiteStatement] = [:]

    init(log: EventLog) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.label = "log-reader"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -2000") }
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
        try queue.unsafeRead { db in
            let statement = try statement(for: stream, db)
            statement.bind(1, offset)
            statement.bind(2, Int64(count))
            defer { statement.reset() }
            var events: [StoredEvent] = []
            events.reserveCapacity(count)
            var bytes = 0
            while bytes < bytesMax, try statement.step() {
                let payload = unsafe statement.withBytes(5) { unsafe [UInt8]($0) }
                bytes += payload.count
                events.append(
                    StoredEvent(
                        offset: statement.int(0),
                        eventTime: Timestamp(milliseconds: statement.int(1)),
                        arrival: Timestamp(milliseconds: statement.int(2)),
                        key: statement.text(3),
                        topic: statement.text(4),
                        payload: payload
                    )
                )
            }
            return events
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

    private func statement(for stream: String, _ db: Database) throws -> SQLiteStatement {
        if let statement = statements[stream] { return statement }
        precondition(StreamName.all.contains(stream), "a reader reads streams only")
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
