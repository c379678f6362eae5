// SPDX-License-Identifier: Apache-2.0
// Dead letters on the intake loop's side: one more feed beside those of tables. What it puts into a batch is
// noted as replayed in the batch's own transaction, so that nothing is processed again twice.

/// Puts dead letters into batches as the messages that they were.
struct ReplayFeed {
    /// Dead letters that one batch takes: vehicles' messages wait for so many at most.
    static let lettersMax = 100

    private let queue: ReplayQueue
    private let route: ReplayRoute
    private let reader: LogReader
    private let limits: LimitsConfiguration
    private var lettersLeft = 0
    /// What is in the batch.
    private var taken: [ReplayQueue.Ticket] = []

    init(queue: ReplayQueue, configuration: Configuration, log: EventLog) throws {
        self.queue = queue
        route = ReplayRoute(configuration)
        reader = try LogReader(log: log)
        limits = configuration.limits
    }

    /// Whether dead letters wait.
    var hasWork: Bool { queue.hasTickets }
    /// Whether the batch holds some.
    var hasTaken: Bool { !taken.isEmpty }

    mutating func beginBatch() {
        lettersLeft = max(1, min(Self.lettersMax, limits.batchMessagesMax / 4))
    }

    /// Reads dead letters into the batch that has begun, as long as it has room for them.
    ///
    /// `missing` names the table that a source waits for, if it does.
    mutating func read(into batch: inout MessageBatch, missing: (Int) -> String?) {
        guard lettersLeft > 0, queue.hasTickets else { return }
        var tickets = queue.take(lettersLeft)[...]
        while batch.bytes.count < limits.batchBytesMax / 2, let ticket = tickets.popFirst() {
            lettersLeft -= 1
            if let result = take(ticket, into: &batch, missing) { queue.finish(ticket, result) }
        }
        if !tickets.isEmpty {
            lettersLeft = 0
            queue.putBack(Array(tickets))
        }
    }

    /// Puts a dead letter into the batch, or tells why not.
    private mutating func take(
        _ ticket: ReplayQueue.Ticket,
        into batch: inout MessageBatch,
        _ missing: (Int) -> String?
    ) -> ReplayResult? {
        let offset = ticket.offset
        do {
            let isInBatch = taken.contains { $0.offset == offset }
            guard !isInBatch, try !reader.isReplayed(offset) else { return .already }
            let found = try reader.read(
                StreamName.deadLetter,
                after: offset - 1,
                count: 1,
                bytesMax: 1
            )
            guard let event = found.first, event.offset == offset else {
                return .refused("the log does not hold it (any more)")
            }
            let message = try route.message(StoredDeadLetter(event))
            if let table = missing(message.source) {
                return .refused("its source waits for table \(table), which is not complete yet")
            }
            batch.append(message)
            taken.append(ticket)
            return nil
        } catch let refusal as ReplayRefusal {
            return .refused(refusal.reason)
        } catch {
            return .refused("the log can't be read: \(error)")
        }
    }

    /// What the commit notes.
    func marks(at time: Timestamp) -> DeadLetterMarks {
        DeadLetterMarks(replayed: taken.map(\.offset), time: time)
    }

    /// The batch is durable, and whoever asked is told; gives how many took effect, and how many did not.
    mutating func committed(_ outcome: Outcome) -> (applied: Int, failed: Int) {
        let failed = taken.count { outcome.counts.failedReplays.contains($0.offset) }
        let applied = taken.count - failed
        for ticket in taken {
            let isFailed = outcome.counts.failedReplays.contains(ticket.offset)
            queue.finish(ticket, isFailed ? .failed : .applied)
        }
        taken.removeAll(keepingCapacity: true)
        return (applied, failed)
    }

    /// What was taken did not become durable.
    mutating func beginAgain() {
        queue.putBack(taken)
        taken.removeAll(keepingCapacity: true)
    }

    /// The loop ends.
    func close() { queue.close() }
}

extension MessageBatch {
    /// Appends a dead letter as the message that it was: with the arrival of then, so that it can't be
    /// taken for news.
    mutating func append(_ message: ReplayedMessage) {
        unsafe message.payload.withUnsafeBytes { payload in
            unsafe append(
                source: message.source,
                topic: message.topic,
                payload: payload,
                qos: 1,
                packetID: 0,
                arrival: message.arrival,
                replay: message.replay
            )
        }
    }
}

extension Processor {
    /// The table that a dead letter of a source, or of a table's feed, must wait for; `nil` when there is
    /// none.
    ///
    /// A snapshot that comes in is told to be complete by silence, which an old change would break.
    func incompleteTable(before source: Int) -> String? {
        let feed = source - configuration.sources.count
        guard feed >= 0 else { return incompleteTable(joinedBy: source) }
        let table = tables.tables[feed]
        return table.state.isReady && table.state.loading == nil ? nil : table.name
    }

    /// The table that readings of a source must wait for; `nil` when there is none.
    func incompleteTable(joinedBy source: Int) -> String? {
        let joined = rules.tables(joinedBy: source)
        return tables.tables
            .first {
                $0.configuration.isRequired && !$0.state.isReady && joined.contains($0.index)
            }?
            .name
    }
}
