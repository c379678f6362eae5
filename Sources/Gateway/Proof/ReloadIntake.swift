// SPDX-License-Identifier: Apache-2.0
// What the intake loop does with vehicles' messages, and with a reload that comes in between; how long
// each turn took is how long the next message may have waited.
import Foundation

/// The turns of an intake loop without brokers, over a real log.
final class ReloadIntake {
    /// How long one turn took, in milliseconds.
    struct Turn: Sendable {
        var whole = 0.0
        /// In memory, and so independent of the disk.
        var processing = 0.0
        var committing = 0.0
        var checkpointing = 0.0
        /// Of rows that a reload has replaced.
        var deleting = 0.0
    }

    struct Reload {
        var seconds: Double
        var turns: [Turn]
        var swap: Turn
    }

    private static let messagesPerBatch = 16

    private let rig: JoinRig
    private let writer: LogWriter
    private var load: BenchmarkLoad
    private var messageCount = 0
    private var hasRetired = false

    init(_ rig: JoinRig) {
        guard let writer = rig.writer else { preconditionFailure("a reload is about the log") }
        self.rig = rig
        self.writer = writer
        load = BenchmarkLoad(vehicles: 2_000)
    }

    /// Each vehicle speaks once.
    func makeVehicles() throws {
        for batch in rig.messages(load.vehicles, from: &load, 1_000) {
            try rig.process(batch)
            writer.checkpointIfNeeded()
        }
        try writer.saveVehicles()
    }

    /// Turns with messages alone.
    func run(turns: Int) throws -> [Turn] {
        try (0..<turns).map { _ in try turn(MessageBatch()) }
    }

    /// Loads the reservations anew, as fast as intake takes them, until nothing of the old ones is left.
    func reload() throws -> Reload {
        let started = WallClock.monotonicNanoseconds()
        var turns = [try turn(rig.batch(of: [rig.border("begin")], 2))]
        let count = rig.sizes.reservations
        for first in stride(from: 0, to: count, by: TableFeeds.changesMax) {
            let rows = (first..<min(first + TableFeeds.changesMax, count))
                .map { rig.row(2, $0, "load") }
            turns.append(try turn(rig.batch(of: rows, 2)))
        }
        let swap = try turn(rig.batch(of: [rig.border("end")], 2))
        turns.append(swap)
        while hasRetired { turns.append(try turn(MessageBatch())) }
        return Reload(
            seconds: Double(WallClock.monotonicNanoseconds() - started) / 1e9,
            turns: turns,
            swap: swap
        )
    }

    /// One turn of the loop, with vehicles' messages behind the changes.
    private func turn(_ changes: MessageBatch) throws -> Turn {
        var batch = changes
        rig.append(messageCount..<messageCount + Self.messagesPerBatch, from: &load, to: &batch)
        messageCount += Self.messagesPerBatch
        var turn = Turn()
        func time(_ part: WritableKeyPath<Turn, Double>, _ body: () throws -> Void) throws {
            let started = WallClock.monotonicNanoseconds()
            try body()
            let milliseconds = Double(WallClock.monotonicNanoseconds() - started) / 1e6
            turn[keyPath: part] = milliseconds
            turn.whole += milliseconds
        }
        var outcome = Outcome()
        try time(\.processing) { outcome = rig.processor.process(batch, clock: nil) }
        try time(\.committing) {
            try writer.commit(outcome, of: batch, CommitExtras())
            if writer.isSnapshotDue { try writer.saveVehicles() }
        }
        try time(\.checkpointing) { writer.checkpointIfNeeded() }
        try time(\.deleting) {
            let isRetiring = [try rig.processor.deleteRetired(), try writer.deleteRetired()]
            hasRetired = isRetiring.contains(true)
        }
        return turn
    }
}

extension [ReloadIntake.Turn] {
    func milliseconds(_ part: KeyPath<Element, Double>) -> Percentiles {
        Percentiles(map { $0[keyPath: part] })
    }

    /// The longest of each part, for a person.
    var longest: String {
        let parts: [(String, KeyPath<Element, Double>)] = [
            ("processing", \.processing), ("commit", \.committing), ("checkpoint", \.checkpointing),
            ("deletion", \.deleting),
        ]
        return parts.map { "\($0) \(milliseconds($1).text(1)) ms" }.joined(separator: ", ")
    }
}
