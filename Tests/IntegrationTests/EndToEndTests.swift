// SPDX-License-Identifier: Apache-2.0
// Goal: what vehicles say comes out as the configuration promises, over real brokers.
// Method: publish over mutual TLS, look with independent subscribers and into the database.
import Foundation
import Testing

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

        @Test("what can't be decoded stands whole in the dead-letter stream, with reason and place")
        func brokenPayloadsAreDeadLettered() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure(GatewayFile(rest: "limits: { payload: 1KiB }"))
            try await depot.runGateway()
            var binary = TestMessage("fleet/car-1/state", "")
            binary.payload = [0xFF, 0xFE, 0x00, 0x7B]
            try depot.publish([
                .state("car-1", 1),
                TestMessage("fleet/car-1/state", #"{"ts": 1, "v": nonsense}"#),
                binary,
                TestMessage("fleet/car-1/state", #""a text is no object""#),
                .state("car-1", 2, padding: 2_000),
                TestMessage("fleet/car-1/state", ""),
                .state("car-1", 3),
            ])
            try await until("everything is in the log") { try depot.events("raw").count == 7 }
            let letters = try depot.events("dead_letter").map(\.object)
            try #require(letters.count == 5)
            #expect(letters.allSatisfy { $0["source"] as? String == "vehicles" })
            #expect(letters.allSatisfy { $0["topic"] as? String == "fleet/car-1/state" })
            #expect(letters.allSatisfy { ($0["reason"] as? String)?.isEmpty == false })
            #expect(letters[0]["payload"] as? String == #"{"ts": 1, "v": nonsense}"#)
            #expect(letters[0]["position"] as? Int == 15)
            #expect(letters[1]["position"] as? Int == 0)
            #expect(
                letters[1]["payload_base64"] as? String
                    == Data(binary.payload).base64EncodedString()
            )
            #expect((letters[3]["payload"] as? String)?.count ?? 0 > 2_000)
            #expect(letters[4]["payload"] as? String == "")
            // The good ones around them went their way, and each bad one is counted by its kind.
            let enriched = try depot.events("enriched")
                .map {
                    ($0.object["signals"] as? [String: Any])?["seq"] as? Int
                }
            #expect(enriched == [1, 3])
            let metrics = depot.metrics
            #expect(metrics.count("gateway_source_dead_letters_total") == 5)
            #expect(
                metrics.count("gateway_source_dead_letters_total", ["reason": "over_limit"]) == 1
            )
            #expect(
                metrics.count("gateway_source_dead_letters_total", ["reason": "wrong_form"]) == 1
            )
        }

        // Every leaf repeats its whole path, so the enriched event grows with the product of a payload's
        // keys and leaves: 22 kB become 20 MB, and the 256 KiB that are allowed become gigabytes, which
        // SQLite refuses. Then nothing is acknowledged, and the same message comes again for ever.
        @Test("a payload within the limits does not become an event beyond every limit")
        func enrichedEventIsBounded() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let name = String(repeating: "n", count: 20_000)
            let values = Array(repeating: "1", count: 1_000).joined(separator: ",")
            try depot.publish([
                TestMessage("fleet/car-1/state", #"{"\#(name)":[\#(values)]}"#), .state("car-1", 2),
            ])
            try await until("both messages are in the log", explain: { depot.explanation }) {
                try depot.extent("raw").next == 3
            }
            let sizes = try depot.events("enriched").map(\.payload.utf8.count)
            // What the shipped broker takes.
            #expect(sizes.max() ?? 0 <= 4 << 20)
        }

        @Test("dead letters are delivered where the broker's access list allows it")
        func deadLettersAreDelivered() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.allowDeadLetters()
            try depot.startBroker()
            try depot.configure(GatewayFile(sinks: [Self.sinkWithDeadLetters]))
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/dead_letter/#"]
            )
            defer { seen.close() }
            try await depot.runGateway()
            try depot.publish([TestMessage("fleet/car-1/state", "broken"), .state("car-1", 1)])
            try await until("the dead letter has come") { seen.count() == 1 }
            #expect(seen.all[0].topic == "fleet/dead_letter/car-1")
            #expect(seen.all[0].object["payload"] as? String == "broken")
        }

        private static let sinkWithDeadLetters = GatewayFile.sink(
            streams: """
                enriched: { topic: "fleet/enriched/{vehicle}" }
                dead_letter: { topic: "fleet/dead_letter/{vehicle}" }
                """
        )

        // A refused event becomes a dead letter. When the dead letter itself is refused, a dead letter
        // about it must not be refused again, and so on for ever: each holds the one before, escaped,
        // so that they double in size. A vehicle can bring this about when its payload fits the broker's
        // limit and the dead letter about it does not.
        @Test(
            "a dead letter that the broker refuses is told once and not again and again",
            arguments: ["not authorized", "too large"]
        )
        func refusedDeadLetterDoesNotBreed(reason: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            if reason == "too large" { try depot.allowDeadLetters() }
            try depot.startBroker()
            try depot.configure(GatewayFile(sinks: [Self.sinkWithDeadLetters]))
            try await depot.runGateway()
            try depot.publish([.state("car-1", 1)])
            try await until("the broker has accepted something") {
                depot.metrics.count("gateway_delivery_delivered_events_total") == 1
            }
            var broken = TestMessage("fleet/car-1/state", "broken")
            // In Base64 a third more: beyond the four MiB that the shipped broker takes.
            if reason == "too large" { broken.payload = [UInt8](repeating: 0xFF, count: 3_500_000) }
            try depot.publish([broken])
            try await until("the broker has refused the dead letter") {
                depot.metrics.count("gateway_delivery_refused_events_total") >= 1
            }
            // Before the last of these is through, the dead letter was long dealt with.
            for number in 2...40 {
                try depot.publish([.state("car-1", number)])
                try await until("the next message is delivered", explain: { depot.explanation }) {
                    depot.metrics.count(
                        "gateway_delivery_delivered_events_total",
                        ["stream": "enriched"]
                    ) >= number
                }
                // One about the message, one about the refusal.
                if try depot.extent("dead_letter").next > 3 { break }
            }
            let letters = try depot.extent("dead_letter").next - 1
            #expect(letters <= 2)
        }

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

extension LocalDepot {
    /// Adds what the shipped access list says must be added for dead letters.
    fileprivate func allowDeadLetters() throws {
        let file = folder + "/mosquitto.acl"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try (text + "\nuser gateway\ntopic write fleet/dead_letter/#\n")
            .write(toFile: file, atomically: true, encoding: .utf8)
    }
}
