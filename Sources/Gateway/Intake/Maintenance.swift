// SPDX-License-Identifier: Apache-2.0
// What goes on around the steps of the intake loop, each at a pace of its own and a little at a time, so
// that messages never wait for it.
import Logging

/// Keeps the log in order between batches; what it throws is a commit that has failed.
struct Maintenance {
    /// Cursor moves ride on a batch's commit, or leave by themselves after this long.
    private static let cursorMilliseconds: Int64 = 100
    /// Current records are looked at so often, as long as there is nothing to tell.
    private static let recordMilliseconds: Int64 = 500
    /// Chunks of old events are deleted at most this often.
    private static let evictionMilliseconds: Int64 = 20

    /// Counts of schemas are saved so often, and of so many paths at once at least.
    private static let schemaCountMilliseconds: Int64 = 5_000
    private static let schemaCountPaths = 500

    private let configuration: Configuration
    private let inbox: LogInbox
    private let metrics: IntakeObserver
    private let health: Health
    private let logger: Logger
    private var deadLetterAlarm: DeadLetterAlarm
    private var nextCursorFlushAt = Timestamp.distantPast
    private var nextRecordsAt = Timestamp.distantPast
    private var nextTidyAt = Timestamp.distantPast
    private var nextEvictionAt = Timestamp.distantPast
    private var nextSchemaCountsAt = Timestamp.distantPast
    /// By stream, and whether something undelivered was evicted.
    private var nextEvictionWarningAt: [String: Timestamp] = [:]
    private var hasWarnedAboutSignals = false
    private var hasWarnedAboutSchemas = false

    init(
        configuration: Configuration,
        inbox: LogInbox,
        metrics: IntakeObserver,
        health: Health,
        growingSince: Timestamp?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.inbox = inbox
        self.metrics = metrics
        self.health = health
        self.logger = logger
        deadLetterAlarm = DeadLetterAlarm(
            bytesMax: configuration.log.deadLetterAlarmBytes,
            since: growingSince
        )
    }

    /// Does what is due.
    mutating func run(_ processor: Processor, _ writer: LogWriter, _ now: Timestamp) throws {
        if now >= nextCursorFlushAt {
            nextCursorFlushAt = now + Self.cursorMilliseconds
            try flushInbox(processor, writer, now)
            if writer.isSnapshotDue { try writer.saveVehicles() }
            try saveSchemaCounts(processor, writer, now)
            try tellRecords(processor, writer, now)
            try watchDeadLetters(processor, writer, now)
            metrics.observe(writer)
            metrics.observe(processor.signals)
            metrics.observe(processor.schemas)
            metrics.observe(processor.tables, at: now)
            warn(about: processor.signals)
        }
        try tidyTables(processor, writer, now)
        try evict(processor, writer, now)
    }

    /// Saves, when the loop ends, what no batch will take along.
    func finish(_ processor: Processor, _ writer: LogWriter, _ now: Timestamp) throws {
        try flushInbox(processor, writer, now)
        try writer.saveVehicles()
        // The evidence of a guess is in memory only: what an open burst has is told now.
        let outcome = processor.endBursts()
        if !outcome.isEmpty {
            try writer.commit(outcome, of: MessageBatch(), CommitExtras())
            inbox.announce(outcome)
        }
        try writer.saveSchemaCounts(processor.schemas?.takeCounts(pathsMax: .max) ?? [])
    }

    /// Saves counts of schemas, some groups at a time; a kill costs what was counted since.
    private mutating func saveSchemaCounts(
        _ processor: Processor,
        _ writer: LogWriter,
        _ now: Timestamp
    ) throws {
        guard let schemas = processor.schemas, now >= nextSchemaCountsAt else { return }
        nextSchemaCountsAt = now + Self.schemaCountMilliseconds
        warn(about: schemas)
        try writer.saveSchemaCounts(schemas.takeCounts(pathsMax: Self.schemaCountPaths))
    }

    /// When something is due that can't wait for the loop's next idle turn.
    func nextDeadline(after now: Timestamp) -> Timestamp {
        var deadline = Timestamp.distantFuture
        if inbox.hasWork { deadline = min(deadline, nextCursorFlushAt) }
        if nextEvictionAt - now < 100 { deadline = min(deadline, nextEvictionAt) }
        if nextTidyAt - now < 100, !configuration.tables.isEmpty {
            deadline = min(deadline, nextTidyAt)
        }
        return deadline
    }

    /// Cursor moves and refused events that no batch has taken along.
    private func flushInbox(
        _ processor: Processor,
        _ writer: LogWriter,
        _ now: Timestamp
    ) throws {
        let refused = inbox.takeRefused()
        let moves = inbox.cursorMoves()
        guard !refused.isEmpty || !moves.isEmpty else { return }
        let outcome = processor.refused(refused, at: now)
        do {
            var extras = CommitExtras()
            extras.cursors = moves
            try writer.commit(outcome, of: MessageBatch(), extras)
        } catch {
            inbox.putBack(refused)
            throw error
        }
        inbox.forget(moves)
        inbox.recorded(refused.count)
        inbox.announce(outcome)
    }

