// SPDX-License-Identifier: Apache-2.0
// Goal: sources of every kind the configuration can name feed one gateway.
// Method: several brokers, patterns, formats, groups, qualities and both protocol versions.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct SourceTests {
        @Test("several brokers feed one gateway, each with its own name")
        func severalSourcesAtOnce() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let second = try TestBroker("second", in: depot)
            let third = try TestBroker("third", in: depot)
            try depot.configure(
                GatewayFile(
                    sources: [
                        GatewayFile.source("yard"),
                        GatewayFile.source("north", url: "mqtt://127.0.0.1:\(second.port)"),
                        GatewayFile.source(
                            "south",
                            url: "mqtt://127.0.0.1:\(third.port)",
                            lines: ["protocol: 3.1.1"]
                        ),
                    ]
                )
            )
            try await depot.runGateway()
            let clients = [
                ("yard", "car-1", depot.fleet), ("north", "car-2", second.client("car-2")),
                ("south", "car-3", third.client("car-3")),
            ]
            try await withThrowingTaskGroup { group in
                for (_, car, client) in clients {
                    let messages = (1...200).map { TestMessage.state(car, $0) }
                    let publish = { @Sendable in
                        let publisher = try Publisher(client)
                        for message in messages {
                            try publisher.publish(
                                topic: message.topic,
                                payload: message.payload,
                                number: 0
                            )
                            try publisher.pump(milliseconds: 1)
                        }
                        _ = try publisher.drain(seconds: 20)
                        publisher.close()
                    }
                    group.addTask { try await offPool(publish) }
                }
                try await group.waitForAll()
            }
            try await until("all messages are in the log", explain: { depot.explanation }) {
                try depot.extent("enriched").next == 601
            }
            let events = try depot.events("enriched")
            for (source, car, _) in clients {
                let own = events.filter { $0.key == car }.map(\.object)
                #expect(own.allSatisfy { $0["source"] as? String == source })
                let numbers = own.map { ($0["signals"] as? [String: Any])?["seq"] as? Int }
                #expect(numbers == Array(1...200))
                #expect(
                    depot.metrics.count("gateway_source_messages_total", ["source": source]) == 200
                )
            }
        }

        @Test("each topic pattern of a source is read in its own format")
        func everyPatternHasItsFormat() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let topics = """
                - pattern: fleet/{vehicle}/state
                  event_time: { path: ts, format: epoch_ms }
                - pattern: fleet/{vehicle}/signal/{signal}
                  format: name_value
                  event_time: { path: timestamp, format: epoch_s }
                - pattern: fleet/{vehicle}/v/{signal}
                  format: scalar
                - pattern: fleet/+/list
                  vehicle: vin
                """
            try depot.configure(GatewayFile(sources: [GatewayFile.source(topics: topics)]))
            try await depot.runGateway()
            try depot.publish([
                TestMessage(
                    "fleet/car-1/signal/x",
                    #"{"name":"vehicle_speed","value":42.5,"timestamp":1700000000.25}"#
                ),
                TestMessage(
                    "fleet/car-1/signal/x",
                    #"{"name":"door_status","value":"driver","event":true,"timestamp":1700000001}"#
                ),
                TestMessage("fleet/car-2/v/headlamp_status", "true"),
                TestMessage("fleet/car-2/v/odometer", "123.5"),
                TestMessage(
                    "fleet/x/list",
                    #"[{"vin":"car-3","a":1},{"vin":"car-4","a":{"b":[7,8]}}]"#
                ),
            ])
            try await until("all readings are in the log") {
                try depot.extent("enriched").next == 7
            }
            let events = try depot.events("enriched")
            #expect(
                events.map(\.key) == ["car-1", "car-1", "car-2", "car-2", "car-3", "car-4"]
            )
            let signals = events.map { $0.object["signals"] as? [String: Any] ?? [:] }
            #expect(signals[0]["speed_kmh"] as? Double == 42.5)
            #expect(events[0].eventTime == 1_700_000_000_250)
            #expect(signals[1]["door_status.driver"] as? Bool == true)
            #expect(signals[2]["headlights"] as? Bool == true)
            #expect(signals[3]["odometer"] as? Double == 123.5)
            #expect(signals[4]["a"] as? Int == 1)
            #expect(signals[5]["a.b.0"] as? Int == 7)
            #expect(signals[5]["a.b.1"] as? Int == 8)
            #expect(try depot.events("dead_letter").isEmpty)
        }

        @Test("two gateways of one group share the messages, each of which is taken once")
        func sharedSubscription() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let broker = try TestBroker("shared", in: depot)
            let url = "mqtt://127.0.0.1:\(broker.port)"
            let source = GatewayFile.source(url: url, lines: ["share: depot"])
            let sink = GatewayFile.sink(url: url)
            let port = try LocalDepot.freePorts(1)[0]
            let other = depot.folder + "/other"
            try depot.configure(
                GatewayFile(
                    id: "depot-2",
                    data: other,
                    httpPort: "\(port)",
                    sources: [source],
                    sinks: [sink]
                )
            )
            let file = depot.folder + "/second.yaml"
            try FileManager.default.moveItem(atPath: depot.configurationFile, toPath: file)
            let second = try ChildProcess(
                depot.program,
                ["run", "--config", file],
                output: depot.folder + "/second.log"
            )
            defer { second.terminate() }
            try depot.configure(GatewayFile(sources: [source], sinks: [sink]))
            try await depot.runGateway()
            try await until("the second gateway is ready") {
                LocalDepot.httpStatus(port: port, path: "/readyz") == 200
            }
            try depot.publish((1...400).map { .state("car-1", $0) }, as: broker.client("car-1"))
            try await until("all messages are in one log or the other") {
                let first = try depot.events("raw").count
                return try first + depot.events("raw", data: other).count == 400
            }
            let first = try depot.events("raw").compactMap { $0.object["seq"] as? Int }
            let rest = try depot.events("raw", data: other).compactMap { $0.object["seq"] as? Int }
            #expect(!first.isEmpty)
            #expect(!rest.isEmpty)
            #expect(Set(first + rest) == Set(1...400))
        }

        @Test("messages of QoS 0 are taken and counted as unprotected")
        func qualityZeroIsCounted() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            for number in 1...5 {
                let pub = try ChildProcess(
                    LocalDepot.find("mosquitto_pub"),
                    depot.clientArguments("fleet") + [
                        "-q", "0", "-t", "fleet/car-1/state", "-m", #"{"seq":\#(number)}"#,
                    ],
                    output: depot.folder + "/pub.log"
                )
                #expect(pub.wait() == 0)
            }
            try depot.publish([.state("car-1", 6)])
            try await until("all messages are in the log") { try depot.extent("raw").next == 7 }
            try await until("all messages are counted") {
                depot.metrics.count("gateway_source_messages_total") == 6
            }
            #expect(depot.metrics.count("gateway_source_unprotected_messages_total") == 5)
        }

        @Test("MQTT 3.1.1 serves as source and as sink")
        func olderProtocolServes() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let lines = ["protocol: 3.1.1"]
            try depot.configure(
                GatewayFile(
                    sources: [GatewayFile.source(lines: lines)],
                    sinks: [GatewayFile.sink(lines: lines)]
                )
            )
            let eyes = depot.connection("ops", clientID: "eyes", version: 4)
            let seen = try Collector(
                eyes,
                ["fleet/enriched/#", "fleet/outlier/#", "fleet/firing/#"]
            )
            defer { seen.close() }
            try await depot.runGateway()
            var car = depot.vehicle("car-1")
            car.protocolVersion = 4
            let drive = (1...300).map { TestMessage.state("car-1", $0) }
            // Made last, because it must not be older than what it ends.
            let last = TestMessage.state("car-1", 301, ignition: "off", headlights: true, speed: 0)
            try depot.publish(drive + [last], as: car)
            try await until("everything has come", explain: { depot.explanation }) {
                seen.count("fleet/enriched/") == 301 && seen.count("fleet/outlier/") == 1
                    && seen.count("fleet/firing/") == 1
            }
            let numbers = seen.messages("fleet/enriched/")
                .map {
                    ($0.object["signals"] as? [String: Any])?["seq"] as? Int
                }
            #expect(numbers == Array(1...301))
        }

        // MQTT 3.1.1 can't ask for retained messages on the first subscription only (that is MQTT 5,
        // section 3.8.3.1), so a broker sends them after each reconnect as if they were new.
        @Test(
            "a retained message takes effect once, however often the session is resumed",
            arguments: ["5", "3.1.1"]
        )
        func retainedMessageTakesEffectOnce(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure(
                GatewayFile(sources: [GatewayFile.source(lines: ["protocol: \(version)"])])
            )
            let pub = try ChildProcess(
                LocalDepot.find("mosquitto_pub"),
                depot.clientArguments("fleet") + [
                    "-q", "1", "-r", "-t", "fleet/car-1/state", "-m", #"{"seq":1}"#,
                ],
                output: depot.folder + "/pub.log"
            )
            #expect(pub.wait() == 0)
            for round in 1...3 {
                try await depot.runGateway()
                try depot.publish([.state("car-2", round)])
                try await until("the round's message is in the log") {
                    try depot.events("raw").count { $0.key == "car-2" } == round
                }
                #expect(depot.endGateway() == 0)
            }
            let times = try depot.events("raw").count { $0.key == "car-1" }
            #expect(times == 1)
        }
    }
}
