// SPDX-License-Identifier: Apache-2.0
// The one connection that writes. Rows are bound where they lie: a payload is copied once, when it
// arrives, and never again before SQLite has it.
import GRDB
import GRDBSQLite

/// How far one stream reaches.
struct StreamExtent: Equatable, Sendable {
    /// The oldest offset that may still be there.
    var firstOffset: Int64
    /// The offset of the next event.
    var nextOffset: Int64
    /// Payloads, keys and topics; what SQLite adds is not counted.
    var bytes: Int64
}

/// What rides on a commit beside a batch's outcome.
struct CommitExtras {
    /// The ledger's new entries, by source name.
    var ledger: [(source: String, entries: [UInt8])] = []
    /// Sources whose ledger and subscriptions are void: the broker has forgotten their session.
    var voidSessions: [String] = []
    /// All filters of a source, as the broker has confirmed them.
    var subscriptions: [(source: String, filters: Set<String>)] = []
    var cursors: [CursorMove] = []
    var deadLetters = DeadLetterMarks()
}

/// A cursor's new place.
struct CursorMove: Equatable, Sendable {
    var sink: String
    var stream: String
    var offset: Int64
}

/// Writes batches; belongs to the intake thread.
final class LogWriter {
    /// Frames in the WAL above which the writer checkpoints between batches: 4 MiB.
    ///
    /// A checkpoint holds up intake for as long as its copy and fsync take, which grows with it. At
    /// 5,000 messages a second 16 MiB made the 99th percentile of publish to outlier 15 to 22 ms,
    /// 4 MiB less than 10, at the same CPU.
    static let checkpointFrames: Int32 = 1_024
    /// How old the snapshot of the vehicles may become.
    private static let snapshotNanoseconds: UInt64 = 1_000_000_000

    let log: EventLog
    private(set) var extents: [String: StreamExtent]
    private var statements: LogStatements
    private let signals: SignalTable
    private let sourceNames: [String]
    private var ledgers: [String: LedgerExtent]
    private let tables: LogTables?
    private let schemas: LogSchemas
    private let sparkplug: LogSparkplug
    /// A commit has failed: what is in memory is ahead of the log, and must not be saved.
    private var isBroken = false
    private var checkpointAt = LogWriter.checkpointFrames
    private var vehicleJSON = JSONWriter()
    /// Vehicles that changed since the snapshot.
    private var unsavedVehicles: [Vehicle] = []
    private var savedAt = WallClock.monotonicNanoseconds()
    /// The last enriched event that the vehicle table takes into account.
    private(set) var vehiclesAsOf: Int64

    init(
        log: EventLog,
        signals: SignalTable,
        sourceNames: [String],
        tables definitions: [TableDefinition] = []
    ) throws(LogError) {
        self.log = log
        self.sourceNames = sourceNames
        self.signals = signals
        do {
            (statements, extents, ledgers, vehiclesAsOf, tables, schemas, sparkplug) =
                try log.pool.writeWithoutTransaction { db in
                    (
                        try LogStatements(db, streams: log.streams), try Self.readExtents(db),
                        try LedgerExtent.all(db), try EventLog.vehiclesAsOf(db),
                        try definitions.isEmpty ? nil : LogTables(db, definitions),
                        try LogSchemas(db),
                        try LogSparkplug(db, sourceNames: sourceNames)
                    )
                }
        } catch let failure as SQLiteFailure {
            throw .failed(failure)
        } catch {
            throw .cannotOpen(path: log.path, reason: "\(error)")
        }
    }

    private static func readExtents(_ db: Database) throws -> [String: StreamExtent] {
        let rows = try Row.fetchAll(db, sql: "SELECT * FROM stream")
        return Dictionary(
            uniqueKeysWithValues: rows.map {
                let extent = StreamExtent(
                    firstOffset: $0["first_offset"],
                    nextOffset: $0["next_offset"],
                    bytes: $0["bytes"]
                )
                return ($0["name"], extent)
            }
        )
    }

