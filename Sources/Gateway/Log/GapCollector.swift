// SPDX-License-Identifier: Apache-2.0
import Logging

/// Joins the chunks of one eviction for the disk budget into one gap, so that a thousand chunks do
/// not make a thousand gap events.
struct GapCollector {
    /// Chunks after which a gap is announced although it still grows.
    private static let chunksMax = 200

    private var gap: Eviction?
    private var chunks = 0

    var isOpen: Bool { gap != nil }

    /// Takes a chunk; retention is expected, and no gap.
    mutating func add(_ eviction: Eviction) {
        guard eviction.cause == .budget else { return }
        chunks += 1
        guard gap?.stream == eviction.stream else {
            // The stream changes only when the one before is empty: both are told in turn.
            waiting = gap
            gap = eviction
            return
        }
        gap?.lastOffset = eviction.lastOffset
        gap?.undelivered += eviction.undelivered
    }

    private var waiting: Eviction?

    /// A gap to announce, once it has stopped growing or has grown for long.
    mutating func take(isQuiet: Bool) -> Eviction? {
        if let waiting {
            self.waiting = nil
            return waiting
        }
        guard isQuiet || chunks >= Self.chunksMax, let gap else { return nil }
        self.gap = nil
        chunks = 0
        return gap
    }
}

extension Eviction {
    var logMetadata: Logger.Metadata {
        [
            LogKeys.stream: "\(stream)", LogKeys.count: "\(count)",
            LogKeys.reason: "\(cause.rawValue)", "undelivered": "\(undelivered)",
        ]
    }
}
