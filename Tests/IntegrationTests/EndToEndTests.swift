// SPDX-License-Identifier: Apache-2.0
// Goal: what vehicles say comes out as the configuration promises, over real brokers.
// Method: publish over mutual TLS, look with independent subscribers and into the database.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct EndToEndTests {
        @Test("nested state over mutual TLS comes out enriched, in order and numbered")
        func nestedStateBecomesEnriched() async throws {
            let depot = try LocalDepot.test(vehicles: ["car-1", "car-2"])
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/enriched/#"]
            )
            defer { seen.close() }
            try await depot.runGateway()
            for car in ["car-1", "car-2"] {
                try depot.publish(
                    (1...50)
                        .map { .state(car, $0, speed: $0, time: 1_700_000_000_000 + Int64($0)) },
                    as: depot.vehicle(car)
                )
            }
            try await until("100 enriched messages have come") { seen.count() == 100 }
            #expect(seen.all.compactMap { $0.object["offset"] as? Int } == Array(1...100))
            for car in ["car-1", "car-2"] {
                let messages = seen.messages("fleet/enriched/\(car)")
                let signals = messages.map { $0.object["signals"] as? [String: Any] ?? [:] }
                #expect(signals.map { $0["seq"] as? Int } == Array(1...50))
                #expect(signals.map { $0["speed_kmh"] as? Double } == (1...50).map { Double($0) })
            }
            let first = try #require(seen.messages("fleet/enriched/car-1").first)
            let object = first.object
            #expect(object["vehicle"] as? String == "car-1")
            #expect(object["event_time"] as? Int == 1_700_000_000_001)
            #expect(object["gateway"] as? String == "depot-1")
            #expect(object["source"] as? String == "vehicles")
            #expect(object["alerts"] as? [String] == [])
            let signals = try #require(object["signals"] as? [String: Any])
            // Catalogued signals have their canonical names, the others keep their path.
            #expect(
                Set(signals.keys) == ["ts", "seq", "ignition", "speed_kmh", "headlights"]
            )
            #expect(signals["ignition"] as? String == "run")
            #expect(signals["headlights"] as? Bool == false)
            #expect(!first.isRetained)
            // The log holds the same.
            let logged = try depot.events("enriched")
            #expect(logged.map(\.payload) == seen.all.map(\.text))
            #expect(try depot.events("raw").map(\.key) == logged.map(\.key))
        }

        @Test("an alert that fires and resolves gives two outliers that read from left to right")
        func outlierReadsFromLeftToRight() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            let seen = try Collector(depot.connection("ops", clientID: "eyes"), ["fleet/outlier/#"])
            defer { seen.close() }
            try await depot.runGateway()
            let start: Int64 = 1_700_000_000_000
            try depot.publish(
                [
                    .state("car-1", 1, time: start),
                    .state(
                        "car-1",
                        2,
                        ignition: "off",
                        headlights: true,
                        speed: 0,
                        time: start + 1_000
                    ),
                    .state(
                        "car-1",
                        3,
                        ignition: "off",
                        headlights: true,
                        speed: 0,
                        time: start + 2_000
                    ),
                    .state("car-1", 4, ignition: "off", speed: 0, time: start + 3_500),
                ],
                as: depot.vehicle("car-1")
            )
            try await until("both outliers have come") { seen.count() == 2 }
            #expect(
                seen.all.map(\.topic)
                    == Array(repeating: "fleet/outlier/headlights_left_on/car-1", count: 2)
            )
            let text = seen.all[0].text
            #expect(!text.contains("\n"))
            let members = [
                "time", "alert", "state", "vehicle", "severity", "summary", "values", "since",
                "gateway", "rule", "version", "id",
            ]
            let places = members.map { text.firstRange(of: "\"\($0)\":")?.lowerBound }
            #expect(!places.contains(nil))
            #expect(places.compactMap(\.self) == places.compactMap(\.self).sorted())
            let fired = seen.all[0].object
            #expect(Set(fired.keys) == Set(members))
            #expect(fired["time"] as? String == "2023-11-14T22:13:21.000Z")
            #expect(fired["since"] as? String == "2023-11-14T22:13:21.000Z")
            #expect(fired["state"] as? String == "firing")
            #expect(fired["severity"] as? String == "warning")
            #expect(fired["summary"] as? String == "car-1 has its headlights on")
            #expect(fired["rule"] as? String == "rules.yaml:4")
            let values = try #require(fired["values"] as? [String: Any])
            #expect(Set(values.keys) == ["ignition", "headlights", "speed_kmh"])
            #expect(values["headlights"] as? Bool == true)
            #expect(values["speed_kmh"] as? Double == 0)
            #expect(fired["id"] as? String == "headlights_left_on/car-1/1700000001000/firing")
            let resolved = seen.all[1].object
            #expect(resolved["state"] as? String == "resolved")
            #expect(resolved["time"] as? String == "2023-11-14T22:13:23.500Z")
            #expect(resolved["id"] as? String == "headlights_left_on/car-1/1700000001000/resolved")
            // While it fired, enriched events said so.
            let alerts = try depot.events("enriched").map { $0.object["alerts"] as? [String] }
            #expect(alerts == [[], ["headlights_left_on"], ["headlights_left_on"], []])
        }

        @Test("whoever subscribes late sees at once what fires")
        func lateSubscriberSeesWhatFires() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            try depot.publish([
                .state("car-1", 1, ignition: "off", headlights: true, speed: 0),
                .state("car-2", 1, ignition: "off", headlights: true, speed: 0),
                .state("car-2", 2, ignition: "off", speed: 0),
            ])
            try await until("everything is delivered") {
                depot.metrics.count(
                    "gateway_delivery_delivered_events_total",
                    ["stream": "firing"]
                ) == 3
            }
            let late = try Collector(depot.connection("ops", clientID: "late"), ["fleet/firing/#"])
            defer { late.close() }
            try await until("both summaries have come") { late.count() == 2 }
            #expect(late.all.allSatisfy { $0.isRetained })
            let car1 = try #require(late.messages("fleet/firing/car-1").first).object
            let firing = try #require(car1["firing"] as? [[String: String]])
            #expect(firing.map { $0["alert"] } == ["headlights_left_on"])
            #expect(firing.map { $0["severity"] } == ["warning"])
            let car2 = try #require(late.messages("fleet/firing/car-2").first).object
            #expect((car2["firing"] as? [Any])?.isEmpty == true)
        }

        @Test("change events come from the back office and from no vehicle")
        func vehicleMayNotPublishChangeEvents() throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let seen = try Collector(depot.connection("gateway", clientID: "eyes"), ["cdc/#"])
            defer { seen.close() }
            let change = TestMessage("cdc/car", #"{"id":1}"#)
            let vehicle = depot.vehicle("car-1")
            #expect(throws: MQTTError.self) { try depot.publish([change], as: vehicle) }
            #expect(throws: MQTTError.self) {
                try depot.publish([change], as: depot.connection("ops", clientID: "ops"))
            }
            let office = depot.connection("backoffice", clientID: "office")
            try depot.publish([change], as: office)
            #expect(throws: MQTTError.self) { try depot.publish([.state("car-1", 1)], as: office) }
            let deadline = Date().addingTimeInterval(10)
            while seen.count() < 1, Date() < deadline { ChildProcess.pause(0.01) }
            #expect(seen.all.map(\.topic) == ["cdc/car"])
        }

        @Test("MQTT 5 messages say in user properties where they are from")
        func userPropertiesTellTheOrigin() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            let output = depot.folder + "/sub.txt"
            let sub = try ChildProcess(
                LocalDepot.find("mosquitto_sub"),
                depot.clientArguments("ops")
                    + ["-V", "5", "-q", "1", "-t", "fleet/enriched/#", "-C", "2", "-F", "%P %p"],
                output: output
            )
            defer { sub.terminate() }
            // Its subscription is up when the broker has taken it; the log of the broker says so not,
            // so it sees a message of ours first.
            let broker = {
                (try? String(contentsOfFile: depot.folder + "/broker.log", encoding: .utf8)) ?? ""
            }
            try await until("mosquitto_sub is connected") { broker().contains("u'ops'") }
            try await depot.runGateway()
            try await until("mosquitto_sub has both messages") {
                if try depot.events("raw").isEmpty || sub.isRunning {
                    try depot.publish([.state("car-1", 1, time: 1_700_000_000_000)])
                }
                return !sub.isRunning
            }
            let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 2)
            for line in lines {
                let words = line.prefix { $0 != "{" }.split(separator: " ").map(String.init)
                let object = parseJSON(String(line.drop { $0 != "{" }))
                let offset = try #require(object["offset"] as? Int)
                #expect(
                    Set(words) == [
                        "gateway:depot-1", "stream:enriched", "offset:\(offset)",
                        "event_time:1700000000000",
                    ]
                )
            }
        }
    }
}