    /// Tells current records that have changed, some at a time.
    private mutating func tellRecords(
        _ processor: Processor,
        _ writer: LogWriter,
        _ now: Timestamp
    ) throws {
        guard !processor.recordCandidates.isEmpty, now >= nextRecordsAt else { return }
        let (outcome, vehicles) = processor.currentRecords(at: now)
        nextRecordsAt = now + (vehicles.isEmpty ? Self.recordMilliseconds : Self.cursorMilliseconds)
        guard !vehicles.isEmpty else { return }
        try writer.saveRecords(outcome, of: vehicles)
        inbox.announce(outcome)
    }

    /// Deletes, a little at a time, what nobody needs any more of tables.
    private mutating func tidyTables(
        _ processor: Processor,
        _ writer: LogWriter,
        _ now: Timestamp
    ) throws {
        guard !configuration.tables.isEmpty, now >= nextTidyAt else { return }
        let outcome = processor.forgetOldRows(at: now, count: 500)
        if let failure = outcome.failure { throw LogError.failed(failure) }
        if !outcome.isEmpty { try writer.commit(outcome, of: MessageBatch(), CommitExtras()) }
        let isRetiring = [try processor.deleteRetired(), try writer.deleteRetired()]
        let hasMore = isRetiring.contains(true) || !outcome.isEmpty
        nextTidyAt = now + (hasMore ? Self.evictionMilliseconds : 5_000)
    }

    /// Says when there are too many dead letters, and when there are not any more.
    private mutating func watchDeadLetters(
        _ processor: Processor,
        _ writer: LogWriter,
        _ now: Timestamp
    ) throws {
        let bytes = writer.extents[StreamName.deadLetter]?.bytes ?? 0
        if let change = deadLetterAlarm.change(bytes: bytes, at: now) {
            let outcome = processor.announce(change, bytes: bytes, deadLetterAlarm, at: now)
            var extras = CommitExtras()
            extras.deadLetters.alarm = change
            try writer.commit(outcome, of: MessageBatch(), extras)
            deadLetterAlarm.committed(change)
            inbox.announce(outcome)
            switch change {
            case .fires: logger.warning("dead letters grow", metadata: deadLetterAlarm.metadata)
            case .resolves: logger.notice("dead letters grow no more")
            }
        }
        // The report of an earlier run is told to the health of this one, too.
        health.deadLetters(deadLetterAlarm.trouble(bytes: bytes))
    }

    /// Deletes a chunk of old events; what goes for the disk budget is announced in the same transaction.
    private mutating func evict(
        _ processor: Processor,
        _ writer: LogWriter,
        _ now: Timestamp
    ) throws {
        guard now >= nextEvictionAt else { return }
        var announcement = Outcome()
        let eviction = try writer.evictChunk(
            configuration.log,
            cursors: inbox.slowestCursors(),
            now: now
        ) { eviction in
            announcement = processor.gap(eviction, at: now)
            return announcement
        }
        // More may be due right away; otherwise the next look has time.
        nextEvictionAt = now + (eviction == nil ? 1_000 : Self.evictionMilliseconds)
        metrics.observe(eviction)
        if let eviction, eviction.cause == .budget { warn(about: eviction, now) }
        inbox.announce(announcement)
    }

    /// Says that events are evicted for the budget: at once, and then once a minute while it lasts.
    private mutating func warn(about eviction: Eviction, _ now: Timestamp) {
        let kind = "\(eviction.stream)/\(eviction.undelivered > 0)"
        guard now >= nextEvictionWarningAt[kind, default: .distantPast] else { return }
        nextEvictionWarningAt[kind] = now + 60_000
        logger.warning("the disk budget evicts events", metadata: eviction.logMetadata)
    }

    /// Says once that something is not watched any more.
    private mutating func warn(about schemas: SchemaHistory) {
        guard schemas.overflowCount + schemas.pathOverflowCount > 0, !hasWarnedAboutSchemas else {
            return
        }
        hasWarnedAboutSchemas = true
        logger.warning(
            "more than schema.groups or schema.paths: what is above is decoded, but not watched",
            metadata: [LogKeys.count: "\(schemas.overflowCount + schemas.pathOverflowCount)"]
        )
    }

    private mutating func warn(about signals: SignalTable) {
        guard signals.overflowCount > 0, !hasWarnedAboutSignals else { return }
        hasWarnedAboutSignals = true
        logger.warning(
            "more signal names than limits.signals: the others pass, but no rule sees them",
            metadata: [LogKeys.count: "\(signals.names.count)"]
        )
    }
}
