// SPDX-License-Identifier: Apache-2.0

/// How a backlog goes down: what waits, how fast it shrinks, and how long it will take.
struct DrainProgress {
    enum News: Equatable {
        /// `seconds` is `nil` while more comes in than goes out.
        case draining(events: Int64, perSecond: Int64, seconds: Int64?)
        case drained(seconds: Int64)
    }

    /// A backlog that is worth a word: more than a moment's events of a busy depot.
    static let worthEvents: Int64 = 20_000
    /// How often a long drain is told.
    private static let intervalMilliseconds: Int64 = 30_000

    private var last: (waiting: Int64, at: Timestamp)?
    /// Events a second by which the backlog shrinks, smoothed over some ten observations.
    private var shrinkingPerSecond = 0.0
    private var waiting: Int64 = 0
    private var startedAt: Timestamp?
    private var toldAt = Timestamp.distantPast

    /// Takes a measurement and tells in how many seconds nothing will wait; infinite if that is never.
    mutating func observe(waiting: Int64, now: Timestamp) -> Double {
        self.waiting = waiting
        defer { last = (waiting, now) }
        if waiting >= Self.worthEvents, startedAt == nil {
            startedAt = now
            // The first word comes when there is a rate to tell.
            toldAt = now + (5_000 - Self.intervalMilliseconds)
            shrinkingPerSecond = 0
        }
        guard let last, now > last.at else { return seconds }
        let rate = Double(last.waiting - waiting) * 1_000 / Double(now - last.at)
        shrinkingPerSecond += (rate - shrinkingPerSecond) * 0.2
        return seconds
    }

    /// What there is to say about the drain, if it is time to say something.
    mutating func takeNews(now: Timestamp) -> News? {
        guard let startedAt else { return nil }
        if waiting < Self.worthEvents / 10 {
            self.startedAt = nil
            return .drained(seconds: (now - startedAt) / 1_000)
        }
        guard now - toldAt >= Self.intervalMilliseconds else { return nil }
        toldAt = now
        return .draining(
            events: waiting,
            perSecond: Int64(shrinkingPerSecond),
            seconds: seconds.isFinite ? Int64(seconds.rounded(.up)) : nil
        )
    }

    private var seconds: Double {
        guard waiting > 0 else { return 0 }
        return shrinkingPerSecond >= 1 ? Double(waiting) / shrinkingPerSecond : .infinity
    }
}
