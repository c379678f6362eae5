// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Testing

@testable import Gateway

@Suite struct GatewayMetricsTests {
    private let registry = PrometheusRegistry(helpTexts: MetricName.helpTexts)

    @Test(arguments: MetricName.allCases)
    func everyMetricHasAMeaningInOneSentence(name: MetricName) throws {
        let meaning = try #require(MetricName.meanings[name])
        #expect(meaning.hasSuffix("."))
    }

    // Goal: the names tell the kind. Method: make every metric and look at what is exposed.
    @Test func countersEndInTotalAndNothingElseDoes() {
        makeEveryMetric()
        let types = registry.exposition().split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
        #expect(types.count == MetricName.allCases.count)
        for type in types {
            let words = type.split(separator: " ")
            #expect(words[2].hasPrefix("gateway_"))
            #expect(words[2].hasSuffix("_total") == (words[3] == "counter"), "\(type)")
        }
    }

    @Test func everyExposedMetricHasAHelpLine() {
        makeEveryMetric()
        let lines = registry.exposition().split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("# HELP") } == MetricName.allCases.count)
    }

    @Test func handlesOfOneLaneCountUnderItsSinkAndStream() {
        let metrics = GatewayMetrics(factory: registry)
        metrics.lane(sink: "depot", stream: "outlier").deliveredEvents.increment(by: 12)
        metrics.lane(sink: "depot", stream: "outlier").deliveredEvents.increment(by: 1)

        let sample = "gateway_delivery_delivered_events_total{sink=\"depot\",stream=\"outlier\"} 13"
        #expect(registry.exposition().contains("\n\(sample)\n"))
    }

    @Test func evictionsAreToldApartByReason() {
        let stream = GatewayMetrics(factory: registry).stream("raw")
        stream.evictedByRetention.increment(by: 5)
        stream.evictedByBudget.increment(by: 2)

        let text = registry.exposition()
        let name = "gateway_stream_evicted_events_total"
        #expect(text.contains("\n\(name){reason=\"retention\",stream=\"raw\"} 5\n"))
        #expect(text.contains("\n\(name){reason=\"budget\",stream=\"raw\"} 2\n"))
    }

    @Test func alertsCostNothingBeforeTheyAreAskedFor() {
        let metrics = GatewayMetrics(factory: registry)
        #expect(!registry.exposition().contains("alert"))
        metrics.alert("headlights_left_on").transitions(to: "firing").increment()

        let labels = "{alert=\"headlights_left_on\",state=\"firing\"}"
        #expect(registry.exposition().contains("\ngateway_alert_transitions_total\(labels) 1\n"))
    }

    private func makeEveryMetric() {
        let metrics = GatewayMetrics(factory: registry)
        _ = metrics.source("depot")
        _ = metrics.deadLetters(source: "depot", reason: "syntax")
        _ = metrics.replays(result: "applied")
        _ = metrics.contractViolations(source: "depot", action: "flag")
        _ = metrics.schemaChanges(source: "depot", kind: "path_added")
        _ = metrics.stream("raw")
        _ = metrics.lane(sink: "cloud", stream: "raw")
        let sink = SinkConfiguration(
            name: "lake",
            transport: .kafka(KafkaConfiguration(brokers: [], group: "depot.lake")),
            streams: []
        )
        let lane = Lane(kind: .bulk, sink: sink, streams: [])
        _ = metrics.drainSeconds(lane)
        _ = metrics.kafka(lane)
        _ = metrics.alert("speeding").transitions(to: "firing")
        _ = metrics.table("car").changes(.upsert)
        _ = metrics.enrichmentFailures(source: "depot")
        _ = metrics.selectFailures(stream: "fast")
        _ = metrics.certificateExpiryDays(file: "gateway.crt")
        _ = metrics.httpRequests(route: "/metrics", status: 200)
    }
}
