// SPDX-License-Identifier: Apache-2.0
// Deleting, in chunks small enough that intake does not notice. Retention by age and bytes stops at
// the slowest cursor; the disk budget does not, and says so in a gap event.
import GRDB
import GRDBSQLite
import Logging

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
    private static let chunkRows: Int64 = 1_000

    /// Deletes one chunk of what is no longer kept; `nil` when there is nothing to delete.
    ///
    /// `cursors` has, per stream, the slowest acknowledged offset; a stream without a sink has none.
    func evictChunk(
        _ configuration: LogConfiguration,
        cursors: [String: Int64],
        now: Timestamp,
        announce: (Eviction) -> Outcome = { _ in Outcome() }
    ) throws(LogError) -> Eviction? {
        let excess = usedBytes() - configuration.budgetBytes
        // Enriched events behind the snapshot are needed: a new one lets them go.
        if excess > 0 { try saveVehicles() }
        // A hundredth more than needed, so that not every further event evicts another.
        let wanted = excess > 0 ? excess + configuration.budgetBytes / 100 : 0
        if let eviction = budgetEviction(wanted, cursors: cursors) {
            // The gap and the deletion are one transaction: no kill can make it silent.
            try deleteHead(of: eviction.stream, through: eviction.lastOffset, announce(eviction))
            return eviction
        }
        for stream in log.streams {
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
                ? min(limit, chunkEnd(extent, excess: extent.bytes - retention.bytes))
                : lastOffset(of: stream, arrivedBefore: oldest, upTo: limit)
            guard let last, last >= extent.firstOffset else { continue }
            try deleteHead(of: stream, through: last, Outcome())
            return Eviction(
                stream: stream,
                firstOffset: extent.firstOffset,
                lastOffset: last,
                cause: .retention,
                undelivered: 0
            )
        }
        return nil
    }

    private func budgetEviction(_ excess: Int64, cursors: [String: Int64]) -> Eviction? {
        guard excess > 0 else { return nil }
        for stream in log.streams {
            guard let extent = extents[stream] else { continue }
            let last = min(
                chunkEnd(extent, excess: excess),
                evictableEnd(of: stream, extent)
            )
            guard last >= extent.firstOffset else {
                // What is still needed is no reason to evict something more valuable.
                if extent.firstOffset < extent.nextOffset - 1 { return nil }
                continue
            }
            let acknowledged = cursors[stream] ?? .max
            return Eviction(
                stream: stream,
                firstOffset: extent.firstOffset,
                lastOffset: last,
                cause: .budget,
                undelivered: max(0, last - max(acknowledged, extent.firstOffset - 1))
            )
        }
        return nil
    }

    /// The end of a chunk that frees about so many bytes.
    private func chunkEnd(_ extent: StreamExtent, excess: Int64) -> Int64 {
        let rows = max(1, extent.nextOffset - extent.firstOffset)
        let rowBytes = max(1, extent.bytes / rows)
        return extent.firstOffset + min(Self.chunkRows, max(1, excess / rowBytes + 1)) - 1
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
                // Up to the first that is young enough: what a dead letter has caused that was processed
                // again has the old arrival, and stands behind younger events.
                try Int64.fetchOne(
                    db,
                    sql: """
                        SELECT coalesce(min(offset) FILTER (WHERE arrival_time >= ?) - 1, max(offset))
                        FROM (
                            SELECT offset, arrival_time FROM "\(stream)"
                            WHERE offset BETWEEN ? AND ? ORDER BY offset LIMIT ?)
                        """,
                    arguments: [time.milliseconds, first, limit, Self.chunkRows]
                )
            }
        } catch {
            throw .failed(SQLiteFailure(code: SQLITE_ERROR, message: "\(error)"))
        }
    }
}

extension Eviction {
    var logMetadata: Logger.Metadata {
        [
            LogKeys.stream: "\(stream)", LogKeys.count: "\(count)",
            LogKeys.reason: "\(cause.rawValue)", "undelivered": "\(undelivered)",
        ]
    }
}
