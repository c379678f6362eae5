// SPDX-License-Identifier: Apache-2.0
// The series of the registry: one object per metric name and set of labels, updated without locks.

import CoreMetrics
import Synchronization

/// The kinds of metric that the gateway exposes, under Prometheus's own names.
enum MetricKind: String {
    case counter
    case gauge
    case histogram
}

/// The metric name and labels of one series, both in canonical form.
struct SeriesIdentity: Sendable, Equatable {
    let name: String
    /// `sink="depot",stream="outlier"`: sorted by label name, escaped, without braces.
    let labels: String

    /// Creates the canonical identity, in which the order of the dimensions makes no difference.
    init(label: String, dimensions: [(String, String)]) {
        name = PrometheusText.metricName(label)
        labels = PrometheusText.labels(dimensions)
    }
}

/// Values that are updated by many threads and printed by a scrape.
protocol PrometheusSeries: AnyObject, Sendable {
    /// What the TYPE line says.
    static var kind: MetricKind { get }

    /// The name and labels under which the registry keeps this series.
    var identity: SeriesIdentity { get }

    /// Appends this series' sample lines.
    func appendSamples(to text: inout String)
}

/// A whole number that only grows.
final class PrometheusCounter: CounterHandler, PrometheusSeries {
    static let kind = MetricKind.counter
    let identity: SeriesIdentity
    private let value = Atomic<Int64>(0)

    /// Creates a counter that stands at zero.
    init(identity: SeriesIdentity) {
        self.identity = identity
    }

    /// Adds an amount; a negative one is ignored, because a counter never falls.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.wrappingAdd(amount, ordering: .relaxed)
    }

    /// Sets the counter back to zero, which Prometheus takes for a restart.
    func reset() {
        value.store(0, ordering: .relaxed)
    }

    /// Appends the one sample of a counter.
    func appendSamples(to text: inout String) {
        PrometheusText.appendSample(identity, "\(value.load(ordering: .relaxed))", to: &text)
    }
}

/// A number with a fraction that only grows.
final class PrometheusFloatingPointCounter: FloatingPointCounterHandler, PrometheusSeries {
    static let kind = MetricKind.counter
    let identity: SeriesIdentity
    private let value = Atomic<Double>(0)

    /// Creates a counter that stands at zero.
    init(identity: SeriesIdentity) {
        self.identity = identity
    }

    /// Adds an amount; one that is negative or not finite is ignored.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.add(amount)
    }

    /// Sets the counter back to zero, which Prometheus takes for a restart.
    func reset() {
        value.store(0, ordering: .relaxed)
    }

    /// Appends the one sample of a counter.
    func appendSamples(to text: inout String) {
        let number = PrometheusText.number(value.load(ordering: .relaxed))
        PrometheusText.appendSample(identity, number, to: &text)
    }
}

/// A number that goes up and down.
final class PrometheusGauge: MeterHandler, RecorderHandler, PrometheusSeries {
    static let kind = MetricKind.gauge
    let identity: SeriesIdentity
    private let value = Atomic<Double>(0)

    /// Creates a gauge that stands at zero.
    init(identity: SeriesIdentity) {
        self.identity = identity
    }

    /// Sets the gauge to a whole number.
    func set(_ newValue: Int64) { set(Double(newValue)) }

    /// Sets the gauge; NaN says that the value is not known.
    func set(_ newValue: Double) { value.store(newValue, ordering: .relaxed) }

    /// Raises the gauge.
    func increment(by amount: Double) { value.add(amount) }

    /// Lowers the gauge.
    func decrement(by amount: Double) { value.add(-amount) }

    /// Sets the gauge to a whole number, for a recorder that doesn't aggregate.
    func record(_ newValue: Int64) { set(newValue) }

    /// Sets the gauge, for a recorder that doesn't aggregate.
    func record(_ newValue: Double) { set(newValue) }

    /// Appends the one sample of a gauge.
    func appendSamples(to text: inout String) {
        let number = PrometheusText.number(value.load(ordering: .relaxed))
        PrometheusText.appendSample(identity, number, to: &text)
    }
}

extension Atomic where Value == Double {
    /// Adds without a lock: there is no atomic floating-point add, so it compares and exchanges.
    borrowing func add(_ amount: Double) {
        var expected = load(ordering: .relaxed)
        while true {
            let (exchanged, original) = weakCompareExchange(
                expected: expected,
                desired: expected + amount,
                ordering: .relaxed
            )
            if exchanged { return }
            expected = original
        }
    }
}
