// SPDX-License-Identifier: Apache-2.0
// Every metric of the process lives here, in memory, until somebody scrapes it.
//
// Making a handler takes a lock and a dictionary look-up; using one is an atomic operation and
// nothing else. So handlers are made once, when a part is built, and held (see `GatewayMetrics`).

import CoreMetrics
import Synchronization

/// A swift-metrics back end that keeps all values and prints them in Prometheus's text format.
final class PrometheusRegistry: MetricsFactory {
    /// The HELP line of each metric, by name.
    private let helpTexts: [String: String]
    private let families = Mutex<[String: MetricFamily]>([:])

    /// Creates an empty registry that knows what its metrics mean.
    init(helpTexts: [String: String] = [:]) {
        self.helpTexts = helpTexts
    }

    /// Returns all metrics in Prometheus's text format 0.0.4, in the same order every time.
    func exposition() -> String {
        // The copy is cheap (copy on write) and keeps rendering out of the lock.
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.isEmpty {
            if let help = helpTexts[name] {
                text += "# HELP \(name) \(PrometheusText.escapedHelp(help))\n"
            }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (_, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.appendSamples(to: &text)
            }
        }
        return text
    }

    /// Returns the one series of this name and these labels, making it if there is none yet.
    private func series<Series: PrometheusSeries>(
        _ label: String,
        _ dimensions: [(String, String)],
        make: (SeriesIdentity) -> Series
    ) -> Series {
        let identity = SeriesIdentity(label: label, dimensions: dimensions)
        return families.withLock { families in
            var family = families[identity.name] ?? MetricFamily(kind: Series.kind)
            precondition(
                family.kind == Series.kind,
                "metric \(identity.name) is a \(family.kind) and can't be a \(Series.kind) too"
            )
            if let existing = family.series[identity.labels] {
                guard let series = existing as? Series else {
                    preconditionFailure("metric \(identity.name) was made with another number type")
                }
                return series
            }
            let series = make(identity)
            family.series[identity.labels] = series
            families[identity.name] = family
            return series
        }
    }

    /// Forgets a series, so that the next exposition leaves it out.
    private func remove(_ handler: AnyObject) {
        guard let series = handler as? any PrometheusSeries else { return }
        families.withLock { families in
            families[series.identity.name]?.series[series.identity.labels] = nil
        }
    }
}

// What swift-metrics asks of a back end.
extension PrometheusRegistry {
    /// Returns the counter of this name and these labels.
    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { PrometheusCounter(identity: $0) }
    }

    /// Returns the floating-point counter of this name and these labels.
    func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions) { PrometheusFloatingPointCounter(identity: $0) }
    }

    /// Returns the gauge of this name and these labels.
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { PrometheusGauge(identity: $0) }
    }

    /// Returns a histogram of counts if the recorder aggregates, otherwise a gauge.
    func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else {
            return series(label, dimensions) { PrometheusGauge(identity: $0) }
        }
        return series(label, dimensions) {
            PrometheusHistogram(identity: $0, bounds: PrometheusHistogram.countBounds)
        }
    }

    /// Returns the histogram of seconds of this name and these labels.
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions) {
            PrometheusHistogram(identity: $0, bounds: PrometheusHistogram.secondsBounds)
        }
    }

    /// Forgets a counter.
    func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    /// Forgets a floating-point counter.
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }

    /// Forgets a gauge.
    func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

    /// Forgets a gauge or a histogram of counts.
    func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    /// Forgets a histogram of seconds.
    func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}

/// All series of one metric name; they share its kind.
private struct MetricFamily {
    let kind: MetricKind
    /// By label text, which is canonical: see `SeriesIdentity`.
    var series: [String: any PrometheusSeries] = [:]

    var isEmpty: Bool { series.isEmpty }
}