    /// The offset of the next event, by stream.
    var nextOffsets: [String: Int64] { extents.mapValues(\.nextOffset) }

    /// Makes a batch durable: when this returns, it is on disk; when it throws, nothing of it is.
    func commit(
        _ outcome: Outcome,
        of batch: MessageBatch,
        _ extras: CommitExtras
    )
        throws(LogError)
    {
        try transaction { () throws(SQLiteFailure) in
            for stream in log.streams {
                let bytes = stream == StreamName.raw ? batch.bytes : outcome.bytes.bytes
                try append(outcome.events(of: stream), to: stream, payloads: bytes)
            }
            for change in outcome.alerts { try write(change) }
            for write in outcome.tables { try tables?.write(write) }
            try schemas.write(outcome.schemas)
            for write in outcome.sparkplug { try sparkplug.write(write) }
            try write(extras)
        }
        unsavedVehicles += outcome.vehicles
    }

    /// Whether the snapshot of the vehicles is older than it should be.
    var isSnapshotDue: Bool {
        !unsavedVehicles.isEmpty
            && WallClock.monotonicNanoseconds() - savedAt >= Self.snapshotNanoseconds
    }

    /// Writes what changes nothing: whether the log takes commits again.
    func probe() throws(LogError) {
        try transaction { () throws(SQLiteFailure) in
            statements.updateVehiclesAsOf.bind(1, vehiclesAsOf)
            try statements.updateVehiclesAsOf.run()
        }
    }

    /// Brings the vehicle table up to date: once a second, not once a batch.
    ///
    /// Between snapshots the state is the table plus the enriched events behind it, which recovery
    /// merges again.
    func saveVehicles() throws(LogError) {
        // Without this, vehicles that recovery has not named yet would be taken for saved.
        guard !unsavedVehicles.isEmpty, !isBroken else { return }
        let asOf = (extents[StreamName.enriched]?.nextOffset ?? 1) - 1
        try transaction { () throws(SQLiteFailure) in
            for vehicle in unsavedVehicles { try upsert(vehicle) }
            statements.updateVehiclesAsOf.bind(1, asOf)
            try statements.updateVehiclesAsOf.run()
        }
        vehiclesAsOf = asOf
        savedAt = WallClock.monotonicNanoseconds()
        for vehicle in unsavedVehicles { vehicle.isDirty = false }
        unsavedVehicles.removeAll(keepingCapacity: true)
    }

    /// Appends current records and remembers beside the vehicles what they said.
    func saveRecords(_ outcome: Outcome, of vehicles: [Vehicle]) throws(LogError) {
        try transaction { () throws(SQLiteFailure) in
            try append(outcome.current, to: StreamName.current, payloads: outcome.bytes.bytes)
            for vehicle in vehicles {
                // A vehicle without a row yet gets all of this with its row.
                statements.updateRecord.bind(1, vehicle.recordedAt.milliseconds)
                statements.updateRecord.bind(2, Int64(bitPattern: vehicle.recordDigest))
                statements.updateRecord.bind(3, vehicle.id)
                try statements.updateRecord.run()
            }
        }
    }

    /// Saves what schemas have counted since; what they are was committed with the messages.
    func saveSchemaCounts(_ writes: [SchemaWrite]) throws(LogError) {
        guard !writes.isEmpty, !isBroken else { return }
        try transaction { () throws(SQLiteFailure) in try schemas.write(writes) }
    }

    // The parts of a transaction.

    private func append(
        _ events: [Event],
        to stream: String,
        payloads: [UInt8]
    )
        throws(SQLiteFailure)
    {
        guard let last = events.last, let statement = statements.inserts[stream] else { return }
        var size: Int64 = 0
        for event in events {
            size += Int64(event.payload.count + event.key.utf8.count + event.topic.utf8.count)
            try insert(event, statement, payloads)
        }
        extents[stream]?.nextOffset = last.offset + 1
        extents[stream]?.bytes += size
        try writeExtent(stream)
    }

