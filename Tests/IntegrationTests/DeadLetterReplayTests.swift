// SPDX-License-Identifier: Apache-2.0
// Goal: after its cause was mended, what was dead-lettered takes effect, once. Method: the commands, against a
// gateway that runs and one that does not.
import Foundation
import GRDB
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct DeadLetterReplayTests {
        /// Looks for the vehicle where no payload has it.
        private static let wrong = GatewayFile(sources: [
            GatewayFile.source(
                topics: """
                    - pattern: fleet/{device}/state
                      vehicle: vin
                      event_time: { path: ts, format: epoch_ms }
                    """
            )
        ])

        private func replay(
            _ depot: LocalDepot,
            _ arguments: String...
        ) throws -> (
            code: Int32, output: String
        ) {
            let all =
                ["deadletters", "replay", "--config", depot.configurationFile] + arguments
            return try depot.run(all)
        }

        private func enriched(_ depot: LocalDepot) throws -> [Int] {
            try depot.events("enriched")
                .compactMap { ($0.object["signals"] as? [String: Any])?["seq"] as? Int }
        }

        /// A depot whose gateway has dead-lettered so many messages, and one that can't be mended.
        private func brokenDepot(_ count: Int) async throws -> LocalDepot {
            let depot = try LocalDepot.test()
            try depot.startBroker()
            try depot.configure(Self.wrong)
            try await depot.runGateway()
            var broken = TestMessage("fleet/car-1/state", "")
            broken.payload = [0xFF, 0x00]
            try depot.publish((1...count).map { .state("car-1", $0) } + [broken])
            try await until("all are dead letters", explain: { depot.explanation }) {
                try depot.events("dead_letter").count == count + 1
            }
            depot.endGateway()
            try depot.configure()
            return depot
        }

        @Test("a running gateway replays each dead letter once")
        func runningGatewayReplays() async throws {
            let depot = try await brokenDepot(700)
            defer { depot.close() }
            try await depot.runGateway()
            let preview = try replay(depot, "--all", "--dry-run")
            #expect(preview.code == 0, "\(preview.output)")
            #expect(
                preview.output.contains(
                    "would replay 701 of 701: 700 would take effect, 1 would become dead letters again"
                )
            )
            #expect(preview.output.contains("1 × not_json"))
            #expect(try enriched(depot) == [])

            let done = try replay(depot, "--all")
            #expect(
                done.output.contains(
                    "replayed 701 of 701: 700 took effect, 1 became dead letters again"
                )
            )
            #expect(done.code == 1)
            #expect(try enriched(depot) == Array(1...700))
            #expect(try depot.extent("raw").next == 702)
            #expect(depot.metrics.count("gateway_dead_letter_replays_total") == 701)
            let again = try #require(try depot.events("dead_letter").last)
            #expect(again.object["replay_of"] as? Int == 701)

            let second = try replay(depot, "--reason", "no_vehicle")
            #expect(second.code == 0)
            #expect(second.output.contains("replayed 0 of 0"))
            let one = try replay(depot, "--offset", "5")
            #expect(one.output.contains("1 were replayed before"))
            #expect(try enriched(depot).count == 700)
            // Live messages go on as before.
            try depot.publish([.state("car-1", 900)])
            try await until("the next is in") { try enriched(depot).last == 900 }
        }

        @Test(
            "without a running gateway the command replays by itself, and the gateway goes on from there"
        )
        func stoppedGatewayIsReplayed() async throws {
            let depot = try await brokenDepot(300)
            defer { depot.close() }
            let done = try replay(depot, "--reason", "no_vehicle")
            #expect(done.code == 0, "\(done.output)")
            #expect(done.output.contains("replayed 300 of 300: 300 took effect"))
            #expect(try enriched(depot) == Array(1...300))
            let second = try replay(depot, "--offset", "1")
            #expect(second.output.contains("1 were replayed before"))
            try await depot.runGateway()
            try depot.publish([.state("car-1", 301)])
            try await until("the next is in") { try enriched(depot) == Array(1...301) }
        }

        @Test("list, group, show and export tell what there is")
        func commandsTellWhatThereIs() async throws {
            let depot = try await brokenDepot(3)
            defer { depot.close() }
            _ = try replay(depot, "--offset", "2")
            func run(_ arguments: String...) throws -> (code: Int32, output: String) {
                try depot.run(
                    ["deadletters", arguments[0], "--config", depot.configurationFile]
                        + arguments.dropFirst()
                )
            }
            let list = try run("list").output.split(separator: "\n")
            #expect(list.count == 5)
            #expect(list[0].hasPrefix("OFFSET"))
            #expect(list[2].contains("[replayed] no vehicle id at 'vin'"))
            #expect(try run("list", "--not-replayed").output.split(separator: "\n").count == 4)
            #expect(try run("list", "--limit", "1").output.contains("not valid UTF-8"))
            let group = try run("group").output.split(separator: "\n")
            #expect(group.count == 3)
            #expect(group[1].hasPrefix("3"))
            #expect(group[1].contains("no_vehicle"))
            let show = try run("show", "4").output
            #expect(show.contains("ff 00"))
            #expect(show.contains("replay    possible"))
            #expect(try run("show", "99").code == 1)
            let lines = try run("export", "--reason", "not_json").output
            #expect(parseJSON(lines)["offset"] as? Int == 4)
            let folder = depot.folder + "/mend"
            #expect(try run("export", "--raw", folder).code == 0)
            #expect(FileManager.default.contents(atPath: folder + "/4.payload") == Data([0xFF, 0]))
            #expect(try run("export", "--raw", folder).code == 1)
            #expect(try run("replay").code == 64)
        }

        @Test("too many dead letters are told once, over a restart too")
        func alarmIsToldOnce() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let rest = "log: { retention: { dead_letter: { bytes: 2MiB, alarm: 20KiB } } }"
            try depot.configure(GatewayFile(rest: rest))
            try await depot.runGateway()
            func alarms() throws -> [String] {
                try depot.events("outlier").filter { $0.topic == "dead_letters_growing" }
                    .compactMap { $0.object["state"] as? String }
            }
            let padding = String(repeating: "x", count: 1_000)
            let broken = TestMessage("fleet/car-1/state", "broken \(padding)")
            try depot.publish(Array(repeating: broken, count: 40))
            try await until("it is told", explain: { depot.explanation }) {
                try alarms() == ["firing"]
            }
            #expect(depot.readiness == 200)
            #expect(depot.health.contains(#""status":"degraded""#))
            #expect(depot.health.contains(#""dead_letters":{"status":"growing""#))
            depot.endGateway()
            try await depot.runGateway()
            try await until("the restarted one knows") { depot.health.contains("growing") }
            #expect(try alarms() == ["firing"])
            depot.endGateway()
            try depot.configure(
                GatewayFile(rest: "log: { retention: { dead_letter: { alarm: 1MiB } } }")
            )
            try await depot.runGateway()
            try await until("it is over") { try alarms() == ["firing", "resolved"] }
            #expect(!depot.health.contains("growing"))
        }

        @Test("the request that changes something needs the token from the data directory")
        func requestNeedsTheToken() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let file = depot.dataDirectory + "/" + GatewayAddress.fileName
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            let address = try #require(GatewayAddress.read(in: depot.dataDirectory))
            #expect(address.port == depot.httpPort)
            func status(_ token: String, _ body: String) -> String {
                let answer = LocalDepot.exchange(
                    port: depot.httpPort,
                    "POST /api/deadletters/replay HTTP/1.1\r\nHost: localhost\r\n"
                        + "Authorization: Bearer \(token)\r\nContent-Length: \(body.utf8.count)\r\n"
                        + "Connection: close\r\n\r\n\(body)"
                )
                return String((answer ?? "").prefix(12).suffix(3))
            }
            #expect(status("", #"{"offsets":[1]}"#) == "401")
            #expect(status(String(address.token.dropLast()) + "x", #"{"offsets":[1]}"#) == "401")
            #expect(status(address.token, #"{"offsets":[]}"#) == "400")
            #expect(status(address.token, "nonsense") == "400")
            #expect(status(address.token, #"{"offsets":[1]}"#) == "200")
        }
    }
}
