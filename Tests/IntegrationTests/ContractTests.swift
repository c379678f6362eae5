// SPDX-License-Identifier: Apache-2.0
// Goal: a contract holds from the configuration's file to the sink: what breaks it arrives as a dead
// letter, or flagged, and the metric counts it.
// Method: publish to two topics with the same schema and a choice each.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct ContractTests {
        @Test("what breaks a contract arrives as the contract's topic chose")
        func violationsArrive() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            let list = depot.folder + "/mosquitto.acl"
            let rights = try String(contentsOfFile: list, encoding: .utf8)
            try (rights + "\nuser gateway\ntopic write fleet/dead_letter/#\n")
                .write(toFile: list, atomically: true, encoding: .utf8)
            try depot.startBroker()
            try #"{"properties":{"v":{"maximum":250}},"required":["v"]}"#
                .write(toFile: depot.folder + "/state.json", atomically: true, encoding: .utf8)
            let topics = """
                - pattern: fleet/{vehicle}/state
                  contract: { schema: state.json, violations: dead_letter }
                - pattern: fleet/{vehicle}/trip
                  contract: { schema: state.json }
                """
            let sink = GatewayFile.sink(
                streams: """
                    enriched: { topic: "fleet/enriched/{vehicle}" }
                    dead_letter: { topic: "fleet/dead_letter/{vehicle}" }
                    """
            )
            try depot.configure(
                GatewayFile(sources: [GatewayFile.source(topics: topics)], sinks: [sink])
            )
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/dead_letter/#", "fleet/enriched/#"]
            )
            defer { seen.close() }
            try await depot.runGateway()
            try depot.publish([
                TestMessage("fleet/car-1/state", #"{"v":300}"#),
                TestMessage("fleet/car-1/trip", #"{"v":301}"#),
                TestMessage("fleet/car-1/state", #"{"v":80}"#),
            ])
            try await until("all three have come") { seen.count() == 3 }
            let letters = seen.all.filter { $0.topic == "fleet/dead_letter/car-1" }
            #expect(
                letters.map { $0.object["reason"] as? String }
                    == ["breaks its contract: /v: 300 is above the maximum 250"]
            )
            #expect(letters.first?.object["payload"] as? String == #"{"v":300}"#)
            let enriched = seen.all.filter { $0.topic == "fleet/enriched/car-1" }
            #expect(
                enriched.map { $0.object["violations"] as? [String] }
                    == [["/v: 301 is above the maximum 250"], nil]
            )
            let name = "gateway_contract_violations_total"
            #expect(depot.metrics.count(name, ["action": "dead_letter"]) == 1)
            #expect(depot.metrics.count(name, ["action": "flag"]) == 1)
            #expect(
                depot.metrics.count("gateway_source_dead_letters_total", ["reason": "contract"])
                    == 1
            )
        }
    }
}
