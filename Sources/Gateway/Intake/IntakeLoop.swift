// SPDX-License-Identifier: Apache-2.0
// The gateway's promise, in one loop:
//
//     read a batch → process → COMMIT → acknowledge
//
// No PUBACK leaves before the transaction that holds the message's whole effect is on disk.
// IntegrationTests/DurabilityTests proves the order on the running gateway by a trace of its system
// calls; FaultTests/KillTests proves the rest by killing it.
import CoreMetrics
import Foundation
import Logging

/// Takes messages in; owns the processor and the log's writer, on one thread.
final class IntakeLoop {
    /// Messages that make a commit worth its fsync.
    ///
    /// Under load the loop waits until so many should have come: at 5,000 messages a second this
    /// halves the CPU per message.
    private static let companyMessages = 16.0
    /// The longest such wait.
    private static let companyMillisecondsMax = 3.0
    /// Below this many messages a millisecond a batch never waits.
    private static let companyRateMin = 1.5
    /// Cursor moves ride on a batch's commit, or leave by themselves after this long.
    private static let cursorMilliseconds: Int64 = 100
    /// Current records are looked at so often, as long as there is nothing to tell.
    private static let recordMilliseconds: Int64 = 500
    /// Records of feeds that one batch takes: while a table is loaded, vehicles' messages wait for so many
    /// rows at most, and find room beside them.
    static let feedRecordsMax = 200
    /// Chunks of old events are deleted at most this often.
    private static let evictionMilliseconds: Int64 = 20

    private let configuration: Configuration
    private let log: EventLog
    private let inbox: LogInbox
    private let stop: StopSignal
    private let health: Health
    private let metrics: IntakeObserver
    private let logger: Logger
    /// Tables whose feed has a thread of its own, with what it leaves for us.
    private let feeds: [Feed]

    private var processor: Processor
    private var writer: LogWriter
    private var sessions: [MQTTSession] = []
    private var batch = MessageBatch()
    private var logBackoff = Backoff(minMilliseconds: 500, maxMilliseconds: 30_000)
    private var logBlockedUntil = Timestamp.distantPast
    private var isLogDown = false
    /// A commit has failed: the state in memory is ahead of the log's and must not be used.
    private var needsRecovery = false
    /// Which session reads first; sessions take turns at filling a batch.
    private var firstSession = 0
    private var messagesPerMillisecond = 0.0
    private var lastBatchAt = WallClock.monotonicNanoseconds()
    private var nextEvictionAt = Timestamp.distantPast
    private var nextTidyAt = Timestamp.distantPast
    private var nextRecordsAt = Timestamp.distantPast
    /// By stream, and whether something undelivered was evicted.
    private var nextEvictionWarningAt: [String: Timestamp] = [:]
    private var hasWarnedAboutSignals = false
    private var nextCursorFlushAt = Timestamp.distantPast

    init(
        configuration: Configuration,
        log: EventLog,
        inbox: LogInbox,
        feeds: [Feed] = [],
        stop: StopSignal,
        health: Health,
        metrics: GatewayMetrics,
        logger: Logger
    ) throws {
        self.configuration = configuration
        self.log = log
        self.inbox = inbox
        self.feeds = feeds
        self.stop = stop
        self.health = health
        self.logger = logger
        (processor, writer) = try Self.recover(configuration, log)
        self.metrics = IntakeObserver(
            configuration: configuration,
            streams: log.streams,
            rules: processor.engine.rules,
            metrics: metrics,
            logger: logger
        )
        sessions = try configuration.sessions.map { index, source in
            MQTTSession(
                configuration: source,
                index: index,
                part: configuration.part(of: index),
                limits: configuration.limits,
                ledgerBatches: try log.ledgerBatches(source: source.name),
                subscriptions: try log.subscriptions(source: source.name),
                wakeUp: stop.wakeUp,
                health: health,
                metrics: metrics.source(source.name),
                logger: logger
            )
        }
        self.metrics.observeRecovery(processor)
        health.logIsWritable()
    }

    /// Runs until it is told to stop.
    func run() {
        while !stop.isSet {
            let now = WallClock.now()
            if now >= logBlockedUntil, recoverIfNeeded(now) {
                holdSources()
                for session in sessions { session.advance(now: now) }
                readBatch(now)
                processAndCommit()
            }
            maintain(WallClock.now())
            health.intakeProgressed()
            waitForEvents()
        }
        for session in sessions { session.close() }
        finish(WallClock.now())
    }

