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
    /// How often a topic, or a cluster, that is not there is looked for.
    private static let absentMilliseconds: Int64 = 1_000

    private let topic: String
    private let link: KafkaFeedLink
    private let box: FeedBox
    private let positions: () throws -> [KafkaPosition]
    private let stop: StopSignal
    /// How often new partitions are looked for.
    private let lookMilliseconds: Int64
    private let report: FeedReport
    private var backoff: Backoff

    private var partitionCount = 0
    private var progress = KafkaFeedProgress()
    /// The box's attempt that `progress` belongs to.
    private var attempt: Int?
    private var lookedAt = Timestamp.distantPast

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
        topic = kafka.topic
        self.box = box
        self.positions = positions
        self.stop = stop
        self.lookMilliseconds = lookMilliseconds
        report = FeedReport(table: table, health: health, logger: logger)
        link = KafkaFeedLink(
            kafka,
            clientID: "\(gateway).\(table.feedName.replacing("/", with: "."))",
            stop: stop,
            report: report
        )
        backoff = Backoff(
            minMilliseconds: kafka.kafka.reconnectMinMilliseconds,
            maxMilliseconds: kafka.kafka.reconnectMaxMilliseconds
        )
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
        link.close()
    }

    private func readUntilBroken() throws {
        if !link.isOpen { try link.renew() }
        try begin()
        while !stop.isSet {
            let (records, ends) = readChunk()
            guard handOver(records, ends) else { throw FeedInterruption.readElsewhere }
            if let ending = link.ending { throw ending }
            try renewIdentity()
            try lookForPartitions()
        }
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
        let extents = try (0..<Int32(partitionCount)).map { try link.extent(of: $0) }
        let starts = progress.begin(extents)
        for (partition, start) in starts.sorted(by: { $0.key < $1.key }) {
            guard let missed = start.missed else { continue }
            let extent = extents[Int(partition)]
            tellMissed(partition, missed, extent)
            guard missed > extent.upperBound else { continue }
            // Rows that an old offset stands for must not look newer than all that comes.
            let anew = FeedRecord(place: RecordPlace(kind: .beganAnew, partition: partition))
            guard box.put([anew], attempt: current, stop: stop) else {
                throw FeedInterruption.readElsewhere
            }
        }
        try link.assign(starts.mapValues(\.offset))
    }

    private func waitForTopic() throws -> Int {
        while true {
            let count = try link.partitionCount()
            lookedAt = WallClock.uptime()
            if let count { return count }
            report.down(because: "topic '\(topic)' does not exist")
            stop.wait(milliseconds: Self.absentMilliseconds)
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
    private func readChunk() -> (records: [FeedRecord], ends: [Int32]) {
        var records: [FeedRecord] = []
        var ends: [Int32] = []
        var bytes = 0
        var wait = Self.waitMilliseconds
        while records.count < Self.recordsMax, bytes < Self.bytesMax,
            let event = link.consume(milliseconds: wait)
        {
            switch event {
            case .record(let record):
                records.append(record)
                bytes += record.bytes
            case .end(let partition): ends.append(partition)
            case .outOfRange: link.end(with: FeedInterruption.readElsewhere)
            }
            wait = 0
        }
        if !records.isEmpty || !ends.isEmpty { link.works() }
        return (records, ends)
    }

    /// False: the box wants us to begin again from what the log has.
    private func handOver(_ records: [FeedRecord], _ ends: [Int32]) -> Bool {
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

    // From time to time.

    /// A renewed certificate needs a new client, because librdkafka reads the files once.
    private func renewIdentity() throws {
        guard link.hasNewIdentity() else { return }
        do throws(KafkaError) {
            // The new client is made before the old one goes: files that don't fit change nothing.
            try link.renew()
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
        let pause = link.complaint.isCutOff ? Self.absentMilliseconds : lookMilliseconds
        guard now - lookedAt >= pause else { return }
        lookedAt = now
        guard link.partitionCountChanged(from: partitionCount) else { return }
        throw FeedInterruption.readElsewhere
    }

    // Failing.

    private func recover(from error: any Error) {
        if let upMilliseconds = link.close() {
            backoff.connectionEnded(afterMilliseconds: upMilliseconds)
        }
        if !(error is FeedInterruption) { report.down(because: link.reason(for: error)) }
        stop.wait(milliseconds: backoff.next())
    }
}
