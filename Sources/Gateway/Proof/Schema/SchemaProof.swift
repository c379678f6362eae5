// SPDX-License-Identifier: Apache-2.0
// Goal: every leaf of what vehicles of many makers send comes out under its own path, and whatever a
// firmware changes is told once, while nothing else is.
// Method: replay documents of several makers through gateways with the configurations of docs/examples,
// and compare each leaf with a flattening of our own; then roll a firmware out over a running fleet, with
// kills, and compare what was told with what the script has changed.
import Foundation

/// Proves flattening and the schema history over running gateways.
struct SchemaProof {
    var seed: UInt64 = .random(in: .min ... .max)
    var assets: String?
    var program = LocalDepot.ownProgram
    var say: (String) -> Void = { _ in }

    func run() throws -> SchemaReport {
        let assets = try LocalDepot.findAssets(assets)
        var random = SplitMix64(seed: seed)
        var report = SchemaReport()
        let depot = try LocalDepot(assets: assets, program: program)
        defer { depot.close() }
        try depot.startBroker()
        var firmware = FirmwareProof(depot, say: say)
        try firmware.run(&random, into: &report)
        return report
    }
}
