// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Testing

@testable import Gateway

@Suite struct PrometheusRegistryTests {
    @Test func emptyRegistryPrintsNothing() {
        #expect(PrometheusRegistry().exposition() == "")
    }

    @Test func metricsAndLabelsArePrintedInTheSameOrderHoweverTheyWereMade() {
        let registry = PrometheusRegistry(helpTexts: ["b_total": "What b means."])
        Counter(
            label: "b_total",
            dimensions: [("stream", "raw"), ("sink", "z")],
            factory: registry
        )
        .increment(by: 7)
        Counter(
            label: "b_total",
            dimensions: [("sink", "a"), ("stream", "raw")],
            factory: registry
        )
        .increment()
        Meter(label: "a", factory: registry).set(2.5)

        #expect(
            registry.exposition() == """
                # TYPE a gauge
                a 2.5
                # HELP b_total What b means.
                # TYPE b_total counter
                b_total{sink="a",stream="raw"} 1
                b_total{sink="z",stream="raw"} 7

                """
        )
    }

    @Test func handlesOfTheSameNameAndLabelsShareOneSeries() {
        let registry = PrometheusRegistry()
        let labels = [("source", "depot"), ("reason", "syntax")]
        Counter(label: "n_total", dimensions: labels, factory: registry).increment(by: 2)
        Counter(label: "n_total", dimensions: labels.reversed(), factory: registry)
            .increment(by: 3)

        #expect(
            registry.exposition().hasSuffix("\nn_total{reason=\"syntax\",source=\"depot\"} 5\n")
        )
    }

    @Test func counterIgnoresNegativeAmounts() {
        let registry = PrometheusRegistry()
        let whole = Counter(label: "whole_total", factory: registry)
        whole.increment(by: 4)
        whole.increment(by: -1)
        let fractional = FloatingPointCounter(label: "fractional_total", factory: registry)
        fractional.increment(by: 0.25)
        fractional.increment(by: -1.0)
        fractional.increment(by: Double.nan)

        let text = registry.exposition()
        #expect(text.contains("\nwhole_total 4\n"))
        #expect(text.contains("\nfractional_total 0.25\n"))
    }

    @Test func gaugeGoesUpAndDown() {
        let registry = PrometheusRegistry()
        let meter = Meter(label: "level", factory: registry)
        meter.set(10)
        meter.increment(by: 1.5)
        meter.decrement(by: 4.0)
        Recorder(label: "recorded", aggregate: false, factory: registry).record(3)

        let text = registry.exposition()
        #expect(text.contains("# TYPE level gauge\nlevel 7.5\n"))
        #expect(text.contains("# TYPE recorded gauge\nrecorded 3\n"))
    }

    @Test func timerIsAHistogramOfSeconds() {
        let registry = PrometheusRegistry()
        let timer = CoreMetrics.Timer(
            label: "t_seconds",
            dimensions: [("sink", "depot")],
            factory: registry
        )
        // On a bound (which is inclusive), between bounds, above all bounds, and negative.
        for nanoseconds: Int64 in [1_000_000, 30_000_000, 11_000_000_000, -5] {
            timer.recordNanoseconds(nanoseconds)
        }

        #expect(
            registry.exposition() == """
                # TYPE t_seconds histogram
                t_seconds_bucket{sink="depot",le="0.0005"} 1
                t_seconds_bucket{sink="depot",le="0.001"} 2
                t_seconds_bucket{sink="depot",le="0.0025"} 2
                t_seconds_bucket{sink="depot",le="0.005"} 2
                t_seconds_bucket{sink="depot",le="0.01"} 2
                t_seconds_bucket{sink="depot",le="0.025"} 2
                t_seconds_bucket{sink="depot",le="0.05"} 3
                t_seconds_bucket{sink="depot",le="0.1"} 3
                t_seconds_bucket{sink="depot",le="0.25"} 3
                t_seconds_bucket{sink="depot",le="0.5"} 3
                t_seconds_bucket{sink="depot",le="1"} 3
                t_seconds_bucket{sink="depot",le="2.5"} 3
                t_seconds_bucket{sink="depot",le="5"} 3
                t_seconds_bucket{sink="depot",le="10"} 3
                t_seconds_bucket{sink="depot",le="+Inf"} 4
                t_seconds_sum{sink="depot"} 11.031
                t_seconds_count{sink="depot"} 4

                """
        )
    }

    @Test func aggregatingRecorderIsAHistogramOfCounts() {
        let registry = PrometheusRegistry()
        let recorder = Recorder(label: "batch", aggregate: true, factory: registry)
        recorder.record(5)
        recorder.record(6_000)
        recorder.record(Double.nan)

        let text = registry.exposition()
        #expect(text.contains("\nbatch_bucket{le=\"2\"} 0\n"))
        #expect(text.contains("\nbatch_bucket{le=\"5\"} 1\n"))
        #expect(text.contains("\nbatch_bucket{le=\"5000\"} 1\n"))
        #expect(text.hasSuffix("batch_bucket{le=\"+Inf\"} 2\nbatch_sum 6005\nbatch_count 2\n"))
    }

    @Test func hostileNamesAndValuesCannotBreakTheFormat() {
        let registry = PrometheusRegistry(helpTexts: ["x_y": "one\ntwo \\ \"three\""])
        Meter(label: "x.y", dimensions: [("9 lives", "a\"b\\c\nd é")], factory: registry).set(1)

        #expect(
            registry.exposition() == #"""
                # HELP x_y one\ntwo \\ "three"
                # TYPE x_y gauge
                x_y{_9_lives="a\"b\\c\nd é"} 1

                """#
        )
    }

    @Test(arguments: [
        (0.0, "0"), (-3.0, "-3"), (0.1, "0.1"), (4_294_967_296.0, "4294967296"),
        (Double.nan, "NaN"), (Double.infinity, "+Inf"), (-Double.infinity, "-Inf"),
        (1e300, "1e+300"),
    ])
    func numberIsWrittenAsPrometheusReadsIt(value: Double, text: String) {
        #expect(PrometheusText.number(value) == text)
    }

    @Test func destroyedSeriesIsNoLongerPrinted() {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "gone_total", factory: registry)
        counter.increment()
        counter.destroy()

        #expect(registry.exposition() == "")
    }

    // Goal: no increment is lost between threads. Method: many tasks on the same handles, and
    // totals that only come out right if every update counted.
    @Test func concurrentUpdatesAreAllCounted() async {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "n_total", factory: registry)
        let fractional = FloatingPointCounter(label: "f_total", factory: registry)
        let recorder = Recorder(label: "size", aggregate: true, factory: registry)
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.increment(by: 3)
                        fractional.increment(by: 0.5)
                        recorder.record(4)
                    }
                }
            }
        }

        let text = registry.exposition()
        #expect(text.contains("\nn_total 24000\n"))
        #expect(text.contains("\nf_total 4000\n"))
        #expect(text.contains("\nsize_sum 32000\nsize_count 8000\n"))
    }

    @Test func oneNameOfTwoKindsIsAProgrammerError() async {
        await #expect(processExitsWith: .failure) {
            let registry = PrometheusRegistry()
            Counter(label: "same", dimensions: [("stream", "raw")], factory: registry).increment()
            Meter(label: "same", factory: registry).set(1)
        }
    }
}
