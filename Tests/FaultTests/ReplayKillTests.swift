// SPDX-License-Identifier: Apache-2.0
// Goal: a dead letter that is replayed takes effect once, whatever dies meanwhile.
// Method: kill -9 in the middle of a replay of thousands, as often as it takes, then replay what is left.
import Foundation
import GRDB
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct ReplayKillTests {
        private static let count = 6_000

        private func numbers(_ depot: LocalDepot) throws -> [Int] {
            try depot.events("enriched")
                .compactMap { ($0.object["signals"] as? [String: Any])?["seq"] as? Int }
        }

        private func replayed(_ depot: LocalDepot) throws -> Int {
            try depot.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM replayed") ?? 0 }
        }

        @Test(
            "kill -9 in the middle of a replay: each takes effect once",
            arguments: [true, false]
        )
        func killInTheMiddle(isRunning: Bool) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let topics = "- { pattern: \"fleet/{device}/state\", vehicle: vin }"
            try depot.configure(GatewayFile(sources: [GatewayFile.source(topics: topics)]))
            try await depot.runGateway()
            try depot.publish((1...Self.count).map { .state("car-1", $0) })
            try await until("all are dead letters", seconds: 120, explain: { depot.explanation }) {
                try depot.extent("dead_letter").next == Self.count + 1
            }
            depot.endGateway()
            try depot.configure()
            let arguments = [
                "deadletters", "replay", "--config", depot.configurationFile, "--all",
            ]
            var kills = 0
            for _ in 1...10 where kills < 3 {
                if isRunning { try await depot.runGateway() }
                let before = try replayed(depot)
                let command = try ChildProcess(
                    depot.program,
                    arguments,
                    output: depot.folder + "/replay.log"
                )
                try await until("some are replayed", explain: { depot.explanation }) {
                    try replayed(depot) > before || !command.isRunning
                }
                if isRunning { depot.killGateway() } else { command.kill() }
                _ = command.wait()
                let after = try replayed(depot)
                if after > before, after < Self.count { kills += 1 }
                // What is noted and what took effect are one, at any moment.
                #expect(try numbers(depot).count == after)
                if after == Self.count { break }
            }
            #expect(kills > 0)
            if isRunning { try await depot.runGateway() }
            let last = try depot.run(arguments)
            #expect(last.code == 0, "\(last.output)")
            #expect(try numbers(depot) == Array(1...Self.count))
            let again = try depot.run(arguments)
            #expect(again.output.contains("replayed 0 of 0"))
            #expect(try numbers(depot).count == Self.count)
        }
    }
}
