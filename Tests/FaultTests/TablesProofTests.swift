// SPDX-License-Identifier: Apache-2.0
// Goal: tables end as their source has them and readings are joined with what held at their time, whatever
// happens on the way. Method: `TablesProof`, the same that `make prove-tables` runs, for a few short rounds.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct TablesProofTests {
        @Test("tables and joins are the model's, under kills, repeats and reloads")
        func joinsAreTheModels() async throws {
            let rounds =
                ProcessInfo.processInfo.environment["ROUNDS"].flatMap { Int($0) } ?? 3
            let report = try await offPool {
                var proof = TablesProof(
                    rounds: rounds,
                    isQuick: true,
                    assets: Repository.root,
                    program: Repository.gateway
                )
                print("tables: seed \(proof.seed)")
                proof.onNote = { print("tables: \($0)") }
                return try proof.run()
            }
            print(report.line)
            #expect(report.rounds == rounds)
            #expect(report.kills > 0)
            #expect(report.joined > 0)
            #expect(report.isProven, "\(report.line)")
        }
    }
}
