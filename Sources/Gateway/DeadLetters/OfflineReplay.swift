// SPDX-License-Identifier: Apache-2.0
// The same steps as those of the intake loop, for a gateway that does not run: the same processor, the same
// writer, the same transaction. No broker is connected to, and no time passes, so that nobody's silence
// makes an alert fire.

/// Processes dead letters again in this process, which holds the log's lock.
final class OfflineReplay {
    private let log: EventLog
    private let processor: Processor
    private let writer: LogWriter
    private let queue = ReplayQueue(intake: WakeUp())
    private var feed: ReplayFeed

    init(_ configuration: Configuration, log: EventLog) throws {
        self.log = log
        (processor, writer) = try IntakeLoop.recover(configuration, log)
        feed = try ReplayFeed(queue: queue, configuration: configuration, log: log)
    }

    /// Processes some dead letters again; when it returns, their effect is on disk.
    func replay(_ offsets: [Int64]) throws -> ReplayReport {
        let result = ReportBox()
        queue.add(offsets) { result.report = $0 }
        var batch = MessageBatch()
        while feed.hasWork {
            feed.beginBatch()
            feed.read(into: &batch) { processor.incompleteTable(before: $0) }
            guard feed.hasTaken else { continue }
            let outcome = processor.process(batch, clock: nil)
            if let failure = outcome.failure { throw LogError.failed(failure) }
            var extras = CommitExtras()
            extras.deadLetters = feed.marks(at: WallClock.now())
            try writer.commit(outcome, of: batch, extras)
            _ = feed.committed(outcome)
            batch.removeAll()
            writer.checkpointIfNeeded()
        }
        return result.report ?? ReplayReport()
    }

    /// Saves what the next start would otherwise work out again.
    func finish() throws {
        try writer.saveVehicles()
    }
}