    private func insert(
        _ event: Event,
        _ statement: SQLiteStatement,
        _ payloads: [UInt8]
    )
        throws(SQLiteFailure)
    {
        statement.bind(1, event.offset)
        statement.bind(2, event.eventTime.milliseconds)
        statement.bind(3, event.arrival.milliseconds)
        statement.bind(4, event.key)
        statement.bind(5, event.topic)
        // The statement runs inside the closure: the bytes stay where they are until it has.
        let result = unsafe payloads.withUnsafeBytes { bytes in
            let payload = unsafe UnsafeRawBufferPointer(rebasing: bytes[event.payload])
            unsafe statement.bindStatic(6, payload, isText: event.isText)
            return Result { () throws(SQLiteFailure) in try statement.run() }
        }
        try result.get()
    }

    private func writeExtent(_ stream: String) throws(SQLiteFailure) {
        guard let extent = extents[stream] else { return }
        statements.updateStream.bind(1, extent.firstOffset)
        statements.updateStream.bind(2, extent.nextOffset)
        statements.updateStream.bind(3, extent.bytes)
        statements.updateStream.bind(4, stream)
        try statements.updateStream.run()
    }

    /// Deletes a range of a stream and tells how many bytes it held.
    private func delete(
        _ stream: String,
        from first: Int64,
        through last: Int64
    )
        throws(SQLiteFailure) -> Int64
    {
        guard let measure = statements.measures[stream], let delete = statements.deletes[stream]
        else { return 0 }
        measure.bind(1, first)
        measure.bind(2, last)
        defer { measure.reset() }
        let size = try measure.step() ? measure.int(0) : 0
        delete.bind(1, first)
        delete.bind(2, last)
        try delete.run()
        return size
    }

    /// Deletes the low end of a stream, up to and including an offset, and appends what tells of it.
    func deleteHead(
        of stream: String,
        through last: Int64,
        _ announcement: Outcome = Outcome()
    )
        throws(LogError)
    {
        try transaction { () throws(SQLiteFailure) in
            guard let extent = extents[stream] else { return }
            let freed = try delete(stream, from: extent.firstOffset, through: last)
            if stream == StreamName.deadLetter { try statements.deadLetters.forget(through: last) }
            extents[stream]?.firstOffset = last + 1
            extents[stream]?.bytes -= freed
            try writeExtent(stream)
            try append(
                announcement.deadLetter,
                to: StreamName.deadLetter,
                payloads: announcement.bytes.bytes
            )
        }
    }

    private func upsert(_ vehicle: Vehicle) throws(SQLiteFailure) {
        vehicleJSON.removeAll()
        vehicle.encodeSignals(names: signals, into: &vehicleJSON)
        let statement = statements.upsertVehicle
        statement.bind(1, vehicle.id)
        statement.bind(2, sourceNames[vehicle.source])
        statement.bind(3, vehicle.eventTime.milliseconds)
        statement.bind(4, vehicle.heardAt.milliseconds)
        statement.bind(6, vehicle.recordedAt.milliseconds)
        statement.bind(7, Int64(bitPattern: vehicle.recordDigest))
        let result = unsafe vehicleJSON.bytes.withUnsafeBytes { bytes in
            unsafe statement.bindStatic(5, bytes, isText: true)
            return Result { () throws(SQLiteFailure) in try statement.run() }
        }
        try result.get()
    }

    private func write(_ change: AlertChange) throws(SQLiteFailure) {
        guard let instance = change.instance else {
            statements.deleteAlert.bind(1, change.vehicle)
            statements.deleteAlert.bind(2, change.alert)
            return try statements.deleteAlert.run()
        }
        let statement = statements.upsertAlert
        statement.bind(1, change.vehicle)
        statement.bind(2, change.alert)
        statement.bind(3, instance.phase.rawValue)
        statement.bind(4, instance.activeAt.milliseconds)
        statement.bind(5, instance.firedAt.map { .int($0.milliseconds) })
        statement.bind(6, instance.endedAt.map { .int($0.milliseconds) })
        try statement.run()
    }

