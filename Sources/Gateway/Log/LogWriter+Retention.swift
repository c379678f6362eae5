// SPDX-License-Identifier: Apache-2.0
// Deleting, in chunks small enough that intake does not notice. Retention by age and bytes stops at
// the slowest cursor; the disk budget does not, and says so in a gap event.
import GRDB
import GRDBSQLite

/// Events that were deleted.
struct Eviction: Equatable, Sendable {
    enum Cause: String, Sendable {
        case retention
        case budget
    }

    var stream: String
    var firstOffset: Int64
    var lastOffset: Int64
    var cause: Cause
    /// Events that a sink had not acknowledged yet.
    var undelivered: Int64

    var count: Int64 { lastOffset - firstOffset + 1 }
}

extension LogWriter {
    /// Rows that one chunk deletes at most.
    private static let chunkRows: Int64 = 500

    /// Deletes one chunk of what is no longer kept; `nil` when there is nothing to delete.
    ///
    /// `cursors` has, per stream, the slowest acknowledged offset; a stream without a sink has none.
    func evictChunk(
        _ configuration: LogConfiguration,
        cursors: [String: Int64],
        now: Timestamp
    ) throws(LogError) -> Eviction? {
        if let eviction = try evictForBudget(configuration, cursors: cursors, now: now) {
            return eviction
        }
        for stream in StreamName.all {
            let retention = configuration.streams[stream] ?? .standard(for: stream)
            guard let extent = extents[stream], extent.firstOffset < extent.nextOffset else {
                continue
            }
            let limit = min(cursors[stream] ?? .max, evictableEnd(of: stream, extent))
            guard limit >= extent.firstOffset else { continue }
            let isTooLarge = extent.bytes > retention.bytes
            let oldest = now + -retention.ageSeconds * 1_000
            let last =
                try isTooLarge
                ? min(limit, extent.firstOffset + Self.chunkRows - 1)
                : lastOffset(of: stream, arrivedBefore: oldest, upTo: limit)
            guard let last, last >= extent.firstOffset else { continue }
            return try delete(stream, through: last, cause: .retention, undelivered: 0, now: now)
        }
        return nil
    }

    private func evictForBudget(
        _ configuration: LogConfiguration,
        cursors: [String: Int64],
        now: Timestamp
    ) throws(LogError) -> Eviction? {
        guard usedBytes() > configuration.budgetBytes else { return nil }
        for stream in StreamName.all {
            guard let extent = extents[stream], extent.firstOffset < extent.nextOffset - 1 else {
                continue
            }
            let last = min(
                extent.firstOffset + Self.chunkRows - 1,
                evictableEnd(of: stream, extent)
            )
            guard last >= extent.firstOffset else { continue }
            let acknowledged = cursors[stream] ?? .max
            let undelivered = max(0, last - max(acknowledged, extent.firstOffset - 1))
            return try delete(
                stream,
                through: last,
                cause: .budget,
                undelivered: undelivered,
                now: now
            )
        }
        return nil
    }

    /// The last event that may go: the newest stays, and so do enriched events that the snapshot of
    /// the vehicles does not hold yet.
    private func evictableEnd(of stream: String, _ extent: StreamExtent) -> Int64 {
        let end = extent.nextOffset - 2
        return stream == StreamName.enriched ? min(end, vehiclesAsOf) : end
    }

    /// Pages of the database that hold something, in bytes.
    func usedBytes() -> Int64 {
        let pages = try? log.pool.writeWithoutTransaction { db in
            let all = try Int64.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            let free = try Int64.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            return (all - free) * 4_096
        }
        return pages ?? 0
    }

    private func lastOffset(
        of stream: String,
        arrivedBefore time: Timestamp,
        upTo limit: Int64
    )
        throws(LogError) -> Int64?
    {
        guard let first = extents[stream]?.firstOffset else { return nil }
        do {
            return try log.pool.writeWithoutTransaction { db in
                // Arrival times grow with the offset, so the first chunk tells.
                try Int64.fetchOne(
                    db,
                    sql: """
                        SELECT max(offset) FROM (
                            SELECT offset, arrival_time FROM "\(stream)"
                            WHERE offset BETWEEN ? AND ? ORDER BY offset LIMIT ?)
                        WHERE arrival_time < ?
                        """,
                    arguments: [first, limit, Self.chunkRows, time.milliseconds]
                )
            }
        } catch {
            throw .failed(SQLiteFailure(code: SQLITE_ERROR, message: "\(error)"))
        }
    }

    private func delete(
        _ stream: String,
        through last: Int64,
        cause: Eviction.Cause,
        undelivered: Int64,
        now: Timestamp
    ) throws(LogError) -> Eviction {
        let first = extents[stream]?.firstOffset ?? 1
        let eviction = Eviction(
            stream: stream,
            firstOffset: first,
            lastOffset: last,
            cause: cause,
            undelivered: undelivered
        )
        try deleteHead(of: stream, through: last)
        return eviction
    }
}
