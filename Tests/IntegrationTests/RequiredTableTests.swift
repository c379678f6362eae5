// SPDX-License-Identifier: Apache-2.0
// Goal: a source that waits for a table loses nothing, and a table what its broker was told is kept.
// Method: a fleet and a source of changes, each with a broker of its own; the broker's queue is the proof.
import Foundation
import GRDB
import Testing

@testable import DepotTesting
@testable import Gateway

/// A gateway between two brokers, which joins vehicles with devices.
private struct HeldDepot {
    let depot: LocalDepot
    let fleet: TestBroker
    let changes: TestBroker

    init() throws {
        depot = try LocalDepot.test()
        fleet = try TestBroker("fleet", in: depot)
        changes = try TestBroker("changes", in: depot)
    }

    func configure(
        isRequired: Bool = true,
        version: String = "5",
        topics: String = GatewayFile.standardTopics
    ) throws {
        let url = "mqtt://127.0.0.1:\(fleet.port)"
        let source = GatewayFile.source(
            url: url,
            lines: [
                "protocol: \(version)",
                "enrich: SELECT device.plate FROM reading "
                    + "LEFT JOIN device ON device.id = reading.vehicle",
            ],
            topics: topics
        )
        let table = """
            tables:
              - name: device
                key: id
                columns: { id: text, plate: text }
                required: \(isRequired)
                operation: op
                position: pos
                source: { type: mqtt, url: "mqtt://127.0.0.1:\(changes.port)", topic: cdc/device }
            """
        try depot.configure(
            GatewayFile(sources: [source], sinks: [GatewayFile.sink(url: url)], rest: table)
        )
    }

    func startHeld() async throws {
        let before = depot.logCount("waits for table")
        try depot.startGateway(waitsUntilReady: false)
        try await until("the source waits for its table", explain: { depot.explanation }) {
            depot.logCount("waits for table") > before
                && depot.health.contains("waits for table 'device'")
        }
    }

    func drive(_ numbers: ClosedRange<Int>) throws {
        try depot.publish(numbers.map { .state("car-1", $0) }, as: fleet.client("car-1"))
    }

    func change(_ texts: String...) throws {
        try depot.publish(
            texts.map { TestMessage("cdc/device", $0) },
            as: changes.client("source-\(UInt32.random(in: .min ... .max))")
        )
    }

    func completeTable() throws {
        try change(
            #"{"op":"begin","pos":1}"#,
            #"{"op":"load","pos":2,"id":"car-1","plate":"B-1"}"#,
            #"{"op":"end","pos":3}"#
        )
    }

    /// Expects that all messages have come, once and in order, each with its plate.
    func expectAll(_ numbers: ClosedRange<Int>) async throws {
        try await until("all have come", explain: { depot.explanation }) {
            try depot.extent("enriched").next > Int64(numbers.count)
        }
        let events = try depot.events("enriched").map(\.object)
        let found = events.map { ($0["signals"] as? [String: Any])?["seq"] as? Int }
        #expect(found == Array(numbers))
        let joined = events.count {
            ($0["enrichment"] as? [String: Any])?["plate"] as? String == "B-1"
        }
        #expect(joined == numbers.count)
        #expect(events.allSatisfy { $0["incomplete"] == nil })
    }
}

