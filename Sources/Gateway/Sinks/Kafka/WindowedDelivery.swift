// SPDX-License-Identifier: Apache-2.0
// at_least_once: an idempotent producer with a window of events under way. The cursor moves over the
// contiguous prefix of those that have arrived; a crash sends the rest again.
import CoreMetrics

/// Delivers with a window; belongs to its lane's loop.
final class WindowedDelivery: KafkaDelivery {
    private let lane: KafkaLane
    private var limit: RateLimit?
    private var windows: [DeliveryWindow] = []
    /// When each event under way had come in, by its tag.
    private var arrivals: [Int64: Timestamp] = [:]
    private var mayHaveMore = true
    /// The first error since the last rewind: nothing more is sent until all under way have a fate.
    private var failure: (tag: Int64, error: KafkaError)?
    /// After a refusal events go one by one up to this one, so that the guilty is found alone.
    private var alone: Int64?

    init(_ lane: KafkaLane, limit: RateLimit?) {
        self.lane = lane
        self.limit = limit
        lane.link.onDelivered = { [unowned self] tag, error in delivered(tag, error) }
    }

    var places: [(cursor: Int64, inFlight: Int)] { windows.map { ($0.cursor, $0.inFlightCount) } }

    func begin() throws {
        if windows.isEmpty {
            windows = try lane.localCursors().map { DeliveryWindow(cursor: $0) }
        }
        rewind()
    }

    func lookAgain(now: Timestamp) { mayHaveMore = true }

    func waitMilliseconds(now: Timestamp) -> Int64 {
        // Room for more comes with a report, which wakes the lane; only the limit passes by itself.
        guard mayHaveMore, let wait = limit?.waitMilliseconds, wait > 0 else { return 1_000 }
        return wait
    }

    func step(now: Timestamp) throws -> Bool {
        guard failure == nil else {
            guard arrivals.isEmpty else { return false }
            try recover()
            return true
        }
        guard mayHaveMore, let producer = lane.link.producer else { return false }
        var room = (alone == nil ? lane.window : 1) - arrivals.count
        if let allowance = limit?.allowance(now: now) { room = min(room, allowance) }
        var isLast = true
        for (index, stream) in lane.streams.enumerated() {
            guard room > 0 else {
                isLast = false
                break
            }
            var count = 0
            let isEnd = try lane.reader.visit(
                stream.stream,
                after: windows[index].sent,
                count: room,
                bytesMax: KafkaLane.readBytes
            ) { row in
                count += 1
                let tag = KafkaLane.tag(index, row.offset)
                if let error = stream.produce(row, to: producer, tag: tag) {
                    guard error.isQueueFull || error.isAboutRecord else { throw error }
                    if error.isAboutRecord { failure = (tag, error) }
                    room = 0
                    return false
                }
                windows[index].send(row.offset)
                arrivals[tag] = row.arrival
                room -= 1
                return true
            }
            limit?.take(count)
            if !isEnd { isLast = false }
        }
        mayHaveMore = !isLast
        return failure != nil && arrivals.isEmpty
    }

    private func delivered(_ tag: Int64, _ error: KafkaError?) {
        guard let arrival = arrivals.removeValue(forKey: tag) else { return }
        mayHaveMore = true
        let (index, offset) = KafkaLane.place(of: tag)
        if let error {
            failure = failure ?? (tag, error)
            return
        }
        lane.report.delivered(index, arrival: arrival, now: WallClock.now())
        if windows[index].acknowledge(offset) {
            lane.report.cursorMoved(index, to: windows[index].cursor)
        }
        if alone == tag { alone = nil }
        lane.link.works()
    }

    /// Nothing is under way any more: goes back to the first event that has not arrived.
    private func recover() throws {
        guard let (tag, error) = failure else { return }
        let (index, offset) = KafkaLane.place(of: tag)
        let wasAlone = alone != nil || windows[index].sent < offset
        rewind()
        guard error.isAboutRecord else { throw error }
        // A broker refuses the whole request for one record in it: alone, it is the one.
        guard wasAlone else {
            alone = max(alone ?? tag, tag)
            return
        }
        try lane.refuse(index, offset, because: error)
        windows[index].send(offset)
        if windows[index].acknowledge(offset) {
            lane.report.cursorMoved(index, to: offset)
        }
        if alone == tag { alone = nil }
    }

    func rewind() {
        for index in windows.indices {
            let count = Int64(windows[index].inFlightCount)
            lane.report.metrics[index].retriedEvents.increment(by: count)
            windows[index].rewind()
        }
        arrivals.removeAll()
        failure = nil
        mayHaveMore = true
    }

    /// Waits for what is under way; false when some of it still is.
    func settle() throws -> Bool {
        guard let producer = lane.link.producer else { return true }
        return arrivals.isEmpty || producer.flush(milliseconds: 5_000)
    }
}