    // The four steps.

    private func readBatch(_ now: Timestamp) {
        readFeeds(now)
        readSessions(now)
        guard !batch.isEmpty else { return }
        let elapsed = Double(WallClock.monotonicNanoseconds() - lastBatchAt) / 1_000_000
        lastBatchAt = WallClock.monotonicNanoseconds()
        let rate = Double(batch.messages.count) / max(elapsed, 0.01)
        messagesPerMillisecond += (rate - messagesPerMillisecond) * 0.1
        guard messagesPerMillisecond >= Self.companyRateMin, hasRoomForCompany else { return }
        // Group commit: company is on its way, and one fsync serves all.
        let wait = min(Self.companyMillisecondsMax, Self.companyMessages / messagesPerMillisecond)
        usleep(UInt32(wait * 1e3))
        readSessions(WallClock.now())
    }

    private func readFeeds(_ now: Timestamp) {
        let waiting = feeds.filter { $0.box.hasRecords }
        let limits = configuration.limits
        let recordsMax = min(Self.feedRecordsMax, limits.batchMessagesMax / 2)
        for feed in waiting {
            feed.box.take(
                into: &batch,
                feed: configuration.sources.count + feed.table,
                limits: limits,
                recordsMax: max(1, recordsMax / waiting.count),
                at: now
            )
        }
    }

    /// A source waits for tables that its readings are joined with, if they are required and incomplete.
    private func holdSources() {
        let incomplete = processor.tables.tables
            .filter { $0.configuration.isRequired && !$0.state.isReady }
        guard !incomplete.isEmpty || sessions.contains(where: { $0.heldBy != nil }) else { return }
        for session in sessions where session.index < configuration.sources.count {
            let joined = processor.rules.tables(joinedBy: session.index)
            session.heldBy = incomplete.first { joined.contains($0.index) }?.name
        }
    }

    private func readSessions(_ now: Timestamp) {
        for turn in sessions.indices {
            sessions[(firstSession + turn) % sessions.count].read(into: &batch, now: now)
        }
        firstSession = (firstSession + 1) % sessions.count
    }

    /// Waiting is in vain when the broker's window is spent: it sends no more before we acknowledge.
    private var hasRoomForCompany: Bool {
        let window = sessions.map(\.configuration.receiveMaximum).min() ?? 0
        return batch.messages.count * 2 < min(window, configuration.limits.batchMessagesMax)
    }

    private func processAndCommit() {
        let now = WallClock.now()
        let isTimeDue = processor.nextDeadline.map { $0 <= now } ?? false
        let hasSessionNews = sessions.contains(where: \.hasNews)
        guard !batch.isEmpty || isTimeDue || hasSessionNews else { return }
        let started = WallClock.monotonicNanoseconds()
        do {
            let outcome = processor.process(batch, clock: clockReading(now))
            if let failure = outcome.failure { throw LogError.failed(failure) }
            let processed = WallClock.monotonicNanoseconds()
            if !outcome.isEmpty || hasSessionNews {
                try commit(outcome)
                if !batch.isEmpty { logBackoff.reset() }
                inbox.announce(outcome)
                metrics.observe(
                    outcome,
                    batch,
                    processor,
                    processNanoseconds: processed - started,
                    commitNanoseconds: WallClock.monotonicNanoseconds() - processed
                )
            }
        } catch {
            return giveUp(error, now)
        }
        for session in sessions { session.acknowledge() }
        for feed in feeds { tellRefusal(feed) }
        batch.removeAll()
        writer.checkpointIfNeeded()
    }

    /// Whether a file can be taken shows only when its rows are applied.
    private func tellRefusal(_ feed: Feed) {
        let table = processor.tables.tables[feed.table]
        guard let mark = table.refusedMark else { return }
        table.refusedMark = nil
        feed.box.refuse(
            mark: mark,
            because:
                "no row of the file could be taken; the dead letters say why, and the table stays as it is"
        )
    }

