// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// One change event as a feed's thread hands it over.
struct FeedRecord: Sendable {
    var place = RecordPlace()
    /// Empty for a place that is no change: the end of a load, say.
    var payload: [UInt8] = []
    /// Kafka's record key.
    var key: [UInt8]?

    /// Why it is no row but a dead letter, of which the payload is the text: a line of a file, say.
    var failure: String? {
        get { place.failure }
        set { place.failure = newValue }
    }

    /// About what it takes in memory.
    var bytes: Int { payload.count + (key?.count ?? 0) + 64 }
}

/// A table's feed that has a thread of its own, by the table's index.
struct Feed: Sendable {
    let table: Int
    let box: FeedBox
}

/// Change events on their way from one feed's thread to the intake loop; bounded, so that a feed waits
/// for the log and not the other way round.
final class FeedBox: Sendable {
    /// What is held at most; one put may go above it.
    private static let bytesMax = 4 << 20

    private struct Contents {
        var records: [FeedRecord] = []
        /// How many of the first are taken already.
        var taken = 0
        var bytes = 0
        /// Grows when what was handed over did not become durable: the feed begins again.
        var attempt = 0
        /// The version of a file that could not be taken, and why.
        var refusal: (mark: String, reason: String)?
    }

    /// What stands in dead letters as the topic of these records: a Kafka topic, a file's name.
    let topic: Topic
    private let contents = Mutex(Contents())
    private let intake: WakeUp
    private let room = WakeUp()

    init(topic: String, intake: WakeUp) {
        self.topic = Topic(name: topic, patterns: [])
        self.intake = intake
    }

    // The feed's side.

    /// What a feed must hand to `put` as long as it goes on from where it was.
    var attempt: Int { contents.withLock { $0.attempt } }

    /// Hands records over, in their order, and waits while there is no room.
    ///
    /// False: nothing was taken, because the feed was told to stop, or must begin again from what the
    /// log has.
    func put(_ records: [FeedRecord], attempt: Int, stop: StopSignal) -> Bool {
        while !stop.isSet {
            room.clear()
            let isTaken: Bool? = contents.withLock { contents in
                guard contents.attempt == attempt else { return false }
                guard contents.bytes < Self.bytesMax else { return nil }
                contents.records += records
                contents.bytes += records.reduce(0) { $0 + $1.bytes }
                return true
            }
            if let isTaken {
                if isTaken { intake.signal() }
                return isTaken
            }
            var descriptors = [room.descriptor, stop.wakeUp.descriptor]
                .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            _ = unsafe poll(&descriptors, 2, 1_000)
        }
        return false
    }

    /// Why a version of a file was not taken after all.
    func refusal(of mark: String) -> String? {
        contents.withLock { $0.refusal?.mark == mark ? $0.refusal?.reason : nil }
    }

    // The intake loop's side.

    /// Says that a version of a file was not taken.
    func refuse(mark: String, because reason: String) {
        contents.withLock { $0.refusal = (mark, reason) }
    }

    /// Whether records wait.
    var hasRecords: Bool { contents.withLock { $0.taken < $0.records.count } }

    /// Moves what waits into a batch, as long as that has room.
    func take(
        into batch: inout MessageBatch,
        feed: Int,
        limits: LimitsConfiguration,
        recordsMax: Int = .max,
        at now: Timestamp
    ) {
        contents.withLock { contents in
            let last = contents.taken + min(recordsMax, contents.records.count - contents.taken)
            while contents.taken < last,
                batch.messages.count < limits.batchMessagesMax,
                batch.bytes.count < limits.batchBytesMax
            {
                let record = contents.records[contents.taken]
                contents.taken += 1
                contents.bytes -= record.bytes
                batch.append(feed: feed, topic: topic, record: record, arrival: now)
            }
            guard contents.taken == contents.records.count else { return }
            contents.records.removeAll(keepingCapacity: true)
            contents.taken = 0
        }
        room.signal()
    }

    /// What was taken did not become durable: drops what waits and lets the feed begin again.
    func beginAgain() {
        contents.withLock { contents in
            contents.records.removeAll()
            contents.taken = 0
            contents.bytes = 0
            contents.attempt += 1
        }
        room.signal()
    }
}
