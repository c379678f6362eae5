// SPDX-License-Identifier: Apache-2.0
// One client of a feed, and everything it says about itself.
import Logging

/// Why a feed's client is left without anything being wrong with it.
enum FeedInterruption: Error {
    /// A partition has to be read from somewhere else, or there are more of them.
    case readElsewhere
    /// There are other certificates.
    case newIdentity
    case stopped
}

/// A consumer as long as it lives; belongs to its feed's loop.
final class KafkaFeedLink {
    /// How long one question to a broker takes before it is asked again.
    private static let callMilliseconds: Int32 = 1_000

    let kafka: KafkaConfiguration
    let report: FeedReport
    var complaint: KafkaComplaint
    private let topic: String
    private let clientID: String
    private let stop: StopSignal
    private var identity: FileWatch
    private var consumer: KafkaConsumer?
    /// When something came from the client for the first time.
    private var upSince: Timestamp?
    /// Why the client can't go on; what it gave before is good.
    private(set) var ending: (any Error)?

    init(
        _ feed: KafkaFeedConfiguration,
        clientID: String,
        stop: StopSignal,
        report: FeedReport
    ) {
        kafka = feed.kafka
        topic = feed.topic
        self.clientID = clientID
        self.stop = stop
        self.report = report
        identity = FileWatch(files: feed.kafka.tls?.files ?? [])
        complaint = KafkaComplaint(feed.kafka)
    }

    // Life.

    var isOpen: Bool { consumer != nil }

    /// Makes a new client; the one before is gone when this returns, or still there when it throws.
    func renew() throws(KafkaError) {
        let properties = kafka.consumerProperties(clientID: clientID)
        consumer = try KafkaConsumer(topic, properties, delegate: self)
        ending = nil
    }

    /// Ends the client; gives how long it had worked, if it had.
    @discardableResult
    func close() -> Int64? {
        consumer = nil
        ending = nil
        defer { upSince = nil }
        return upSince.map { WallClock.uptime() - $0 }
    }

    /// The client is to be left when what it gave is handed over.
    func end(with error: any Error) {
        if ending == nil { ending = error }
    }

    /// Whether the files that the client was made with are no longer the same.
    ///
    /// librdkafka reads them once: a renewed certificate needs a new client.
    func hasNewIdentity() -> Bool { identity.hasChanged(now: WallClock.uptime()) }

    /// Something came: whatever was wrong is over.
    func works() {
        if upSince == nil { upSince = WallClock.uptime() }
        troubleIsOver()
    }

    /// An error in words.
    func reason(for error: any Error) -> String {
        (error as? KafkaError).map { complaint.reason(for: $0) } ?? "\(error)"
    }

    // Asking, before partitions are assigned: until there is an answer.

    /// How many partitions the topic has; `nil` when it does not exist.
    func partitionCount() throws -> Int? {
        try ask { consumer throws(KafkaError) in
            try consumer.partitionCount(milliseconds: Self.callMilliseconds)
        }
    }

    /// The offsets that a partition has.
    func extent(of partition: Int32) throws -> Range<Int64> {
        try ask { consumer throws(KafkaError) in
            try consumer.extent(of: partition, milliseconds: Self.callMilliseconds)
        }
    }

    private func ask<Result>(
        _ body: (KafkaConsumer) throws(KafkaError) -> Result
    ) throws -> Result {
        while true {
            guard let consumer, !stop.isSet else { throw FeedInterruption.stopped }
            // A certificate that is no longer good would be asked with for ever.
            guard !hasNewIdentity() else { throw FeedInterruption.newIdentity }
            try hear()
            do throws(KafkaError) {
                return try body(consumer)
            } catch {
                guard error.isSilence || error.remedy == .retry else { throw error }
                try hear()
                report.down(because: complaint.reason(for: error))
                // Most such errors come after a wait inside the call, but not all.
                stop.wait(milliseconds: 50)
            }
        }
    }

    /// With nothing assigned this brings no record, but calls for tokens and complaints.
    private func hear() throws {
        _ = consume(milliseconds: 0)
        if let ending { throw ending }
    }

    // Reading.

    /// Reads these partitions from these offsets on.
    func assign(_ offsets: [Int32: Int64]) throws(KafkaError) {
        try consumer?.assign(offsets)
    }

    /// The next that comes; `nil` when nothing does, or the client can't go on.
    func consume(milliseconds: Int32) -> KafkaConsumer.Event? {
        guard ending == nil else { return nil }
        do throws(KafkaError) {
            return try consumer?.consume(milliseconds: milliseconds)
        } catch {
            // The group is none, and what may be retried librdkafka tries again by itself.
            if !error.isAboutGroup, error.remedy != .retry { end(with: error) }
            return nil
        }
    }

    /// Asks once, while partitions are read, whether there are as many of them as before.
    ///
    /// While no broker can be reached and nothing changes, only this tells that one is there again.
    func partitionCountChanged(from known: Int) -> Bool {
        guard let consumer else { return false }
        do throws(KafkaError) {
            let count = try consumer.partitionCount(milliseconds: Self.callMilliseconds)
            if complaint.isCutOff { works() }
            return count != known
        } catch {
            // Reading goes on as well as it can; if the client is at its end, that is told by itself.
            report.logger.debug("kafka", metadata: [LogKeys.reason: "\(error)"])
            return false
        }
    }
}

extension KafkaFeedLink: KafkaTroubleReporter {
    func delivered(tag: Int64, error: KafkaError?) {}

    func clientEnded(with error: KafkaError) { end(with: error) }

    func measured(_ statistics: KafkaStatistics) {}
}
