// SPDX-License-Identifier: Apache-2.0
// The log: one SQLite database in WAL mode, and the only queue the gateway has.
//
// Layout (docs/log-format.md tells a stranger how to read it):
//
//   raw, enriched, outlier, firing, dead_letter   one table per stream, append-only
//     offset INTEGER PRIMARY KEY   grows by one, never given twice, even after rows are deleted
//     event_time, arrival_time     milliseconds since 1970
//     key                          the vehicle
//     topic                        where the message came from; of an outlier, its alert
//     payload                      TEXT when it is valid UTF-8, BLOB otherwise
//   stream     next offset, first offset and bytes of every stream
//   vehicle    merged state, one row per vehicle, brought up to date about once a second
//   snapshot   the last enriched event that the vehicle rows take into account
//   alert      alerts that are pending or firing
//   cursor     per sink and stream, the last offset that the far side acknowledged
//   redelivery per source, what was committed and may come again
//   subscription  per source, the filters that the broker has confirmed
//
// Writing: one connection writes and checkpoints, on the intake thread. A batch is one transaction
// with synchronous=FULL: when `commit` returns, the batch is on disk.
// Reading: delivery and queries read on their own connections and never block the writer.
// Deleting: in small chunks between batches, from the low end of a stream.
// Recovery: SQLite replays the WAL; `recover` then gives the processor its state: the vehicle rows,
// with the enriched events behind the snapshot merged again, and the alerts as they were committed.
import Foundation
import GRDB
import GRDBSQLite

/// What can go wrong with the log.
enum LogError: Error, CustomStringConvertible {
    case cannotOpen(path: String, reason: String)
    case inUse(path: String)
    case failed(SQLiteFailure)

    var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "the log \(path) can't be opened: \(reason)"
        case .inUse(let path):
            "the log \(path) is in use by another gateway; end it, or give this one its own "
                + "gateway.data_directory"
        case .failed(let failure):
            failure.isFull
                ? "the disk is full: free space, or lower log.budget (\(failure))"
                : "the log can't be written: \(failure)"
        }
    }

    var isFull: Bool {
        if case .failed(let failure) = self { failure.isFull } else { false }
    }
}

/// The database file; hands out the writer and readers.
final class EventLog: Sendable {
    static let fileName = "gateway.db"

    let pool: DatabasePool
    let walFrames = WALFrames()
    /// All streams, in the order in which the disk budget evicts them.
    let streams: [String]
    let path: String
    /// Holds the lock on the data directory for as long as the log lives.
    private let lock: FileLock

    /// Opens or creates the log in a folder and brings its schema up to date.
    ///
    /// `derived` names the streams of `select` rules. Of those that no rule feeds any more the log keeps
    /// what it has, as long as retention does.
    init(
        directory: String,
        derived: [String] = [],
        pagesMax: Int? = nil
    ) throws(LogError) {
        let path = directory + "/" + Self.fileName
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750]
            )
        } catch {
            throw .cannotOpen(path: path, reason: "\(error.localizedDescription)")
        }
        lock = try FileLock(path: directory + "/gateway.lock")
        do {
            var configuration = GRDB.Configuration()
            configuration.label = "log"
            configuration.busyMode = .timeout(5)
            configuration.maximumReaderCount = 8
            configuration.prepareDatabase { db in
                try db.execute(
                    sql: """
                        PRAGMA secure_delete = OFF;
                        PRAGMA wal_autocheckpoint = 0;
                        PRAGMA cache_size = -8000;
                        """
                )
                if let pagesMax { try db.execute(sql: "PRAGMA max_page_count = \(pagesMax)") }
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            try LogSchema.migrate(pool)
            let found = try pool.write { db in
                let known = try String.fetchSet(db, sql: "SELECT name FROM table_state")
                for table in known.intersection(derived) { try Self.drop(table, db) }
                try LogSchema.createStreams(derived, in: db)
                return try String.fetchSet(db, sql: "SELECT name FROM stream")
            }
            let past = found.subtracting(StreamName.all).subtracting(derived).sorted()
            streams = StreamName.order(derived: past + derived)
            try pool.writeWithoutTransaction { db in
                // GRDB sets NORMAL when it turns WAL on, after `prepareDatabase`; that would let a
                // power cut take commits whose messages were acknowledged.
                try db.execute(sql: "PRAGMA synchronous = FULL")
                let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
                precondition(level == 2, "every commit must be synced before it returns")
                try unsafe walFrames.watch(db.connection())
            }
        } catch {
            throw .cannotOpen(path: path, reason: "\(error)")
        }
    }

    /// How large the write-ahead file is, in bytes.
    var walBytes: Int64 {
        let found = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
        return (found?[.size] as? NSNumber)?.int64Value ?? 0
    }
}

/// Keeps a second gateway off the same data; the system releases it when the process ends.
struct FileLock: ~Copyable, Sendable {
    private let descriptor: Int32

    init(path: String) throws(LogError) {
        let descriptor = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw .cannotOpen(path: path, reason: unsafe String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .inUse(path: path)
        }
        // Only now: a throw after it would run `deinit`, and close a second time what another thread may
        // have opened under the same number in between, a database say.
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }
}
