// SPDX-License-Identifier: Apache-2.0
// Goal: whatever crashes, expires or is restored, a lane never goes on behind an event that Kafka
// does not have. Method: a log and a Kafka that only count; cursors are compared after each mishap.
import Testing

@testable import Gateway

/// A log, its lane and Kafka, as far as cursors go.
private struct World {
    struct Log {
        var id: String
        /// The event at each offset, from 1 on; no two in the world are the same.
        var events: [Int] = []
        /// The cursor that is on disk.
        var cursor: Int64 = 0

        var head: Int64 { Int64(events.count) }
    }

    struct Cluster {
        /// How often each event has arrived.
        var arrivals: [Int: Int] = [:]
        var committed = KafkaPosition(topic: "iot.raw")
    }

    var log = Log(id: "log-0")
    var kafka = Cluster()
    /// Where the running lane is.
    private(set) var cursor: Int64 = 0
    private var eventCount = 0
    private var logCount = 0

    mutating func append(_ count: Int) {
        log.events += Array(eventCount..<eventCount + count)
        eventCount += count
    }

    /// One transaction: the events and the cursor behind them arrive together.
    mutating func deliver(_ count: Int) {
        let end = min(log.head, cursor + Int64(count))
        guard end > cursor else { return }
        for event in log.events[Int(cursor)..<Int(end)] { kafka.arrivals[event, default: 0] += 1 }
        kafka.committed.offset = end + 1
        kafka.committed.metadata = KafkaCursor.metadata(logID: log.id, arrival: arrival(of: end))
        cursor = end
    }

    /// Each event comes in at a time of its own.
    private func arrival(of offset: Int64) -> Timestamp {
        Timestamp(milliseconds: Int64(log.events[Int(offset) - 1]))
    }

    /// The intake writes the lane's cursor into the log, a while after it has moved.
    mutating func saveCursor() {
        log.cursor = cursor
    }

    /// The lane starts, or starts again after a crash.
    @discardableResult
    mutating func start() -> KafkaCursor.Finding {
        let found = KafkaCursor(
            local: log.cursor,
            committed: kafka.committed,
            head: log.head,
            logID: log.id,
            arrival: { $0 > 0 ? arrival(of: $0) : nil }
        )
        cursor = found.offset
        return found.finding
    }

    /// The data directory is empty, and the lane starts.
    mutating func replaceLog() {
        logCount += 1
        log = Log(id: "log-\(logCount)")
        start()
    }

    /// The data directory is that of a backup, and the lane starts.
    mutating func restore(_ backup: Log) {
        log = backup
        start()
        // Should Kafka lose events next, its word must be about this log's: two backups in a row, one
        // of each side, tell nothing.
        append(1)
        deliver(100_000)
    }

    /// The cluster is that of a backup, and the lane starts.
    mutating func restore(_ backup: Cluster) {
        kafka = backup
        start()
        saveCursor()
    }

    /// The group was silent for longer than `offsets.retention.minutes`.
    mutating func expireOffsets() {
        kafka.committed = KafkaPosition(topic: kafka.committed.topic)
    }

    /// Every event that the lane won't send any more is at Kafka.
    var skipsNothing: Bool {
        guard (0...log.head).contains(cursor) else { return false }
        return log.events[..<Int(cursor)].allSatisfy { kafka.arrivals[$0] != nil }
    }

    var isDelivered: Bool { log.events.allSatisfy { kafka.arrivals[$0] != nil } }
}

@Suite struct KafkaCursorModelTests {
    @Test(arguments: 1...10)
    func crashesAloneNeitherSkipNorRepeatAnEvent(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var world = World()
        for _ in 0..<1_000 {
            switch random.int(0...9) {
            case 0..<3: world.append(random.int(1...5))
            case 3..<6: world.deliver(random.int(1...8))
            case 6..<8: world.saveCursor()
            default:
                let finding = world.start()
                #expect(finding == .agreed || finding == .kafkaIsAhead)
                #expect(world.cursor == Int64(world.kafka.arrivals.count))
                #expect(world.skipsNothing)
            }
        }
        world.deliver(100_000)
        #expect(world.isDelivered)
        #expect(world.kafka.arrivals.values.allSatisfy { $0 == 1 })
    }

    @Test(arguments: 1...20)
    func mishapsMayRepeatEventsButSkipNone(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var world = World()
        var logBackup = world.log
        var clusterBackup = world.kafka
        for _ in 0..<800 {
            switch random.int(0...99) {
            case 0..<30: world.append(random.int(1...5))
            case 30..<60: world.deliver(random.int(1...8))
            case 60..<75: world.saveCursor()
            case 75..<79: logBackup = world.log
            case 79..<83: clusterBackup = world.kafka
            case 83..<87: world.expireOffsets()
            case 87..<89: world.replaceLog()
            case 89..<93:
                world.restore(logBackup)
                // One side at a time: an older cluster belongs to the log that was lost.
                clusterBackup = world.kafka
            case 93..<97:
                // Where Kafka has lost events, only its own word about this log tells which.
                guard clusterBackup.committed.metadata.hasPrefix(world.log.id + "/") else {
                    continue
                }
                world.restore(clusterBackup)
                logBackup = world.log
            default: break
            }
            guard random.oneIn(4) else { continue }
            world.start()
            #expect(world.skipsNothing)
        }
        world.start()
        #expect(world.skipsNothing)
        world.deliver(100_000)
        #expect(world.isDelivered)
    }

    @Test func restoredLogIsTakenUpAtItsOwnCursor() {
        var world = World()
        world.append(5)
        world.deliver(3)
        world.saveCursor()
        let backup = world.log
        world.append(5)
        world.deliver(10)
        world.log = backup
        #expect(world.start() == .logWasRestored)
        #expect(world.cursor == 3)
        world.append(3)
        world.deliver(8)
        #expect(world.isDelivered)
        #expect(world.start() == .kafkaIsAhead)
        #expect(world.skipsNothing)
    }

    // The restored log gives the offsets behind its head to other events, and may pass Kafka's cursor
    // before the lane asks, as while no broker can be reached.
    @Test func restoredLogMayGrowBeforeTheLaneStarts() {
        var world = World()
        world.append(5)
        world.deliver(5)
        world.saveCursor()
        let backup = world.log
        world.append(5)
        world.deliver(5)
        world.log = backup
        world.append(8)
        #expect(world.start() == .logWasRestored)
        #expect(world.skipsNothing)
    }
}
