// SPDX-License-Identifier: Apache-2.0
// Goal: what a firmware changes is told once, and nothing else is, also when the gateway is killed in between.
// Method: `FirmwareProof`, the second half of what `make prove-schema` runs.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct FirmwareProofTests {
        @Test("every step of a firmware's roll-out is told once, under kills")
        func rollOutIsTold() async throws {
            let report = try await offPool {
                let depot = try LocalDepot.test()
                defer { depot.close() }
                try depot.startBroker()
                // Says before which steps the gateway is killed.
                var random = SplitMix64(seed: 7)
                var report = SchemaReport()
                var proof = FirmwareProof(depot) { print($0) }
                try proof.run(&random, into: &report)
                return report
            }
            print(report.line)
            #expect(report.isProven, "\(report.line)")
        }
    }
}
