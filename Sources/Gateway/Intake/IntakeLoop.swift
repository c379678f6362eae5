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
    private let configuration: Configuration
    private let log: EventLog
    private let inbox: LogInbox
    private let stop: StopSignal
    private let health: Health
    private let metrics: IntakeObserver
    private let logger: Logger

    private var processor: Processor
    private var writer: LogWriter
    /// Of sources, and of tables' feeds behind them.
    private let sessions: [MQTTSession]
    private var feeds: TableFeeds
    private var replays: ReplayFeed
    private var batch = MessageBatch()
    private var logBackoff = Backoff(minMilliseconds: 500, maxMilliseconds: 30_000)
    private var logBlockedUntil = Timestamp.distantPast
    /// A commit has failed: the state in memory is ahead of the log's and must not be used.
    private var needsRecovery = false
    /// Which source reads first; sources take turns at filling a batch.
    private var firstSource = 0
    private var groupCommit = GroupCommit()
    private var maintenance: Maintenance

    init(
        configuration: Configuration,
        log: EventLog,
        inbox: LogInbox,
        feeds: [Feed] = [],
        replays: ReplayQueue? = nil,
        stop: StopSignal,
        health: Health,
        metrics: GatewayMetrics,
        logger: Logger
    ) throws {
        self.configuration = configuration
        self.log = log
        self.inbox = inbox
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
        maintenance = Maintenance(
            configuration: configuration,
            inbox: inbox,
            metrics: self.metrics,
            health: health,
            growingSince: try log.deadLetterAlarm(),
            logger: logger
        )
        self.replays = try ReplayFeed(
            queue: replays ?? ReplayQueue(intake: stop.wakeUp),
            configuration: configuration,
            log: log
        )
        sessions = try configuration.sessions.map { index, source in
            MQTTSession(
                configuration: source,
                index: index,
                limits: configuration.limits,
                ledgerBatches: try log.ledgerBatches(source: source.name),
                subscriptions: try log.subscriptions(source: source.name),
                wakeUp: stop.wakeUp,
                report: SessionReport(
                    source: source.name,
                    part: configuration.part(of: index),
                    health: health,
                    metrics: metrics.source(source.name),
                    logger: logger
                )
            )
        }
        self.feeds = TableFeeds(
            sessions: Array(sessions[configuration.sources.count...]),
            boxes: feeds,
            configuration: configuration,
            health: health
        )
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
        replays.close()
        finish(WallClock.now())
    }

    /// A source waits for tables that its readings are joined with, if they are required and incomplete.
    private func holdSources() {
        let isAnyIncomplete = processor.tables.tables
            .contains { $0.configuration.isRequired && !$0.state.isReady }
        guard isAnyIncomplete || sessions.contains(where: { $0.heldBy != nil }) else { return }
        for session in sessions where session.index < configuration.sources.count {
            session.heldBy = processor.incompleteTable(joinedBy: session.index)
        }
    }

    // The four steps.

    private func readBatch(_ now: Timestamp) {
        feeds.beginBatch()
        replays.beginBatch()
        readFeedsAndSources(now)
        guard !batch.isEmpty else { return }
        // Group commit: company is on its way, and one fsync serves all.
        guard let wait = groupCommit.wait(with: batch.messages.count), hasRoomForCompany
        else { return }
        usleep(UInt32(wait * 1e3))
        readFeedsAndSources(WallClock.now())
    }

    /// Changes come first, because a reading is joined with what stands before it.
    private func readFeedsAndSources(_ now: Timestamp) {
        feeds.read(into: &batch, now: now)
        replays.read(into: &batch) { processor.incompleteTable(before: $0) }
        let count = configuration.sources.count
        for turn in 0..<count {
            sessions[(firstSource + turn) % count].read(into: &batch, now: now)
        }
        firstSource = (firstSource + 1) % count
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
            if !outcome.isEmpty || hasSessionNews || replays.hasTaken {
                try commit(outcome, now)
                metrics.observe(replays.committed(outcome))
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
        feeds.tellRefusals(of: processor.tables.tables)
        batch.removeAll()
        writer.checkpointIfNeeded()
    }

    private func clockReading(_ now: Timestamp) -> ClockReading {
        let settle = configuration.clock.settleMilliseconds
        let sources = configuration.sources.count
        var isHeard = [Bool](repeating: true, count: sources + configuration.tables.count)
        for session in sessions {
            isHeard[session.index] = session.isHeard(at: now, settleMilliseconds: settle)
        }
        for table in feeds.unheard { isHeard[sources + table] = false }
        return ClockReading(
            now: now,
            isHeard: Array(isHeard[..<sources]),
            isTableHeard: Array(isHeard[sources...])
        )
    }

    private func commit(_ outcome: Outcome, _ now: Timestamp) throws {
        var extras = CommitExtras()
        for session in sessions { session.add(to: &extras) }
        extras.cursors = inbox.cursorMoves()
        extras.deadLetters = replays.marks(at: now)
        try writer.commit(outcome, of: batch, extras)
        inbox.forget(extras.cursors)
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
        feeds.beginAgain()
        replays.beginAgain()
        health.logIsNotWritable(because: "\(error)")
        logger.critical("log not writable", metadata: [LogKeys.reason: "\(error)"])
        needsRecovery = true
    }

    /// Whether the state is that of the log, so that work may go on.
    private func recoverIfNeeded(_ now: Timestamp) -> Bool {
        guard needsRecovery else { return true }
        do {
            (processor, writer) = try Self.recover(configuration, log)
            metrics.observeRecovery(processor)
            // Ready again as soon as there is room, even if nobody sends anything.
            try writer.probe()
        } catch {
            logBlockedUntil = now + logBackoff.next()
            health.logIsNotWritable(because: "\(error)")
            return false
        }
        needsRecovery = false
        health.logIsWritable()
        logger.notice("log writable again")
        return true
    }

    private func maintain(_ now: Timestamp) {
        guard now >= logBlockedUntil, !needsRecovery else { return }
        do {
            try maintenance.run(processor, writer, now)
        } catch {
            giveUp(error, now)
        }
    }

    private func finish(_ now: Timestamp) {
        // After a failed commit the state in memory is not that of the log.
        guard !needsRecovery else { return }
        do {
            try maintenance.finish(processor, writer, now)
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
            deadline = min(deadline, maintenance.nextDeadline(after: now))
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
        let hasReplays = now >= logBlockedUntil && replays.hasWork
        let hasMore = sessions.contains { $0.hasMore } || feeds.hasRecords || hasReplays
        let wait = hasMore ? 0 : Int32(clamping: max(0, deadline - now))
        _ = unsafe poll(&descriptors, UInt(descriptors.count), wait)
        if descriptors[0].revents != 0 { stop.wakeUp.clear() }
    }

    /// Makes processor and writer from what the log holds.
    static func recover(
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
