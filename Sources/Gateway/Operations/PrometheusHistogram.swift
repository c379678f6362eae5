// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization

/// How often values fell into each bucket, and their sum.
///
/// Recording touches one bucket and the sum. The buckets are added up (Prometheus wants them
/// cumulative) and counted when somebody scrapes, so `_count` always equals the `+Inf` bucket. The
/// sum may be a few values ahead of or behind the buckets, as in every lock-free histogram.
final class PrometheusHistogram: TimerHandler, RecorderHandler, PrometheusSeries {
    /// Upper bounds for durations: 0.5 ms to 10 s.
    static let secondsBounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    /// Upper bounds for counts, such as the messages of a batch: 1 to 5,000.
    static let countBounds: [Double] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000,
    ]

    static let kind = MetricKind.histogram
    let identity: SeriesIdentity
    private let bounds: [Double]
    /// One more than bounds: the last bucket takes what is above all of them.
    private let buckets: [Bucket]
    private let sum = Atomic<Double>(0)

    /// Creates an empty histogram; the bounds are upper bounds, inclusive, in ascending order.
    init(identity: SeriesIdentity, bounds: [Double]) {
        precondition(
            zip(bounds, bounds.dropFirst()).allSatisfy(<),
            "histogram bounds must ascend"
        )
        self.identity = identity
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in Bucket() }
    }

    /// Records a duration; a negative one (a clock was set back) counts as zero.
    func recordNanoseconds(_ duration: Int64) {
        record(Double(max(0, duration)) / 1_000_000_000)
    }

    /// Records a whole number.
    func record(_ value: Int64) {
        record(Double(value))
    }

    /// Records a number; NaN is ignored, because it would spoil the sum for good.
    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        buckets[index].count.wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    /// Appends the cumulative buckets, the sum and the count.
    func appendSamples(to text: inout String) {
        var cumulative: Int64 = 0
        for (index, bucket) in buckets.enumerated() {
            cumulative += bucket.count.load(ordering: .relaxed)
            let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
            PrometheusText.appendSample(
                identity,
                suffix: "_bucket",
                extraLabel: "le=\"\(bound)\"",
                "\(cumulative)",
                to: &text
            )
        }
        let total = PrometheusText.number(sum.load(ordering: .relaxed))
        PrometheusText.appendSample(identity, suffix: "_sum", total, to: &text)
        PrometheusText.appendSample(identity, suffix: "_count", "\(cumulative)", to: &text)
    }
}

/// A bucket is an object because an array can't hold an `Atomic` itself.
private final class Bucket: Sendable {
    let count = Atomic<Int64>(0)
}
