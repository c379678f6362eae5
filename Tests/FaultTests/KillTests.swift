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
                var proof = KillProof(
                    rounds: rounds,
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
    }
}
