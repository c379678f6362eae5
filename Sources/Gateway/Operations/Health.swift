// SPDX-License-Identifier: Apache-2.0
// What the parts of the gateway say about themselves, for `/healthz`, `/readyz` and the watchdog.
//
// A part reports a change when it happens; nothing here asks or polls. The sources, sinks and
// tables are declared at the start, each as not yet up, so that the gateway can't be ready before every
// source has spoken.

import Synchronization

/// The state of every part, safe to report to and to ask from any thread.
final class Health: Sendable {
    /// How long the intake loop may stand still before the process counts as stalled.
    ///
    /// The loop reports at least once a second even when idle, so low traffic is no standstill.
    static let intakeStallSecondsMax: Double = 30

    private let parts: Mutex<Parts>
    private let progressNanoseconds: Atomic<UInt64>
    private let progressCount = Atomic<UInt64>(0)
    private let now: @Sendable () -> UInt64

    /// Creates the health of a gateway with these sources, sinks and tables.
    ///
    /// - Parameters:
    ///   - sources: The names of all sources in the configuration.
    ///   - sinks: The names of all sinks in the configuration.
    ///   - tables: The names of all tables in the configuration.
    ///   - now: A monotonic clock in nanoseconds.
    init(
        sources: [String],
        sinks: [String],
        tables: [String] = [],
        now: @escaping @Sendable () -> UInt64 = Health.monotonicNanoseconds
    ) {
        let silent = PartState.down(reason: "not connected yet")
        parts = Mutex(
            Parts(
                log: .down(reason: "not opened yet"),
                sources: Dictionary(sources.map { ($0, silent) }) { first, _ in first },
                sinks: Dictionary(sinks.map { ($0, silent) }) { first, _ in first },
                tables: Dictionary(tables.map { ($0, silent) }) { first, _ in first }
            )
        )
        progressNanoseconds = Atomic(now())
        self.now = now
    }

    /// Says that the session of a source is up.
    func sourceIsUp(_ name: String) {
        parts.withLock { $0.sources[name] = .up }
    }

    /// Says that the session of a source is down, and why.
    func sourceIsDown(_ name: String, because reason: String) {
        parts.withLock { $0.sources[name] = .down(reason: reason) }
    }

    /// Says that a sink's far side is connected.
    func sinkIsUp(_ name: String) {
        parts.withLock { $0.sinks[name] = .up }
    }

    /// Says that a sink's far side is away, and why.
    func sinkIsDown(_ name: String, because reason: String) {
        parts.withLock { $0.sinks[name] = .down(reason: reason) }
    }

    /// Says that a table's feed is heard.
    func tableIsUp(_ name: String) {
        parts.withLock { $0.tables[name] = .up }
    }

    /// Says that a table's feed is not heard, and why.
    func tableIsDown(_ name: String, because reason: String) {
        parts.withLock { $0.tables[name] = .down(reason: reason) }
    }

    /// Whether a table's feed is heard.
    func isTableUp(_ name: String) -> Bool {
        parts.withLock { $0.tables[name] == .up }
    }

    /// Says that the log takes commits.
    func logIsWritable() {
        parts.withLock { $0.log = .up }
    }

    /// Says that a commit failed, and why.
    func logIsNotWritable(because reason: String) {
        parts.withLock { $0.log = .down(reason: reason) }
    }

    /// Says why there are too many dead letters; `nil` when there are not.
    func deadLetters(_ trouble: String?) {
        parts.withLock { $0.deadLetters = trouble.map { .down(reason: $0) } ?? .up }
    }

    /// Says that the intake loop has gone round.
    ///
    /// The loop says so after each batch, and at least once a second when it is idle or waits for a
    /// broker to come back. No lock is taken.
    func intakeProgressed() {
        progressNanoseconds.store(now(), ordering: .relaxed)
        progressCount.wrappingAdd(1, ordering: .relaxed)
    }

    /// How often the intake loop has gone round; the watchdog compares it with what it saw before.
    var intakeProgressCount: UInt64 {
        progressCount.load(ordering: .relaxed)
    }

    /// Returns the state of all parts at this moment.
    func report() -> HealthReport {
        let parts = parts.withLock { $0 }
        let progressed = progressNanoseconds.load(ordering: .relaxed)
        // A report of progress may come between the two readings of the clock.
        let current = max(now(), progressed)
        return HealthReport(
            secondsSinceProgress: Double(current - progressed) / 1_000_000_000,
            log: parts.log,
            sources: parts.sources,
            sinks: parts.sinks,
            tables: parts.tables,
            deadLetters: parts.deadLetters
        )
    }

    /// The time since some fixed moment, without the time that the machine was suspended.
    static func monotonicNanoseconds() -> UInt64 {
        let (seconds, attoseconds) = clockStart.duration(to: .now).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    private static let clockStart = SuspendingClock.now
}

/// Whether a part does its work, and if not, why.
enum PartState: Equatable, Sendable {
    case up
    case down(reason: String)
}

/// What was reported last.
private struct Parts {
    var log: PartState
    var sources: [String: PartState]
    var sinks: [String: PartState]
    var tables: [String: PartState]
    var deadLetters = PartState.up
}
