// SPDX-License-Identifier: Apache-2.0
// A topic of change events, read into a box. Nothing is committed here: the offsets travel with the
// records, and the intake loop commits both in one transaction.
//
// A start, a lost connection, a new partition and a commit that failed are the same code: a new client
// that reads on from what is known. Only after a failed commit, and at the start, the log is asked.
import Logging

/// Reads the topic of one table; owns its client and its thread.
final class KafkaFeedLoop {
    private static let recordsMax = 1_000
    private static let bytesMax = 1 << 20
    /// How long a read waits when there is nothing; also how late a stop may be heard.
    private static let waitMilliseconds: Int32 = 100
    /// How long one question to a broker takes before it is asked again.
    private static let callMilliseconds: Int32 = 1_000
    /// How often a topic, or a cluster, that is not there is looked for.
    private static let absentMilliseconds: Int64 = 1_000

    private let kafka: KafkaConfiguration
    private let topic: String
    private let clientID: String
    private let box: FeedBox
    private let positions: () throws -> [KafkaPosition]
    private let stop: StopSignal
    /// How often new partitions are looked for.
    private let lookMilliseconds: Int64
    private let report: FeedReport
    private var identity: FileWatch
    private var backoff: Backoff
    private var complaint: KafkaComplaint

    private var consumer: KafkaConsumer?
    private var partitionCount = 0
    private var progress = KafkaFeedProgress()
    /// The box's attempt that `progress` belongs to.
    private var attempt: Int?
    private var lookedAt = Timestamp.distantPast
    /// When something came from the client for the first time.
    private var upSince: Timestamp?
    /// No broker could be reached since the last that was.
    private var isCutOff = false
    /// Why the client can't go on, after what it has given is handed over.
    private var ending: (any Error)?

    /// A partition has to be read from somewhere else, or there are more of them.
    private struct Reopening: Error {}
    private struct Stopped: Error {}

    /// `positions` reads from the log the next offset of each partition, where one was committed.
    init(
        table: TableConfiguration,
        kafka: KafkaFeedConfiguration,
        gateway: String,
        box: FeedBox,
        positions: @escaping () throws -> [KafkaPosition],
        stop: StopSignal,
        health: Health,
        logger: Logger,
        lookMilliseconds: Int64 = 30_000
    ) {
        self.kafka = kafka.kafka
        topic = kafka.topic
        clientID = "\(gateway).\(table.feedName.replacing("/", with: "."))"
        self.box = box
        self.positions = positions
        self.stop = stop
        self.lookMilliseconds = lookMilliseconds
        report = FeedReport(table: table, health: health, logger: logger)
        identity = FileWatch(files: kafka.kafka.tls?.files ?? [])
        backoff = Backoff(
            minMilliseconds: kafka.kafka.reconnectMinMilliseconds,
            maxMilliseconds: kafka.kafka.reconnectMaxMilliseconds
        )
        complaint = KafkaComplaint(kafka.kafka)
    }

    /// Runs until it is told to stop.
    func run() {
        while !stop.isSet {
            do {
                try readUntilBroken()
            } catch {
                recover(from: error)
            }
        }
        close()
    }

    private func readUntilBroken() throws {
        if consumer == nil { consumer = try makeConsumer() }
        try begin()
        while !stop.isSet {
            let (records, ends) = try readChunk()
            guard try handOver(records, ends) else { throw Reopening() }
            if let ending { throw ending }
            try renewIdentity()
            try lookForPartitions()
        }
    }

    private func makeConsumer() throws(KafkaError) -> KafkaConsumer {
        let properties = kafka.consumerProperties(clientID: clientID)
        return try KafkaConsumer(topic, properties, delegate: self)
    }

    private func close() {
        consumer = nil
        ending = nil
        if let upSince {
            backoff.connectionEnded(afterMilliseconds: WallClock.uptime() - upSince)
        }
        upSince = nil
    }

    // Beginning.

    /// Finds the topic and reads all its partitions from where the table stands.
    private func begin() throws {
        partitionCount = try waitForTopic()
        let current = box.attempt
        if current != attempt {
            progress = KafkaFeedProgress(try positions().filter { $0.topic == topic })
            attempt = current
        }
        var extents: [Range<Int64>] = []
        for partition in 0..<Int32(partitionCount) {
            extents.append(
                try ask { consumer throws(KafkaError) in
                    try consumer.extent(of: partition, milliseconds: Self.callMilliseconds)
                }
            )
        }
        let starts = progress.begin(extents)
        for (partition, start) in starts.sorted(by: { $0.key < $1.key }) {
            guard let missed = start.missed else { continue }
            tellMissed(partition, missed, extents[Int(partition)])
        }
        try consumer?.assign(starts.mapValues(\.offset))
    }

    private func waitForTopic() throws -> Int {
        while true {
            let count = try ask { consumer throws(KafkaError) in
                try consumer.partitionCount(milliseconds: Self.callMilliseconds)
            }
            lookedAt = WallClock.uptime()
            if let count { return count }
            report.down(because: "topic '\(topic)' does not exist")
            stop.wait(milliseconds: Self.absentMilliseconds)
        }
    }

    /// Asks until there is an answer; only before partitions are assigned.
    private func ask<Result>(
        _ body: (KafkaConsumer) throws(KafkaError) -> Result
    ) throws -> Result {
        while true {
            guard let consumer, !stop.isSet else { throw Stopped() }
            // With nothing assigned this brings no record, but calls for tokens and complaints.
            try hear { () throws(KafkaError) in _ = try consumer.consume(milliseconds: 0) }
            do throws(KafkaError) {
                return try body(consumer)
            } catch {
                guard error.isSilence else { throw error }
                try hear { () throws(KafkaError) in _ = try consumer.consume(milliseconds: 0) }
                report.down(because: complaint.reason(for: error))
                // Most such errors come after a wait inside the call, but not all.
                stop.wait(milliseconds: 50)
            }
        }
    }

