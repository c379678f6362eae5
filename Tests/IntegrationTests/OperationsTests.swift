// SPDX-License-Identifier: Apache-2.0
// Goal: what the gateway says about itself is true: health, metrics, exit codes, and the words with
// which it refuses a wrong configuration.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct OperationsTests {
        @Test("a broker that is gone makes the gateway unready but not dead, and it says why")
        func healthFollowsTheSource() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            try await until("everything is up") { depot.health.contains(#""status":"ok""#) }
            depot.stopBroker()
            try await until("the gateway has noticed") { depot.readiness == 503 }
            try await until("it says why") {
                let sources = parseJSON(depot.health)["sources"] as? [String: [String: String]]
                return sources?["vehicles"]?["reason"]?.contains("Connection refused") == true
            }
            let health = parseJSON(depot.health)
            #expect(health["status"] as? String == "unready")
            let source = (health["sources"] as? [String: [String: String]])?["vehicles"]
            #expect(source?["status"] == "down")
            #expect(source?["reason"]?.contains("localhost:\(depot.servicePort)") == true)
            #expect((health["log"] as? [String: String])?["status"] == "up")
            #expect(LocalDepot.httpStatus(port: depot.httpPort, path: "/healthz") == 200)
            #expect(depot.metrics.value("gateway_source_session_up") == 0)
            try depot.startBroker()
            try await depot.waitUntilReady()
            try await until("everything is up again") { depot.health.contains(#""status":"ok""#) }
        }

        @Test("a sink that is away degrades the gateway; intake goes on and nothing is forgotten")
        func healthFollowsTheSink() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let upstream = try TestBroker("upstream", in: depot)
            let sink = GatewayFile.sink("cloud", url: "mqtt://127.0.0.1:\(upstream.port)")
            try depot.configure(GatewayFile(sinks: [sink]))
            try await depot.runGateway()
            try await until("everything is up") { depot.health.contains(#""status":"ok""#) }
            upstream.stop()
            try await until("the gateway has noticed") {
                let sinks = parseJSON(depot.health)["sinks"] as? [String: [String: String]]
                return sinks?.values.allSatisfy { $0["status"] == "down" } == true
            }
            #expect(depot.readiness == 200)
            #expect(parseJSON(depot.health)["status"] as? String == "degraded")
            try depot.publish((1...100).map { .state("car-1", $0) })
            try await until("the messages are in the log") { try depot.extent("raw").next == 101 }
            try await until("the backlog is a metric") {
                depot.metrics.value(
                    "gateway_delivery_backlog_events",
                    ["stream": "enriched"]
                ) == 100
            }
            #expect(depot.metrics.value("gateway_delivery_connected", ["stream": "enriched"]) == 0)
            try upstream.start()
            try await until("the backlog is delivered", explain: { depot.explanation }) {
                depot.metrics.count(
                    "gateway_delivery_delivered_events_total",
                    ["stream": "enriched"]
                ) == 100
            }
            try await until("everything is up again") { depot.health.contains(#""status":"ok""#) }
        }

        @Test("every metric is readable and counts what was sent")
        func metricsCountWhatWasSent() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let normal = (1...300).map { TestMessage.state("car-\($0 % 10)", $0) }
            let parked = (1...3)
                .map {
                    TestMessage.state("car-\($0)", 301, ignition: "off", headlights: true, speed: 0)
                }
            let late = TestMessage.state("car-9", 302, time: 1_600_000_000_000)
            let future = TestMessage.state("car-9", 303, time: 4_000_000_000_000)
            let broken = TestMessage("fleet/car-9/state", "{")
            let all = normal + parked + [late, future, broken]
            try depot.publish(all)
            let count = all.count
            try await until("everything is delivered", explain: { depot.explanation }) {
                let metrics = depot.metrics
                let name = "gateway_delivery_delivered_events_total"
                return metrics.count(name, ["stream": "enriched"]) == count - 1
                    && metrics.count(name, ["stream": "outlier"]) == 3
                    && metrics.count(name, ["stream": "firing"]) == 3
            }
            let metrics = depot.metrics
            #expect(metrics.unreadable == [])
            let expected: [(String, [String: String], Int)] = [
                ("gateway_source_messages_total", ["source": "vehicles"], count),
                ("gateway_source_dead_letters_total", ["reason": "not_json"], 1),
                ("gateway_source_late_readings_total", [:], 1),
                ("gateway_source_clock_flagged_readings_total", [:], 1),
                ("gateway_source_unprotected_messages_total", [:], 0),
                ("gateway_source_redelivered_messages_total", [:], 0),
                ("gateway_source_session_up", [:], 1),
                ("gateway_stream_appended_events_total", ["stream": "raw"], count),
                ("gateway_stream_appended_events_total", ["stream": "dead_letter"], 1),
                ("gateway_vehicles", [:], 10),
                ("gateway_alerts_firing", ["alert": "headlights_left_on"], 3),
                ("gateway_alert_transitions_total", ["state": "firing"], 3),
                ("gateway_intake_commit_failures_total", [:], 0),
                ("gateway_intake_batch_messages_sum", [:], count),
            ]
            for (name, labels, value) in expected {
                #expect(metrics.value(name, labels) == Double(value), "\(name) \(labels)")
            }
            #expect(
                metrics.value("gateway_source_received_bytes_total")
                    == Double(all.reduce(0) { $0 + $1.payload.count })
            )
            #expect(metrics.count("gateway_intake_batches_total") > 0)
            #expect(
                metrics.value("gateway_delivery_latency_seconds_count", ["stream": "outlier"]) == 3
            )
            #expect((metrics.value("gateway_certificate_expiry_days") ?? 0) > 300)
            // Every name is documented, and every documented name can be read.
            let text = depot.body("/metrics")
            for name in Set(metrics.samples.keys.map { $0.prefix { $0 != "{" } }) {
                let base = ["_bucket", "_sum", "_count"]
                    .reduce(String(name)) {
                        $0.hasSuffix($1) && !text.contains("# TYPE \($0) ")
                            ? String($0.dropLast($1.count)) : $0
                    }
                #expect(text.contains("# HELP \(base) "), "\(base)")
                #expect(text.contains("# TYPE \(base) "), "\(base)")
            }
        }

        // The end.

        @Test("SIGTERM ends with 0 and saves the cursors: nothing is delivered twice")
        func gracefulRestartRepeatsNothing() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/enriched/#", "fleet/outlier/#"]
            )
            defer { seen.close() }
            for round in 1...3 {
                try await depot.runGateway()
                let last = TestMessage.state(
                    "car-1",
                    round,
                    ignition: round == 2 ? "run" : "off",
                    headlights: true,
                    speed: 0
                )
                try depot.publish((1...100).map { .state("car-2", round * 1_000 + $0) } + [last])
                try await until("everything has arrived", explain: { depot.explanation }) {
                    seen.count("fleet/enriched/") == round * 101
                        && seen.count("fleet/outlier/") == round
                }
                try await until("the broker's answers have come", explain: { depot.explanation }) {
                    let metrics = depot.metrics
                    let name = "gateway_delivery_delivered_events_total"
                    return metrics.count(name, ["stream": "enriched"]) == 101
                        && metrics.count(name, ["stream": "outlier"]) == 1
                }
                #expect(depot.endGateway() == 0)
                #expect(!depot.logText.contains("ERROR"))
                #expect(!depot.logText.contains("CRIT"))
            }
            #expect(seen.count("fleet/enriched/") == 303)
            let offsets = seen.messages("fleet/enriched/")
                .compactMap { $0.object["offset"] as? Int }
            #expect(offsets == Array(1...303))
        }

        @Test("SIGTERM under load ends with 0; what is delivered again is only what was under way")
        func gracefulStopUnderLoad() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let sink = GatewayFile.sink(lines: ["window: 50"])
            try depot.configure(GatewayFile(sinks: [sink]))
            let witness = UpstreamWitness()
            let subscriber = Subscriber(
                depot.connection("ops", clientID: "witness"),
                filters: ["fleet/enriched/#"]
            ) { witness.receive($0) }
            try subscriber.waitUntilUp()
            try await depot.runGateway()
            let publisher = NumberedPublisher(
                depot.fleet,
                vehicles: (1...5).map { "car-\($0)" },
                messagesPerSecond: 1_000
            )
            for _ in 1...5 {
                let before = publisher.sent.acknowledgedCount
                try await until("messages flow") { publisher.sent.acknowledgedCount > before + 200 }
                #expect(depot.endGateway() == 0)
                try await depot.runGateway()
            }
            try await offPool { publisher.close() }
            let account = try await depot.settledAccount(of: publisher.sent)
            #expect(account.lost == 0)
            #expect(account.doubled == 0)
            #expect(account.misordered == 0)
            let count = Int(try depot.extent("enriched").next - 1)
            try await until("everything has arrived upstream") {
                witness.arrivals.seenOffsets.count == count
            }
            subscriber.close()
            // A window for each stop; were cursors not saved, it would be everything since the last.
            #expect(witness.arrivals.redelivered <= 5 * 50)
        }

        @Test("SIGTERM ends a gateway that still waits for its brokers")
        func stopsWhileWaiting() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.configure()
            try depot.startGateway(waitsUntilReady: false)
            try await until("the gateway waits", explain: { depot.explanation }) {
                depot.logCount("Connection refused") >= 3
            }
            #expect(depot.endGateway() == 0)
        }

        // Exit codes.

        @Test("a second gateway on the same data directory ends with 73 and says why")
        func secondGatewayIsKeptOff() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let (code, output) = try depot.run(["run", "--config", depot.configurationFile])
            #expect(code == 73)
            #expect(output.contains("is in use by another gateway"))
            // The first one is none the worse.
            try depot.publish([.state("car-1", 1)])
            try await until("the message is in the log") { try depot.extent("raw").next == 2 }
        }

        @Test(
            "a wrong configuration ends with 78 and all its problems, each with file and line",
            arguments: ["run", "check"]
        )
        func wrongConfigurationIsToldInFull(command: String) throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            let file = depot.configurationFile
            try """
            gateway: { id: depot/1 }
            sources:
              - name: vehicles
                url: http://localhost:8883
                qos: 2
                tpics: []
                topics:
                  - pattern: fleet/+/state
            log:
              budget: 4KiB
            limits:
              depth: deep
            """
            .write(toFile: file, atomically: true, encoding: .utf8)
            let (code, output) = try depot.run([command, "--config", file])
            #expect(code == 78)
            for expected in [
                "\(file):4: sources[0].url: must look like mqtts://",
                "\(file):5: sources[0].qos: 2 is refused",
                "\(file):6: sources[0].tpics: unknown key; did you mean 'topics'?",
                "\(file):8: sources[0].topics[0]: no vehicle id",
                "\(file):10: log.budget: must be at least 16 MiB (got 4 KiB)",
                "\(file):12: limits.depth: must be a whole number (got 'deep')",
            ] {
                #expect(output.contains(expected), "\(output)")
            }
            #expect(!FileManager.default.fileExists(atPath: depot.dataDirectory))
        }

        @Test(
            "wrong rules end with 78, the place and what SQLite says",
            arguments: ["run", "check"]
        )
        func wrongRulesAreToldInFull(command: String) throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.configure(
                rules: """
                    groups:
                      - name: test
                        rules:
                          - alert: too_fast
                            expr: speed_kmhh > 10
                          - alert: broken
                            expr: speed_kmh > > 10
                    """
            )
            let (code, output) = try depot.run([command, "--config", depot.configurationFile])
            #expect(code == 78)
            #expect(output.contains("rules.yaml:5"), "\(output)")
            #expect(output.contains("did you mean 'speed_kmh'?"), "\(output)")
            #expect(output.contains("rules.yaml:7"), "\(output)")
            #expect(output.contains("near \">\""), "\(output)")
            #expect(output.contains("^"), "\(output)")
            #expect(!FileManager.default.fileExists(atPath: depot.dataDirectory))
        }

        @Test("a configuration that is not there ends with 78")
        func missingConfigurationIsTold() throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            let (code, output) = try depot.run(["check", "--config", depot.folder + "/none.yaml"])
            #expect(code == 78)
            #expect(output.contains("none.yaml: cannot be read"))
        }

        // Shipped files.

        @Test("the configurations that ship are correct, with every rule pack that ships")
        func shippedFilesAreCorrect() throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            let files = FileManager.default
            var checked = 0
            for folder in ["demo", "systemd"] {
                let path = "\(Repository.root)/\(folder)"
                for name in try files.contentsOfDirectory(atPath: path)
                where name.hasSuffix(".yaml") {
                    let text = try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
                    for pack in try files.contentsOfDirectory(atPath: Repository.root + "/rules")
                    where pack.hasSuffix(".yaml") {
                        try depot.writeConfiguration(template: text) { text in
                            text
                                .replacing(
                                    "/etc/fleet-edge-gateway/tls/",
                                    with: depot.certificates + "/"
                                )
                                .replacing(
                                    "/etc/fleet-edge-gateway/rules",
                                    with: Repository.root + "/rules"
                                )
                                .replacing("/fleet.yaml", with: "/\(pack)")
                        }
                        let (code, output) = try depot.run([
                            "check", "--config", depot.configurationFile,
                        ])
                        #expect(code == 0, "\(folder)/\(name) with \(pack): \(output)")
                        #expect(output.contains("correct"))
                        checked += 1
                    }
                }
            }
            #expect(checked >= 2)
        }
    }
}