    private func clockReading(_ now: Timestamp) -> ClockReading {
        let settle = configuration.clock.settleMilliseconds
        let sources = configuration.sources.count
        var isHeard = [Bool](repeating: true, count: sources + configuration.tables.count)
        for session in sessions {
            isHeard[session.index] = session.isHeard(at: now, settleMilliseconds: settle)
        }
        for feed in feeds { isHeard[sources + feed.table] = isCurrent(feed) }
        return ClockReading(
            now: now,
            isHeard: Array(isHeard[..<sources]),
            isTableHeard: Array(isHeard[sources...])
        )
    }

    /// Whether a feed's silence is that of its source.
    private func isCurrent(_ feed: Feed) -> Bool {
        !feed.box.hasRecords && health.isTableUp(configuration.tables[feed.table].name)
    }

    private func commit(_ outcome: Outcome) throws {
        var extras = CommitExtras()
        for session in sessions {
            let name = session.configuration.name
            if session.isVoid { extras.voidSessions.append(name) }
            if let filters = session.unsavedSubscriptions {
                extras.subscriptions.append((name, filters))
            }
            guard !session.ledger.pending.isEmpty else { continue }
            extras.ledger.append((name, session.ledger.encodePending()))
        }
        extras.cursors = inbox.cursorMoves()
        try writer.commit(outcome, of: batch, extras)
        inbox.forget(extras.cursors)
        logIsUp()
    }

    /// Nothing was committed: nothing is acknowledged, the broker redelivers, and the state is read
    /// back from the log as after a crash.
    private func giveUp(_ error: any Error, _ now: Timestamp) {
        metrics.commitFailures.increment()
        batch.removeAll()
        let wait = logBackoff.next()
        logBlockedUntil = now + wait
        for session in sessions {
            session.abandon(because: "the log can't be written", until: logBlockedUntil)
        }
        for feed in feeds { feed.box.beginAgain() }
        health.logIsNotWritable(because: "\(error)")
        if !isLogDown {
            logger.critical("log not writable", metadata: [LogKeys.reason: "\(error)"])
        }
        isLogDown = true
        needsRecovery = true
    }

    /// Whether the state is that of the log, so that work may go on.
    private func recoverIfNeeded(_ now: Timestamp) -> Bool {
        guard needsRecovery else { return true }
        do {
            (processor, writer) = try Self.recover(configuration, log)
            needsRecovery = false
            metrics.observeRecovery(processor)
            // Ready again as soon as there is room, even if nobody sends anything.
            try writer.probe()
            logIsUp()
            return true
        } catch {
            needsRecovery = true
            logBlockedUntil = now + logBackoff.next()
            health.logIsNotWritable(because: "\(error)")
            return false
        }
    }

    private func logIsUp() {
        guard isLogDown else { return }
        isLogDown = false
        health.logIsWritable()
        logger.notice("log writable again")
    }

    // Around the steps.

    private func maintain(_ now: Timestamp) {
        guard now >= logBlockedUntil, !needsRecovery else { return }
        do {
            if now >= nextCursorFlushAt {
                nextCursorFlushAt = now + Self.cursorMilliseconds
                try flushInbox(now)
                if writer.isSnapshotDue { try writer.saveVehicles() }
                try tellRecords(now)
                metrics.observe(writer)
                metrics.observe(processor.signals)
                metrics.observe(processor.tables, at: now)
                warn(about: processor.signals)
            }
            try tidyTables(now)
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
        } catch {
            giveUp(error, now)
        }
    }

    /// Tells current records that have changed, some at a time.
    private func tellRecords(_ now: Timestamp) throws {
        guard !processor.recordCandidates.isEmpty, now >= nextRecordsAt else { return }
        let (outcome, vehicles) = processor.currentRecords(at: now)
        nextRecordsAt = now + (vehicles.isEmpty ? Self.recordMilliseconds : Self.cursorMilliseconds)
        guard !vehicles.isEmpty else { return }
        try writer.saveRecords(outcome, of: vehicles)
        inbox.announce(outcome)
    }

    /// Deletes, a little at a time, what nobody needs any more of tables.
    private func tidyTables(_ now: Timestamp) throws {
        guard !configuration.tables.isEmpty, now >= nextTidyAt else { return }
        let outcome = processor.forgetOldRows(at: now, count: 500)
        if let failure = outcome.failure { throw LogError.failed(failure) }
        if !outcome.isEmpty { try writer.commit(outcome, of: MessageBatch(), CommitExtras()) }
        let isRetiring = [try processor.deleteRetired(), try writer.deleteRetired()]
        let hasMore = isRetiring.contains(true) || !outcome.isEmpty
        nextTidyAt = now + (hasMore ? Self.evictionMilliseconds : 5_000)
    }

