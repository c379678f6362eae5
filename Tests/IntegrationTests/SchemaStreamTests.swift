// SPDX-License-Identifier: Apache-2.0
// Goal: a firmware update that changes messages is told on the schema stream, and nothing stops.
// Method: publish as an updated vehicle over mutual TLS, watch the stream, kill the gateway in between.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct SchemaStreamTests {
        /// A gateway that knows schemas after few messages and delivers what it says of them.
        private func depot(burst: String) throws -> LocalDepot {
            let depot = try LocalDepot.test(vehicles: ["car-1", "car-2"])
            try depot.startBroker()
            var file = GatewayFile()
            file.sinks = [
                GatewayFile.sink(
                    streams: """
                        enriched: { topic: "fleet/enriched/{vehicle}" }
                        outlier: { topic: "fleet/outlier/{alert}/{vehicle}" }
                        schema: { topic: "fleet/schema/{vehicle}" }
                        """
                )
            ]
            file.rest += "\nschema: { learn: 20, burst: \(burst) }\n"
            try depot.configure(file)
            return depot
        }

        /// A state as an updated firmware sends it: one name is another, a number is a text.
        private func updated(_ number: Int, speed: String = "\"50 km/h\"") -> TestMessage {
            TestMessage(
                "fleet/car-2/state",
                """
                {"ts":\(WallClock.now().milliseconds),"sequence":\(number),"v":{"powertrain":{"ignition":\
                {"key":{"status":"run"}}},"chassis":{"motion":{"speed":{"kmh":\(speed)}}},"body":\
                {"lights":{"headlamp":{"status":false}}}}}
                """
            )
        }

        /// Watches, and waits until the gateway knows the schema of its two vehicles.
        private func learn(_ depot: LocalDepot) async throws -> Collector {
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/schema/#", "fleet/enriched/#"]
            )
            try await depot.runGateway()
            try depot.publish((1...60).map { .state("car-1", $0) }, as: depot.vehicle("car-1"))
            try depot.publish((1...60).map { .state("car-2", $0) }, as: depot.vehicle("car-2"))
            try await until("the schema is known") { seen.count("fleet/schema/") == 1 }
            #expect(
                seen.messages("fleet/schema/")[0].object["change"] as? String == "schema_learned"
            )
            return seen
        }

        private func kinds(_ event: [String: Any]) -> [String] {
            (event["changes"] as? [[String: Any]] ?? [])
                .map { "\($0["change"] ?? "") \($0["path"] ?? "")" }
        }

        private let expected = [
            "type_changed v.chassis.motion.speed.kmh", "likely_rename sequence",
        ]

        @Test("a firmware that renames and retypes is told in one event, and every message is kept")
        func firmwareUpdateIsTold() async throws {
            let depot = try depot(burst: "300ms")
            defer { depot.close() }
            let seen = try await learn(depot)
            defer { seen.close() }
            try depot.publish((61...80).map { updated($0) }, as: depot.vehicle("car-2"))
            try await until("the change is told") { seen.count("fleet/schema/") == 2 }
            let event = seen.messages("fleet/schema/")[1]
            #expect(event.topic == "fleet/schema/vehicles")
            #expect(kinds(event.object) == expected)
            #expect(event.object["vehicles"] as? [String] == ["car-2"])
            #expect(event.object["severity"] as? String == "critical")
            try await until("every message is enriched") { seen.count("fleet/enriched/") == 140 }
            #expect(try depot.events(StreamName.deadLetter).isEmpty)
            try await until("the changes are counted") {
                depot.metrics.value(
                    "gateway_schema_changes_total",
                    ["source": "vehicles", "kind": "type_changed"]
                ) == 1
            }
        }

        @Test("a burst that a kill interrupts is told after the restart, once")
        func killedBurstIsToldOnce() async throws {
            // Long enough that the kill comes first.
            let depot = try depot(burst: "8s")
            defer { depot.close() }
            let seen = try await learn(depot)
            defer { seen.close() }
            try depot.publish([updated(61)], as: depot.vehicle("car-2"))
            try await until("the message has taken effect") {
                seen.count("fleet/enriched/") == 121
            }
            depot.killGateway()
            try await depot.runGateway()
            // Counted in the log: what was delivered before the kill may be delivered again after it.
            try await until("the change is told") {
                try depot.events(StreamName.schema).count == 2
            }
            // The evidence of a rename was in memory; that the path is new was on disk.
            #expect(
                kinds(try depot.events(StreamName.schema)[1].object) == [
                    "type_changed v.chassis.motion.speed.kmh", "path_added sequence",
                ]
            )
            try depot.publish([updated(62)], as: depot.vehicle("car-2"))
            try await until("the next message is enriched") {
                try depot.events(StreamName.enriched).count == 122
            }
            #expect(try depot.events(StreamName.schema).count == 2)
        }
    }
}
