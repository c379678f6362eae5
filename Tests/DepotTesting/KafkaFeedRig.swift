// SPDX-License-Identifier: Apache-2.0
// One feed from Kafka without the rest of the gateway: a real broker, and a test in the intake's place.
import Foundation
import Logging
import Synchronization

@testable import Gateway

/// A feed that runs, what it has handed over, and the log's positions.
final class KafkaFeedRig {
    let health = Health(sources: [], sinks: [], tables: ["car"])
    let box: FeedBox
    /// What the log has, as `commit` leaves it.
    let positions = SharedPositions()
    private(set) var places: [RecordPlace] = []
    private(set) var payloads: [String] = []
    private(set) var keys: [String?] = []
    private let kafka: KafkaFeedConfiguration
    private let log = SharedText()
    /// What the log would have at level debug.
    private let trace = SharedText()
    private var stop = StopSignal()

    /// The offset of the next record of each partition, between two threads.
    final class SharedPositions: Sendable {
        private let offsets = Mutex<[Int32: Int64]>([:])
        private let asked = Atomic<Int>(0)

        /// How often the feed has asked.
        var askedCount: Int { asked.load(ordering: .relaxed) }

        func set(_ partition: Int32, _ next: Int64) { offsets.withLock { $0[partition] = next } }

        func read(_ topic: String) -> [KafkaPosition] {
            asked.wrappingAdd(1, ordering: .relaxed)
            return offsets.withLock { offsets in
                offsets.map { KafkaPosition(topic: topic, partition: $0.key, offset: $0.value) }
            }
        }
    }

    private final class SharedText: Sendable {
        private let text = Mutex("")
        var value: String { text.withLock { $0 } }
        func append(_ more: String) { text.withLock { $0 += more } }
    }

    init(_ brokers: String, topic: String) {
        kafka = KafkaFeedConfiguration(kafka: .test(brokers), topic: topic)
        box = FeedBox(topic: topic, intake: WakeUp())
    }

    deinit { stop.set() }

    var state: PartState? { health.report().tables["car"] }
    var logText: String { log.value }

    /// How often the feed has found something wrong, whether or not it said so.
    var troubleCount: Int { trace.value.split(separator: "\n").count { $0.contains("reason=") } }

    /// Reasons that were said again although the feed had not been up in between.
    var repeatedReasons: [Substring] {
        var said: Set<Substring> = []
        var repeated: [Substring] = []
        for line in logText.split(separator: "\n") {
            if line.contains("table feed up") { said.removeAll() }
            guard let reason = line.firstRange(of: "table feed down") else { continue }
            let text = line[reason.lowerBound...]
            if !said.insert(text).inserted { repeated.append(text) }
        }
        return repeated
    }

    /// The offsets of the records of one partition that were handed over.
    func offsets(_ partition: Int32 = 0) -> [Int64] {
        places.filter { $0.offset >= 0 && $0.partition == partition }.map(\.offset)
    }

    var caughtUpCount: Int { places.count { $0.kind == .caughtUp } }

    func start() {
        stop = StopSignal()
        let table = TableConfiguration(
            name: "car",
            key: ["id"],
            format: .rows(RowsFormatConfiguration()),
            feed: .kafka(kafka)
        )
        let logger = Logger(label: "feed") { [log, trace] label in
            MultiplexLogHandler(
                [(Logger.Level.info, log), (.debug, trace)]
                    .map { level, text in
                        LineLogHandler(
                            format: .text,
                            label: label,
                            level: level,
                            write: { text.append($0) },
                            now: { WallClock.now() }
                        )
                    }
            )
        }
        Thread { [kafka, box, positions, stop, health] in
            KafkaFeedLoop(
                table: table,
                kafka: kafka,
                gateway: "depot",
                box: box,
                positions: { positions.read(kafka.topic) },
                stop: stop,
                health: health,
                logger: logger,
                lookMilliseconds: 500
            )
            .run()
        }
        .start()
    }

    func end() { stop.set() }

    /// Takes what is in the box.
    func take() {
        while box.hasRecords {
            var batch = MessageBatch()
            box.take(into: &batch, feed: 0, limits: LimitsConfiguration(), at: WallClock.now())
            for message in batch.messages {
                guard let place = batch.record(of: message) else { continue }
                places.append(place)
                payloads.append(String(decoding: batch.bytes[message.payload], as: UTF8.self))
                keys.append(place.key.map { String(decoding: batch.bytes[$0], as: UTF8.self) })
            }
        }
    }

    /// Makes the positions of all that was taken durable.
    func commit() {
        for place in places where place.offset >= 0 {
            positions.set(place.partition, place.offset + 1)
        }
    }

    /// Forgets what was taken.
    func forget() {
        places = []
        payloads = []
        keys = []
    }

    /// Takes what comes until it is enough.
    func wait(_ what: String, seconds: Double = 60, _ condition: () -> Bool) async throws {
        try await until(
            what,
            seconds: seconds,
            explain: { "offsets \(self.places.map(\.offset)), \(self.logText)" }
        ) {
            take()
            return condition()
        }
    }
}
