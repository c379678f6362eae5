// SPDX-License-Identifier: Apache-2.0
// exactly_once: each batch is one transaction, and the cursor is committed inside it. Whatever dies,
// Kafka has both or neither, and after a start Kafka tells which.
import CoreMetrics
import Logging

/// Delivers in transactions; belongs to its lane's loop.
final class TransactionalDelivery: KafkaDelivery {
    /// A row's place and age, for what is told when it has arrived.
    private struct Sent {
        var index: Int
        var arrival: Timestamp
    }

    /// How far a stream has come.
    private struct End {
        var offset: Int64
        var arrival: Timestamp
    }

    /// What one transaction carries.
    private struct Batch {
        var sent: [Sent] = []
        /// The last event of each stream that is in it.
        var ends: [Int: End] = [:]
        /// The record that librdkafka did not even queue; it comes behind those that are sent.
        var refusal: (index: Int, offset: Int64, error: KafkaError)?
        /// The log had no more when it was read.
        var isLast = true
    }

    private let lane: KafkaLane
    private let metrics: KafkaMetrics
    private var limit: RateLimit?
    private var cursors: [Int64] = []
    private var mayHaveMore = true
    /// When the first event that waits for company was noticed.
    private var waitingSince: Timestamp?
    /// How many events a transaction may hold now; halved to find a record that Kafka refuses.
    private var batchMax: Int
    /// Records of the open transaction that Kafka has refused, and why.
    private var failures: [(tag: Int64, error: KafkaError)] = []
    /// Events of the open transaction, by stream.
    private var underWay: [Int: Int] = [:]
    /// When the open transaction began; `nil` when there is none.
    private var openSince: Timestamp?

    init(_ lane: KafkaLane, metrics: KafkaMetrics, limit: RateLimit?) {
        self.lane = lane
        self.metrics = metrics
        self.limit = limit
        batchMax = lane.window
        lane.link.onDelivered = { [unowned self] tag, error in
            if let error { failures.append((tag, error)) }
        }
    }

    var places: [(cursor: Int64, inFlight: Int)] {
        cursors.enumerated().map { ($1, underWay[$0] ?? 0) }
    }

    // Beginning.

    /// Fences the predecessor, then asks Kafka how far it came.
    func begin() throws {
        openSince = nil
        try lane.link.call { try $0.initTransactions() }
        let topics = lane.streams.map(\.topic)
        let committed = try lane.link.committed(topics)
        let local = try lane.localCursors()
        cursors = try zip(lane.streams, zip(local, committed))
            .map { stream, place in
                let (local, committed) = place
                return try reconcile(stream.stream, local: local, committed)
            }
        for (index, cursor) in cursors.enumerated() where cursor != local[index] {
            lane.report.cursorMoved(index, to: cursor)
        }
        mayHaveMore = true
        waitingSince = .distantPast
    }

    private func reconcile(
        _ stream: String,
        local: Int64,
        _ committed: KafkaPosition
    ) throws -> Int64 {
        let cursor = try KafkaCursor(
            local: local,
            committed: committed,
            head: try lane.reader.head(of: stream),
            logID: lane.logID,
            arrival: { try lane.reader.arrival(of: stream, at: $0) }
        )
        if let explanation = cursor.explanation {
            lane.report.logger.notice(
                "cursor compared with Kafka",
                metadata: [
                    LogKeys.stream: "\(stream)", LogKeys.reason: "\(explanation)",
                    "local": "\(local)", "kafka": "\((committed.offset ?? 0) - 1)",
                    LogKeys.offset: "\(cursor.offset)",
                ]
            )
        }
        return cursor.offset
    }

    // Working.

    func lookAgain(now: Timestamp) {
        mayHaveMore = true
        waitingSince = waitingSince ?? now
    }

    func waitMilliseconds(now: Timestamp) -> Int64 {
        guard mayHaveMore else { return 1_000 }
        let company = (waitingSince ?? now) + lane.lingerMilliseconds - now
        return max(1, min(1_000, max(company, limit?.waitMilliseconds ?? 0)))
    }

    func step(now: Timestamp) throws -> Bool {
        do {
            return try transact(now)
        } catch var error as KafkaError {
            error.isOverdue = hasOverdueTransaction
            throw error
        }
    }

    /// Whether the broker may have ended our transaction for its age.
    private var hasOverdueTransaction: Bool {
        guard let openSince else { return false }
        // The broker looks for such transactions now and then, and its clock is not ours.
        return WallClock.uptime() - openSince >= lane.transactionTimeoutMilliseconds / 2
    }

