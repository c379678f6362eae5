// SPDX-License-Identifier: Apache-2.0

/// Which events of each stream one evaluation of a followed statement sees.
final class StreamBounds {
    /// Events a single evaluation sees of each stream: what a burst brings is evaluated in pieces.
    static let eventsMax: Int64 = 10_000

    /// One stream's part of an evaluation.
    struct Bound: Equatable {
        /// The last offset that was evaluated.
        var after: Int64
        /// The last offset of this evaluation.
        var upto: Int64
    }

    private var bounds: [String: Bound] = [:]

    /// Offsets of `stream` that the evaluation sees lie above this.
    func after(_ stream: String) -> Int64 { bounds[stream]?.after ?? 0 }

    /// Offsets of `stream` that the evaluation sees end here.
    func upto(_ stream: String) -> Int64 { bounds[stream]?.upto ?? 0 }

    /// Lets a stream begin behind an offset.
    func start(_ stream: String, after offset: Int64) {
        bounds[stream] = Bound(after: offset, upto: offset)
    }

    /// Takes the next piece of a stream whose events reach from `first` to `last`; tells how many
    /// were removed before they were evaluated.
    func extend(_ stream: String, first: Int64, last: Int64) -> Int64 {
        guard var bound = bounds[stream] else { return 0 }
        let missed = max(0, min(first - 1, last) - bound.after)
        bound.after += missed
        bound.upto = max(bound.after, min(last, bound.after + Self.eventsMax))
        bounds[stream] = bound
        return missed
    }

    /// Whether the piece of a stream holds anything.
    func hasEvents(_ stream: String) -> Bool { after(stream) < upto(stream) }

    /// What was extended is evaluated.
    func advance() {
        bounds = bounds.mapValues { Bound(after: $0.upto, upto: $0.upto) }
    }
}
