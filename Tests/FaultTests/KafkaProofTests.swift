// SPDX-License-Identifier: Apache-2.0
// Goal: what a broker acknowledged to a vehicle arrives in Kafka once and in order, whatever dies.
// Method: `KafkaProof`, the same that `make prove-kafka` runs: each fault once.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct KafkaProofTests {
        @Test("whatever breaks on the way into Kafka, every event arrives once")
        func everyEventArrivesOnce() async throws {
            let rounds =
                ProcessInfo.processInfo.environment["ROUNDS"].flatMap { Int($0) }
                ?? KafkaProof.Fault.allCases.count
            let report = try await offPool {
                let proof = KafkaProof(
                    rounds: rounds,
                    assets: Repository.root,
                    program: Repository.gateway
                )
                print("kafka: seed \(proof.seed)")
                return try proof.run()
            }
            print(report.line)
            #expect(report.rounds == rounds)
            #expect(report.acked > 0)
            #expect(report.isProven, "\(report.line)")
        }
    }
}
