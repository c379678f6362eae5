// SPDX-License-Identifier: Apache-2.0
// Goal: messages of many makers come out leaf by leaf as the examples in docs/examples/formats have them, and none
// is taken for a change. Method: `DocumentProof`, a part of `make prove-schema`, on the samples of the examples.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct DocumentProofTests {
        @Test("every leaf of the samples comes out as the model has it, and no change is told")
        func leavesAreTheModels() async throws {
            let report = try await offPool {
                var report = SchemaReport()
                let depot = try LocalDepot.test()
                defer { depot.close() }
                try DocumentProof.widenAccess(depot)
                try depot.startBroker()
                let proof = DocumentProof(depot: depot, data: nil) { print("schema: \($0)") }
                try proof.run(into: &report)
                return report
            }
            print(report.line)
            #expect(report.documents > DocumentSet.all.count)
            #expect(report.paths > report.documents)
            #expect(report.wrong == 0 && report.failed == 0 && report.falseAlarms == 0)
        }
    }
}