    /// Retention or a new topic took the place from which we would have gone on: the operator must know.
    private func tellMissed(_ partition: Int32, _ offset: Int64, _ extent: Range<Int64>) {
        let why =
            offset < extent.lowerBound
            ? "the broker has deleted records that the table has not seen (retention)"
            : "the topic was deleted and made anew, or the cluster has lost records"
        report.logger.warning(
            "table feed begins again at the earliest record",
            metadata: [
                LogKeys.topic: "\(topic)", LogKeys.partition: "\(partition)",
                LogKeys.offset: "\(offset)", LogKeys.firstOffset: "\(extent.lowerBound)",
                LogKeys.lastOffset: "\(extent.upperBound - 1)", LogKeys.reason: "\(why)",
            ]
        )
    }

    // Reading.

    /// Waits for a record and takes what is there with it; also tells which partitions it ends.
    private func readChunk() throws -> (records: [FeedRecord], ends: [Int32]) {
        var records: [FeedRecord] = []
        var ends: [Int32] = []
        var bytes = 0
        var wait = Self.waitMilliseconds
        while records.count < Self.recordsMax, bytes < Self.bytesMax, ending == nil {
            guard let consumer else { throw Stopped() }
            var event: KafkaConsumer.Event?
            // What was read before is handed over first.
            do {
                try hear { () throws(KafkaError) in
                    event = try consumer.consume(milliseconds: wait)
                }
            } catch {
                ending = error
            }
            guard let event else { break }
            wait = 0
            switch event {
            case .record(let record):
                records.append(record)
                bytes += record.bytes
            case .end(let partition): ends.append(partition)
            case .outOfRange: ending = Reopening()
            }
        }
        if !records.isEmpty || !ends.isEmpty { works() }
        return (records, ends)
    }

    /// Makes a call that reads; an error about the group, which is none, is nothing to us.
    private func hear(_ body: () throws(KafkaError) -> Void) throws {
        do throws(KafkaError) {
            try body()
        } catch {
            guard error.isAboutGroup else { throw error }
        }
        if let ending { throw ending }
    }

    /// False: the box wants us to begin again from what the log has.
    private func handOver(_ records: [FeedRecord], _ ends: [Int32]) throws -> Bool {
        guard let attempt, box.attempt == attempt else { return false }
        guard records.isEmpty || box.put(records, attempt: attempt, stop: stop) else {
            return false
        }
        for record in records { progress.took(record.place) }
        for partition in ends { progress.reachedEnd(of: partition) }
        guard progress.takeCaughtUp() else { return true }
        let caughtUp = FeedRecord(place: RecordPlace(kind: .caughtUp))
        return box.put([caughtUp], attempt: attempt, stop: stop)
    }

    /// Something came: whatever was wrong is over.
    private func works() {
        complaint.clear()
        isCutOff = false
        if upSince == nil { upSince = WallClock.uptime() }
        report.up()
    }

    // From time to time.

    /// A renewed certificate needs a new client, because librdkafka reads the files once.
    private func renewIdentity() throws {
        guard identity.hasChanged(now: WallClock.uptime()) else { return }
        do throws(KafkaError) {
            // The new client is made before the old one goes: files that don't fit change nothing.
            consumer = try makeConsumer()
        } catch {
            report.logger.warning(
                "renewed certificate not taken",
                metadata: [LogKeys.reason: "\(error)"]
            )
            return
        }
        report.logger.notice("renewed certificate taken")
        try begin()
    }

    /// Looks for partitions that were added; while no broker can be reached, for a broker.
    private func lookForPartitions() throws {
        let now = WallClock.uptime()
        let pause = isCutOff ? Self.absentMilliseconds : lookMilliseconds
        guard now - lookedAt >= pause, let consumer else { return }
        lookedAt = now
        do throws(KafkaError) {
            let count = try consumer.partitionCount(milliseconds: Self.callMilliseconds)
            // When nothing changes, only this tells that a broker is there again.
            if isCutOff { works() }
            guard count != partitionCount else { return }
        } catch {
            // Reading goes on as well as it can; if the client is at its end, that is told by itself.
            report.logger.debug("kafka", metadata: [LogKeys.reason: "\(error)"])
            return
        }
        throw Reopening()
    }

    // Failing.

    private func recover(from error: any Error) {
        close()
        guard !(error is Stopped) else { return }
        if !(error is Reopening) {
            let known = error as? KafkaError
            report.down(because: known.map { complaint.reason(for: $0) } ?? "\(error)")
        }
        stop.wait(milliseconds: backoff.next())
    }
}

extension KafkaFeedLoop: KafkaClientDelegate {
    func delivered(tag: Int64, error: KafkaError?) {}

    func failed(_ error: KafkaError) {
        guard !error.isFatal else {
            ending = error
            return
        }
        if error.isAllBrokersDown {
            isCutOff = true
            report.down(because: complaint.text ?? "no broker can be reached")
        } else {
            complaint.hear(error)
            report.logger.debug("kafka", metadata: [LogKeys.reason: "\(error)"])
        }
    }

    func measured(_ statistics: KafkaStatistics) {}

    func token() throws(KafkaTokenError) -> KafkaToken {
        do {
            return try kafka.token()
        } catch {
            complaint.hear(error)
            report.down(because: error.description)
            throw error
        }
    }

    func logged(_ text: String, isWarning: Bool) {
        report.logger.log(
            level: isWarning ? .debug : .trace,
            "kafka",
            metadata: ["line": "\(text)"]
        )
    }
}
