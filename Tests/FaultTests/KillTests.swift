// SPDX-License-Identifier: Apache-2.0
// Goal: nothing that a broker acknowledged to a vehicle is lost or taken twice, whatever dies.
// Method: `KillProof`, the same that `make prove-kill` runs. ROUNDS sets how often it kills.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct KillTests {
        private static let rounds =
            ProcessInfo.processInfo.environment["ROUNDS"].flatMap { Int($0) } ?? 30

        @Test("kill -9 at random moments loses nothing and doubles nothing", arguments: [5, 4])
        func killsLoseNothing(version: Int) async throws {
            let rounds = version == 5 ? Self.rounds : max(1, Self.rounds / 3)
            let report = try await offPool {
                // Half the rate of `make prove-kill`: the longer rounds take on a slow machine, the more piles up.
                var proof = KillProof(
                    rounds: rounds,
                    messagesPerSecond: 1_000,
                    assets: Repository.root,
                    program: Repository.gateway
                )
                proof.protocolVersion = version
                print("kill: seed \(proof.seed), MQTT \(version == 5 ? "5" : "3.1.1")")
                return try proof.run()
            }
            print(report.line)
            #expect(report.rounds == rounds)
            #expect(report.acked > 0)
            #expect(report.isProven, "\(report.line)")
        }

        // mosquitto 2.0.11 sends a queue without regard to Receive Maximum, so tens of thousands of
        // messages may come again.
        @Test("a kill while a long queue is worked off doubles nothing", arguments: ["5", "3.1.1"])
        func killWhileAQueueIsWorkedOff(version: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let source = GatewayFile.source(lines: ["protocol: \(version)"])
            try depot.configure(GatewayFile(sources: [source]))
            try await depot.runGateway()
            depot.endGateway()
            var published = 0
            var kills = 0
            for _ in 1...10 where kills < 2 {
                let portion = kills == 0 ? 2_000 : 7_000
                let head = Int(try depot.extent("raw").next)
                if published - head < portion + 5_000 {
                    let more = published + 1...published + 20_000
                    try depot.publish(more.map { .state("car-1", $0) })
                    published = more.upperBound
                }
                try depot.startGateway(waitsUntilReady: false)
                try await until(
                    "some of the queue is in",
                    seconds: 120,
                    explain: { depot.explanation }
                ) {
                    try depot.extent("raw").next > head + portion
                }
                depot.killGateway()
                // On a busy machine the queue may be at its end before its middle has been seen.
                if try depot.extent("raw").next <= published { kills += 1 }
            }
            #expect(kills == 2)
            try await depot.runGateway()
            try await until("the queue is in", seconds: 120, explain: { depot.explanation }) {
                try depot.extent("raw").next > published
            }
            try depot.publish([.state("car-1", published + 1)])
            try await until("what came last is in", explain: { depot.explanation }) {
                try depot.extent("raw").next > published + 1
            }
            let isOnceAndInOrder = try depot.numbersInLog() == ["car-1": Array(1...published + 1)]
            #expect(isOnceAndInOrder)
        }
    }
}
