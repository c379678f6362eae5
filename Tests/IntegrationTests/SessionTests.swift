// SPDX-License-Identifier: Apache-2.0
// Goal: a session survives whatever the broker does, and what keeps it down is told once and by its
// right name.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct SessionTests {
        @Test("a broker that is absent at the start is waited for")
        func absentBrokerIsWaitedFor() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.configure()
            try depot.startGateway(waitsUntilReady: false)
            try await until("the gateway says what it waits for", explain: { depot.explanation }) {
                depot.health.contains("Connection refused")
            }
            #expect(depot.readiness == 503)
            #expect(LocalDepot.httpStatus(port: depot.httpPort, path: "/healthz") == 200)
            try depot.startBroker()
            try await depot.waitUntilReady()
            try depot.publish([.state("car-1", 1)], as: depot.vehicle("car-1"))
            try await until("the message is in the log") { try depot.extent("raw").next == 2 }
            #expect(depot.logCount("session down") == 1)
            #expect(depot.logCount("session up") == 1)
            #expect(depot.metrics.value("gateway_source_session_up") == 1)
            #expect(depot.metrics.value("gateway_source_auth_refusals_total") == 0)
        }

        // QoS 1 obliges the broker, and SIGTERM lets it save its sessions: what it acknowledged to a
        // vehicle must be in the log in the end, once.
        @Test("a broker that is restarted under way loses and doubles nothing")
        func brokerRestartedUnderWay() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let publisher = NumberedPublisher(
                depot.fleet,
                vehicles: (1...5).map { "car-\($0)" },
                messagesPerSecond: 1_000
            )
            for round in 1...4 {
                let before = publisher.sent.acknowledgedCount
                try await until("messages flow in round \(round)") {
                    publisher.sent.acknowledgedCount > before + 300
                }
                depot.stopBroker()
                try await until("the gateway has noticed") { depot.readiness == 503 }
                try depot.startBroker()
                try await depot.waitUntilReady()
            }
            try await offPool { publisher.close() }
            let account = try await depot.settledAccount(of: publisher.sent)
            #expect(account == Account())
            // Down and up were said as often as they happened, whatever was tried in between.
            #expect(depot.logCount("session up") == 5)
            #expect((4...8).contains(depot.logCount("session down")))
        }

        @Test(
            "what the broker held while the gateway was down arrives in order",
            arguments: ["5", "3.1.1"],
            ["terminated", "killed"]
        )
        func backlogArrives(version: String, end: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let source = GatewayFile.source(lines: ["protocol: \(version)"])
            try depot.configure(GatewayFile(sources: [source]))
            try await depot.runGateway()
            try depot.publish([.state("car-1", 1)])
            try await until("the first message is in the log") { try depot.extent("raw").next == 2 }
            if end == "killed" { depot.killGateway() } else { depot.endGateway() }
            // More than may be in flight at once.
            try depot.publish((2...2_500).map { .state("car-1", $0) }, as: depot.vehicle("car-1"))
            try await depot.runGateway()
            try await until("the backlog is in the log", explain: { depot.explanation }) {
                try depot.extent("raw").next >= 2_501
            }
            let numbers = try depot.events("raw").map { $0.object["seq"] as? Int }
            #expect(numbers == Array(1...2_500))
            #expect(depot.logText.contains("resumed=true"))
        }

        // Trust: each of these must keep the session down, say why, and not be taken for a refusal.

        @Test("a broker whose certificate another authority signed is not trusted")
        func wrongAuthorityIsNotTrusted() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let other = depot.folder + "/other-certs"
            let maker = try ChildProcess(
                "/usr/bin/env",
                ["bash", Repository.root + "/certs/make-certs.sh", "--out", other],
                output: depot.folder + "/other-certs.log"
            )
            #expect(maker.wait() == 0)
            let trust =
                "tls: { ca: \(other)/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }"
            try depot.configure(GatewayFile(sources: [GatewayFile.source(lines: [trust])]))
            try await expectDown(depot, because: "certificate verify failed")
        }

        @Test("a broker under a name that is not in its certificate is not trusted")
        func wrongNameIsNotTrusted() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let certificates = [
                "cafile \(depot.certificates)/ca.crt", "certfile \(depot.certificates)/broker.crt",
                "keyfile \(depot.certificates)/broker.key", "allow_anonymous true",
            ]
            let port = try LocalDepot.freePorts(1)[0]
            let broker = try TestBroker(
                "elsewhere",
                in: depot,
                lines: certificates + ["listener \(port) 127.0.0.2"] + certificates.dropLast()
            )
            // Under its right name it is trusted, so only the name can be what is wrong.
            try depot.configure(
                GatewayFile(
                    sources: [
                        GatewayFile.source("right", url: "mqtts://127.0.0.1:\(broker.port)"),
                        GatewayFile.source("wrong", url: "mqtts://127.0.0.2:\(port)"),
                    ]
                )
            )
            try await expectDown(depot, source: "wrong", because: "certificate")
            try await until("the other source is up") {
                depot.metrics.value("gateway_source_session_up", ["source": "right"]) == 1
            }
        }

        @Test(
            "topics that the configuration no longer names come no more",
            arguments: ["5", "3.1.1"]
        )
        func droppedTopicsAreUnsubscribed(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            func run(_ topics: [String]) async throws {
                let source = GatewayFile.source(
                    lines: ["protocol: \(version)"],
                    topics: topics.map { "- pattern: \($0)" }.joined(separator: "\n")
                )
                try depot.configure(GatewayFile(sources: [source]))
                try await depot.runGateway()
            }
            try await run(["fleet/{vehicle}/state", "fleet/{vehicle}/event"])
            try depot.publish([TestMessage("fleet/car-1/event", "{}")])
            try await until("both topics come") { try depot.extent("raw").next == 2 }
            depot.endGateway()
            for (kept, dropped) in [("state", "event"), ("event", "state")] {
                try await run(["fleet/{vehicle}/\(kept)"])
                let head = try depot.extent("raw").next
                try depot.publish([
                    TestMessage("fleet/car-1/\(dropped)", "{}"),
                    TestMessage("fleet/car-1/\(kept)", "{}"),
                ])
                try await until("what is named comes") { try depot.extent("raw").next > head }
                // In order: had the dropped topic come, it would stand before the other.
                #expect(try depot.extent("raw").next == head + 1)
                depot.endGateway()
            }
            #expect(try depot.events("dead_letter").isEmpty)
        }

        @Test("two gateways with one client id say so, and do not push each other out all the time")
        func oneClientIDForTwo() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let twin = depot.connection("gateway", clientID: "depot-1-vehicles")
            for round in 1...4 {
                let other = try Publisher(twin)
                try await until("the gateway is back", explain: { depot.explanation }) {
                    depot.logCount("session up") == round + 1
                }
                other.close()
            }
            #expect(depot.logCount("does another client use 'depot-1-vehicles'?") > 0)
        }

        @Test("without a client certificate the broker lets nobody in", arguments: ["5", "3.1.1"])
        func missingCertificateIsRefused(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let source = GatewayFile.source(certificate: nil, lines: ["protocol: \(version)"])
            try depot.configure(GatewayFile(sources: [source]))
            try await expectDown(depot, because: "certificate required", isRefusal: true)
        }

        private func expectDown(
            _ depot: LocalDepot,
            source: String = "vehicles",
            because reason: String,
            isRefusal: Bool = false
        ) async throws {
            try depot.startGateway(waitsUntilReady: false)
            // At one attempt or another: a connection that is reset may be all that can be seen.
            var health = ""
            try await until("the gateway says why it is down", explain: { depot.explanation }) {
                health = depot.health
                return depot.logText.contains(reason) && health.contains(reason)
            }
            #expect(depot.readiness == 503)
            let sources = parseJSON(health)["sources"] as? [String: [String: String]]
            #expect(sources?[source]?["status"] == "down")
            #expect(sources?[source]?["reason"]?.contains(reason) == true, "\(health)")
            #expect(depot.metrics.value("gateway_source_session_up", ["source": source]) == 0)
            let refusals = depot.metrics.value(
                "gateway_source_auth_refusals_total",
                ["source": source]
            )
            #expect((refusals ?? 0 > 0) == isRefusal)
            #expect(
                depot.logText.split(separator: "\n")
                    .contains {
                        $0.contains("session down") && $0.contains("source=\(source)")
                            && $0.contains(reason)
                    }
            )
        }

        // Who we are: a refusal is the broker's word and not the network's.

        @Test(
            "a wrong password is a refusal, told once and counted; the right one is let in",
            arguments: ["5", "3.1.1"]
        )
        func wrongPasswordIsARefusal(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let passwords = depot.folder + "/passwords"
            let maker = try ChildProcess(
                LocalDepot.find("mosquitto_passwd"),
                ["-b", "-c", passwords, "gateway", "right"],
                output: depot.folder + "/passwd.log"
            )
            #expect(maker.wait() == 0)
            let broker = try TestBroker(
                "guarded",
                in: depot,
                lines: ["allow_anonymous false", "password_file \(passwords)"]
            )
            let secret = depot.folder + "/secret"
            try "wrong\n".write(toFile: secret, atomically: true, encoding: .utf8)
            let source = GatewayFile.source(
                url: "mqtt://127.0.0.1:\(broker.port)",
                lines: [
                    "protocol: \(version)", "username: gateway", "password: { file: \(secret) }",
                    "reconnect_min: 20ms",
                ]
            )
            try depot.configure(GatewayFile(sources: [source]))
            try depot.startGateway(waitsUntilReady: false)
            try await until("the broker has refused several times", explain: { depot.explanation })
            {
                depot.metrics.count("gateway_source_auth_refusals_total") >= 3
            }
            #expect(depot.health.lowercased().contains("refuses the connection"))
            #expect(depot.logCount("session down") == 1)
            #expect(!depot.logText.contains("wrong"))
            // The network's failures are not counted as the broker's refusals.
            broker.stop()
            try await until("the broker is gone") { depot.health.contains("Connection refused") }
            let refusals = depot.metrics.count("gateway_source_auth_refusals_total")
            depot.endGateway()
            try depot.startGateway(waitsUntilReady: false)
            try await until("it is gone for the next one too") {
                depot.health.contains("Connection refused")
            }
            #expect(refusals >= 3)
            #expect(depot.metrics.count("gateway_source_auth_refusals_total") == 0)
            depot.endGateway()
            try "right\n".write(toFile: secret, atomically: true, encoding: .utf8)
            try broker.start()
            try await depot.runGateway()
            #expect(depot.metrics.count("gateway_source_auth_refusals_total") == 0)
        }
    }
}
