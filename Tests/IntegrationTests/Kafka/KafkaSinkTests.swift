// SPDX-License-Identifier: Apache-2.0
// Goal: five lines of configuration bring the streams into Kafka. Method: a real Kafka-wire broker,
// read by kcat.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct KafkaSinkTests {
        @Test(
            "events arrive once, keyed by vehicle, with headers and event time",
            arguments: [
                "exactly_once", "at_least_once",
            ]
        )
        func eventsArrive(delivery: String) async throws {
            let depot = try LocalDepot.test()
            let kafka = try KafkaBroker.test(depot)
            defer { depot.close() }
            defer { kafka.stop() }
            try depot.startBroker()
            try kafka.start()
            let sink = GatewayFile.kafkaSink(kafka.address, lines: ["delivery: \(delivery)"])
            try depot.configure(GatewayFile(sinks: [sink]))
            try await depot.runGateway()
            let start: Int64 = 1_700_000_000_000
            try depot.publish(
                (1...100).map { .state("car-\($0 % 3)", $0, time: start + Int64($0)) }
            )
            let forgotten = TestMessage.state(
                "car-1",
                101,
                ignition: "off",
                headlights: true,
                speed: 0,
                time: start + 200
            )
            try depot.publish([forgotten])
            try await until("all are in Kafka", explain: { depot.explanation }) {
                try kafka.records("iot.enriched").count >= 101
                    && !kafka.records("iot.outlier").isEmpty
            }
            let records = try kafka.records("iot.enriched")
            #expect(records.count == 101)
            for car in ["car-0", "car-1", "car-2"] {
                let own = records.filter { $0.key == car }
                #expect(own.compactMap(\.number) == own.compactMap(\.number).sorted())
                #expect(Set(own.map(\.partition)).count == 1)
            }
            let first = try #require(records.first { $0.number == 1 })
            #expect(first.timestamp == start + 1)
            #expect(
                first.headers == [
                    "gateway": "depot-1", "stream": "enriched", "offset": "1",
                    "event_time": "\(start + 1)", "schema_version": "1",
                ]
            )
            let outlier = try #require(kafka.records("iot.outlier").first)
            #expect(outlier.key == "car-1")
            #expect(outlier.headers["alert"] == "headlights_left_on")
            #expect(outlier.object["state"] as? String == "firing")
        }

        @Test(
            "signals are nested on their way out, over MQTT and into Kafka, when the stream says so"
        )
        func layoutIsMadeOnTheWayOut() async throws {
            let depot = try LocalDepot.test()
            let kafka = try KafkaBroker.test(depot)
            defer { depot.close() }
            defer { kafka.stop() }
            try depot.startBroker()
            try kafka.start()
            let lake = GatewayFile.kafkaSink(
                kafka.address,
                lines: ["streams: {enriched: {layout: nested}}"]
            )
            let streams = """
                enriched: { topic: "fleet/enriched/{vehicle}", layout: nested }
                """
            try depot.configure(
                GatewayFile(sinks: [lake, GatewayFile.sink(streams: streams)])
            )
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/enriched/#"]
            )
            defer { seen.close() }
            try await depot.runGateway()
            let payload = #"{"v":{"tyres":[{"bar":2.5},{"bar":18446744073709551615}]},"n":1}"#
            try depot.publish([TestMessage("fleet/car-1/state", payload)])
            try await until("it is everywhere", explain: { depot.explanation }) {
                try seen.count() == 1 && kafka.records("iot.enriched").count == 1
            }
            let signals = #""signals":\#(payload)"#
            let nested = try #require(seen.messages("fleet/enriched/car-1").first)
            #expect(nested.text.contains(signals))
            #expect(try kafka.records("iot.enriched").first?.payload == nested.text)
            // The log has them flat.
            let logged = try #require(depot.events("enriched").first?.payload)
            #expect(logged.contains(#""v.tyres.1.bar":18446744073709551615"#))
        }
    }
}