    /// Says that events are evicted for the budget: at once, and then once a minute while it lasts.
    private func warn(about eviction: Eviction, _ now: Timestamp) {
        let kind = "\(eviction.stream)/\(eviction.undelivered > 0)"
        guard now >= nextEvictionWarningAt[kind, default: .distantPast] else { return }
        nextEvictionWarningAt[kind] = now + 60_000
        logger.warning("the disk budget evicts events", metadata: eviction.logMetadata)
    }

    private func warn(about signals: SignalTable) {
        guard signals.overflowCount > 0, !hasWarnedAboutSignals else { return }
        hasWarnedAboutSignals = true
        logger.warning(
            "more signal names than limits.signals: the others pass, but no rule sees them",
            metadata: [LogKeys.count: "\(signals.names.count)"]
        )
    }

    /// Cursor moves and refused events that no batch has taken along.
    private func flushInbox(_ now: Timestamp) throws {
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
        logIsUp()
    }

    private func finish(_ now: Timestamp) {
        // After a failed commit the state in memory is not that of the log.
        guard !needsRecovery else { return }
        do {
            try flushInbox(now)
            try writer.saveVehicles()
        } catch {
            logger.warning("state not saved", metadata: [LogKeys.reason: "\(error)"])
        }
    }

    private func waitForEvents() {
        let now = WallClock.now()
        var deadline = now + 500
        if now < logBlockedUntil {
            deadline = min(deadline, logBlockedUntil)
        } else {
            for session in sessions { deadline = min(deadline, session.nextDeadline) }
            if let timer = processor.nextDeadline { deadline = min(deadline, timer) }
            if inbox.hasWork { deadline = min(deadline, nextCursorFlushAt) }
            if nextEvictionAt - now < 100 { deadline = min(deadline, nextEvictionAt) }
            if nextTidyAt - now < 100, !configuration.tables.isEmpty {
                deadline = min(deadline, nextTidyAt)
            }
        }
        var descriptors = [
            pollfd(fd: stop.wakeUp.descriptor, events: Int16(POLLIN), revents: 0)
        ]
        if now >= logBlockedUntil {
            for session in sessions {
                guard let descriptor = session.descriptor else { continue }
                let events = Int16(POLLIN) | (session.wantsWrite ? Int16(POLLOUT) : 0)
                descriptors.append(pollfd(fd: descriptor, events: events, revents: 0))
            }
        }
        let hasMore = sessions.contains { $0.hasMore } || feeds.contains { $0.box.hasRecords }
        let wait = hasMore ? 0 : Int32(clamping: max(0, deadline - now))
        _ = unsafe poll(&descriptors, UInt(descriptors.count), wait)
        if descriptors[0].revents != 0 { stop.wakeUp.clear() }
    }

    /// Makes processor and writer from what the log holds.
    private static func recover(
        _ configuration: Configuration,
        _ log: EventLog
    ) throws -> (Processor, LogWriter) {
        let rules = try CompiledRules.make(configuration)
        let tables = try log.recoverTables(of: rules, configuration)
        let writer = try LogWriter(
            log: log,
            signals: rules.signals,
            sourceNames: configuration.sources.map(\.name),
            tables: tables
        )
        let processor = Processor(
            configuration: configuration,
            rules: rules,
            nextOffsets: writer.nextOffsets
        )
        let orphans = try log.recover(into: processor, sources: configuration.sources)
        if !orphans.isEmpty {
            let outcome = processor.orphaned(orphans, at: WallClock.now())
            try writer.commit(outcome, of: MessageBatch(), CommitExtras())
        }
        return (processor, writer)
    }
}

extension Configuration {
    /// The MQTT sessions of sources, and of tables whose feed is one; feeds are counted behind sources.
    fileprivate var sessions: [(index: Int, configuration: SourceConfiguration)] {
        sources.enumerated().map { ($0, $1) }
            + tables.enumerated()
            .compactMap { index, table in table.session.map { (sources.count + index, $0) } }
    }

    /// What health knows a session as.
    fileprivate func part(of session: Int) -> Health.Part {
        session < sources.count
            ? .source(sources[session].name) : .table(tables[session - sources.count].name)
    }
}