    private func write(_ extras: CommitExtras) throws(SQLiteFailure) {
        for source in extras.voidSessions {
            for statement in [statements.voidLedger, statements.deleteSubscriptions] {
                statement.bind(1, source)
                try statement.run()
            }
            ledgers[source] = nil
        }
        for (source, entries) in extras.ledger {
            try ledgers[source, default: LedgerExtent()].append(entries, of: source, statements)
        }
        for (source, filters) in extras.subscriptions {
            statements.deleteSubscriptions.bind(1, source)
            try statements.deleteSubscriptions.run()
            for filter in filters {
                statements.insertSubscription.bind(1, source)
                statements.insertSubscription.bind(2, filter)
                try statements.insertSubscription.run()
            }
        }
        for move in extras.cursors {
            statements.moveCursor.bind(1, move.sink)
            statements.moveCursor.bind(2, move.stream)
            statements.moveCursor.bind(3, move.offset)
            try statements.moveCursor.run()
        }
        try statements.deadLetters.write(extras.deadLetters)
    }

    // Transactions.

    /// All of `body` becomes durable, or none of it.
    func transaction(_ body: () throws(SQLiteFailure) -> Void) throws(LogError) {
        let before = (extents, ledgers)
        let result = log.pool.unsafeReentrantWriteResult { db in
            Result { () throws(SQLiteFailure) in
                try statements.begin.run()
                do throws(SQLiteFailure) {
                    try body()
                    try statements.commit.run()
                } catch {
                    // SQLite rolls some failures back by itself (a full disk); then this is a no-op.
                    unsafe sqlite3_exec(db.sqliteConnection, "ROLLBACK", nil, nil, nil)
                    throw error
                }
            }
        }
        do throws(SQLiteFailure) {
            try result.get()
        } catch {
            (extents, ledgers) = before
            isBroken = true
            throw .failed(error)
        }
    }

    /// Deletes a chunk of what a new snapshot of a table has replaced; false when there is none.
    func deleteRetired() throws(LogError) -> Bool {
        guard let tables else { return false }
        var hasMore = false
        try transaction { () throws(SQLiteFailure) in
            hasMore = try tables.deleteRetired(rows: 1_000)
        }
        return hasMore
    }

    /// Moves the WAL into the database when it has grown.
    ///
    /// Between batches, so that no acknowledgement waits for it. The writer does it itself: two
    /// connections that checkpoint can meet a bug in resets of the WAL, fixed in SQLite 3.51.3.
    func checkpointIfNeeded() {
        guard log.walFrames.count > checkpointAt else { return }
        var all: Int32 = 0
        var moved: Int32 = 0
        log.pool.unsafeReentrantWriteResult { db in
            _ = unsafe sqlite3_wal_checkpoint_v2(
                db.sqliteConnection,
                nil,
                SQLITE_CHECKPOINT_PASSIVE,
                &all,
                &moved
            )
        }
        // A reader held it back: trying again at every commit would help nobody.
        checkpointAt = moved < all ? all + Self.checkpointFrames : Self.checkpointFrames
    }
}

extension DatabasePool {
    /// The writer's connection on this thread, without a transaction and without errors of its own.
    @discardableResult
    fileprivate func unsafeReentrantWriteResult<T>(_ body: (Database) -> T) -> T {
        writeWithoutTransactionNonThrowing(body)
    }

    private func writeWithoutTransactionNonThrowing<T>(_ body: (Database) -> T) -> T {
        // `writeWithoutTransaction` rethrows, and `body` does not throw.
        writeWithoutTransaction { body($0) }
    }
}