    private func transact(_ now: Timestamp) throws -> Bool {
        guard mayHaveMore, now - (waitingSince ?? now) >= lane.lingerMilliseconds else {
            return false
        }
        let room = min(batchMax, limit?.allowance(now: now) ?? .max)
        guard room > 0 else { return false }
        let started = WallClock.monotonicNanoseconds()
        do {
            let batch = try fill(room)
            if !batch.sent.isEmpty {
                try commit(batch.ends)
                metrics.transactionSeconds.recordNanoseconds(
                    Int64(WallClock.monotonicNanoseconds() - started)
                )
                arrived(batch)
            }
            if let (index, offset, error) = batch.refusal {
                try pass(index, offset, because: error)
            }
            mayHaveMore = !batch.isLast
            if batch.isLast { waitingSince = nil }
            return mayHaveMore
        } catch let error as KafkaError where error.remedy == .abort {
            try abort(because: error)
            return true
        }
    }

    /// Reads behind the cursors and queues what it finds, in a transaction if there is anything.
    private func fill(_ room: Int) throws -> Batch {
        guard let producer = lane.link.producer else { throw LaneStopped() }
        var batch = Batch()
        for (index, stream) in lane.streams.enumerated() {
            guard batch.sent.count < room else {
                batch.isLast = false
                break
            }
            let isEnd = try lane.reader.visit(
                stream.stream,
                after: cursors[index],
                count: room - batch.sent.count,
                bytesMax: KafkaLane.readBytes
            ) { row in
                if openSince == nil { try beginTransaction(producer) }
                let offset = row.offset
                let error = stream.produce(row, to: producer, tag: KafkaLane.tag(index, offset))
                if let error {
                    guard error.isAboutRecord || error.isQueueFull else {
                        throw error.aborting
                    }
                    if error.isAboutRecord { batch.refusal = (index, offset, error) }
                    return false
                }
                let arrival = row.arrival
                batch.sent.append(Sent(index: index, arrival: arrival))
                batch.ends[index] = End(offset: offset, arrival: arrival)
                underWay[index, default: 0] += 1
                return true
            }
            if !isEnd { batch.isLast = false }
            if batch.refusal != nil { break }
        }
        return batch
    }

    private func beginTransaction(_ producer: KafkaProducer) throws(KafkaError) {
        try producer.beginTransaction()
        openSince = WallClock.uptime()
    }

    private func commit(_ ends: [Int: End]) throws {
        let positions = ends.sorted { $0.key < $1.key }
            .map { index, end in
                KafkaPosition(
                    topic: lane.streams[index].topic,
                    offset: end.offset + 1,
                    metadata: KafkaCursor.metadata(logID: lane.logID, arrival: end.arrival)
                )
            }
        try lane.link.call { try $0.sendOffsets(positions, group: lane.group) }
        try lane.link.call { try $0.commitTransaction() }
        openSince = nil
        underWay.removeAll()
        failures.removeAll()
        for (index, end) in ends {
            cursors[index] = end.offset
            lane.report.cursorMoved(index, to: end.offset)
        }
        lane.link.works()
    }

    private func arrived(_ batch: Batch) {
        let now = WallClock.now()
        for sent in batch.sent {
            lane.report.delivered(sent.index, arrival: sent.arrival, now: now)
        }
        limit?.take(batch.sent.count)
        batchMax = min(lane.window, batchMax * 2)
    }

    /// Lets the cursor go past a record that Kafka will never take, when its dead letter is on disk.
    private func pass(_ index: Int, _ offset: Int64, because error: KafkaError) throws {
        if openSince != nil { try giveUp() }
        let arrival = try lane.refuse(index, offset, because: error)
        try lane.link.call { try self.beginTransaction($0) }
        try commit([index: End(offset: offset, arrival: arrival)])
    }

    // Failing.

    private func giveUp() throws {
        try lane.link.call { try $0.abortTransaction() }
        openSince = nil
        countRetries()
        metrics.abortedTransactions.increment()
    }

    /// Gives the transaction up; the same events are sent in the next.
    private func abort(because error: KafkaError) throws {
        let refused = failures.filter { $0.error.isAboutRecord }
        let wasAlone = batchMax == 1
        try giveUp()
        failures.removeAll()
        guard let first = refused.first else { throw error }
        // The sequence of the refused request is missing now: the next would be refused for that.
        try lane.link.renew()
        try begin()
        // A broker refuses the whole request for one record in it: halving finds which.
        guard wasAlone else {
            batchMax = max(1, batchMax / 2)
            return
        }
        let (index, offset) = KafkaLane.place(of: first.tag)
        try pass(index, offset, because: first.error)
    }

    private func countRetries() {
        for (index, count) in underWay {
            lane.report.metrics[index].retriedEvents.increment(by: Int64(count))
        }
        underWay.removeAll()
    }

    func rewind() {
        countRetries()
        mayHaveMore = true
        waitingSince = .distantPast
    }

    /// Between two steps nothing is under way, unless one has failed: that is aborted, with one attempt
    /// also when the lane is stopping, so that readers need not wait for the broker to do it.
    func settle() throws -> Bool {
        if openSince != nil {
            try lane.link.producer?.abortTransaction()
            openSince = nil
            countRetries()
        }
        return true
    }
}