extension IntegrationSuites {
    @Suite(.serialized) struct RequiredTableTests {
        @Test(
            "what comes while the table is incomplete waits at the broker, and is joined then",
            arguments: ["nothing", "terminated", "killed"]
        )
        func sourceWaitsForItsTable(interruption: String) async throws {
            let held = try HeldDepot()
            defer { held.depot.close() }
            try held.configure()
            try await held.startHeld()
            try held.drive(1...500)
            for _ in 1...2 where interruption != "nothing" {
                if interruption == "killed" { held.depot.killGateway() }
                if interruption == "terminated" { #expect(held.depot.endGateway() == 0) }
                try await held.startHeld()
            }
            #expect(try held.depot.extent("raw").next == 1)
            #expect(held.depot.readiness == 503)
            try held.completeTable()
            try await held.expectAll(1...500)
            try await held.depot.waitUntilReady()
            // What follows comes without waiting.
            try held.drive(501...510)
            try await held.expectAll(1...510)
        }

        // The broker delivers a backlog right behind CONNACK: none of it may be acknowledged.
        @Test(
            "a backlog of a resumed session is left where it is",
            arguments: ["5", "3.1.1"]
        )
        func backlogOfAResumedSessionIsLeft(version: String) async throws {
            let held = try HeldDepot()
            defer { held.depot.close() }
            try held.configure(isRequired: false, version: version)
            try await held.depot.runGateway()
            held.depot.killGateway()
            try held.drive(1...500)
            try held.configure(version: version)
            try await held.startHeld()
            held.depot.killGateway()
            try await held.startHeld()
            #expect(held.depot.endGateway() == 0)
            try await held.startHeld()
            #expect(try held.depot.extent("raw").next == 1)
            try held.completeTable()
            try await held.expectAll(1...500)
        }

        // The session is there, but the broker does not keep for it what comes on the other topic yet.
        @Test("a topic that is new is subscribed to although the source waits and has a backlog")
        func newTopicIsKeptWhileTheSourceWaits() async throws {
            let held = try HeldDepot()
            defer { held.depot.close() }
            try held.configure()
            try await held.startHeld()
            try held.drive(1...500)
            held.depot.killGateway()
            let more = GatewayFile.standardTopics.replacing("/state", with: "/more")
            try held.configure(topics: GatewayFile.standardTopics + "\n" + more)
            try await held.startHeld()
            var other = TestMessage.state("car-1", 501)
            other.topic = "fleet/car-1/more"
            try held.depot.publish([other], as: held.fleet.client("car-1"))
            try held.completeTable()
            try await held.expectAll(1...501)
        }

        @Test("a retained message waits too", arguments: ["5", "3.1.1"])
        func retainedMessageWaits(version: String) async throws {
            let held = try HeldDepot()
            defer { held.depot.close() }
            let arguments = [
                "-p", "\(held.fleet.port)", "-q", "1", "-r", "-t", "fleet/car-1/state",
                "-m", #"{"seq":1}"#,
            ]
            let publisher = try ChildProcess(
                LocalDepot.find("mosquitto_pub"),
                arguments,
                output: held.depot.folder + "/pub.log"
            )
            #expect(publisher.wait() == 0)
            try held.configure(version: version)
            try await held.startHeld()
            try held.completeTable()
            try await until("it has come", explain: { held.depot.explanation }) {
                try held.depot.extent("enriched").next > 1
            }
            let event = try held.depot.events("enriched")[0].object
            #expect((event["enrichment"] as? [String: Any])?["plate"] as? String == "B-1")
        }

        @Test("changes of a table are durable before they are acknowledged")
        func changesOutliveAKill() async throws {
            let held = try HeldDepot()
            defer { held.depot.close() }
            try held.configure(isRequired: false)
            try await held.depot.runGateway()
            // Before its session exists the broker keeps nothing for it.
            try await until("the feed is heard") { held.depot.hearsFeeds }
            func rows() throws -> Int {
                try held.depot.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM device") }
                    ?? 0
            }
            let all = 3_000
            let changes = (1...all)
                .map {
                    TestMessage(
                        "cdc/device",
                        #"{"op":"insert","pos":\#($0),"id":"car-\#($0)","plate":"B-\#($0)"}"#
                    )
                }
            for part in 0..<3 {
                try held.depot.publish(
                    Array(changes[(part * 1_000)..<(part * 1_000 + 1_000)]),
                    as: held.changes.client("source-\(part)")
                )
                held.depot.killGateway()
                try await held.depot.runGateway()
            }
            try await until("all rows are there", explain: { held.depot.explanation }) {
                try rows() == all
            }
            held.depot.killGateway()
            #expect(try rows() == all)
            #expect(try held.depot.events("dead_letter").isEmpty)
            // The broker was told so: nothing comes again, and the rows are joined.
            try await held.depot.runGateway()
            try held.drive(1...1)
            try await until("it has come") { try held.depot.extent("enriched").next == 2 }
            let event = try held.depot.events("enriched")[0].object
            #expect((event["enrichment"] as? [String: Any])?["plate"] as? String == "B-1")
        }
    }
}
