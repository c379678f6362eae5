// SPDX-License-Identifier: Apache-2.0
// What a lane says about itself: up and down, once each; what its far side refuses; how much waits.
import CoreMetrics
import Logging

/// The voice of one lane; belongs to its loop.
final class LaneReport: LinkReport {
    let logger: Logger
    /// By stream, in the lane's order.
    let metrics: [LaneMetrics]
    private let lane: Lane
    private let health: Health
    private let inbox: LogInbox
    private let reader: LogReader
    private var downReason: String?
    private var observedAt = Timestamp.distantPast
    private var drain = DrainProgress()
    private let drainSeconds: Meter

    init(_ context: LaneContext, reader: LogReader) {
        lane = context.lane
        health = context.health
        inbox = context.inbox
        self.reader = reader
        var logger = context.logger
        logger[metadataKey: LogKeys.sink] = "\(lane.sink.name)"
        logger[metadataKey: LogKeys.lane] = "\(lane.kind.rawValue)"
        self.logger = logger
        drainSeconds = context.metrics.drainSeconds(context.lane)
        metrics = lane.streams.map {
            context.metrics.lane(sink: context.lane.sink.name, stream: $0.stream)
        }
    }

    // Up and down.

    var isUp: Bool { downReason == nil && hasSpoken }
    private var hasSpoken = false

    /// The far side takes events.
    func up() {
        if !isUp { logger.notice("sink up") }
        downReason = nil
        hasSpoken = true
        health.sinkIsUp(lane.name)
        for metrics in metrics { metrics.connected.set(1) }
    }

    /// The far side does not; says why once, and again only when the reason changes.
    func down(because reason: String) {
        for metrics in metrics { metrics.connected.set(0) }
        health.sinkIsDown(lane.name, because: reason)
        guard downReason != reason else { return }
        downReason = reason
        logger.warning("sink down", metadata: [LogKeys.reason: "\(reason)"])
    }

    // Events.

    func delivered(_ index: Int, arrival: Timestamp, now: Timestamp) {
        metrics[index].deliveredEvents.increment()
        metrics[index].latencySeconds.recordNanoseconds(max(0, now - arrival) * 1_000_000)
    }

    /// The far side will never take this event: it becomes a dead letter.
    ///
    /// Gives the number under which the inbox knows it.
    @discardableResult
    func refuse(_ event: StoredEvent, _ index: Int, because reason: String) -> UInt64 {
        let stream = lane.streams[index].stream
        metrics[index].refusedEvents.increment()
        logger.warning(
            "event refused",
            metadata: [
                LogKeys.stream: "\(stream)", LogKeys.offset: "\(event.offset)",
                LogKeys.reason: "\(reason)",
            ]
        )
        return inbox.refuse(
            RefusedEvent(
                sink: lane.sink.name,
                stream: stream,
                event: event,
                reason: "can't be delivered: \(reason)"
            )
        )
    }

    func cursorMoved(_ index: Int, to offset: Int64) {
        inbox.move(sink: lane.sink.name, stream: lane.streams[index].stream, to: offset)
    }

    // What waits.

    /// Measures once a second how much waits in each stream, and for how long the first of it has.
    func observe(_ places: () -> [(cursor: Int64, inFlight: Int)]) {
        let uptime = WallClock.uptime()
        guard uptime - observedAt >= 1_000 else { return }
        observedAt = uptime
        let now = WallClock.now()
        var waiting: Int64 = 0
        for (index, place) in places().enumerated() {
            let stream = lane.streams[index].stream
            let backlog = max(0, (try? reader.count(of: stream, after: place.cursor)) ?? 0)
            let oldest = try? reader.read(stream, after: place.cursor, count: 1, bytesMax: 1)
            let waits = oldest?.first.map { Double(now - $0.arrival) / 1_000 } ?? 0
            metrics[index].backlogEvents.set(Double(backlog))
            metrics[index].backlogSeconds.set(max(0, waits))
            metrics[index].inFlightEvents.set(Double(place.inFlight))
            waiting += backlog
        }
        drainSeconds.set(drain.observe(waiting: waiting, now: uptime))
        if let progress = drain.takeNews(now: uptime) { tell(progress) }
    }

    private func tell(_ news: DrainProgress.News) {
        switch news {
        case .draining(let events, let perSecond, let seconds):
            logger.notice(
                "draining a backlog",
                metadata: [
                    LogKeys.events: "\(events)", LogKeys.eventsPerSecond: "\(perSecond)",
                    LogKeys.secondsToGo: seconds.map { "\($0)" } ?? "unknown",
                ]
            )
        case .drained(let seconds):
            logger.notice("backlog drained", metadata: [LogKeys.seconds: "\(seconds)"])
        }
    }
}
