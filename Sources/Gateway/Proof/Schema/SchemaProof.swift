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
    /// The folder with formats/ and nested/; without one it is looked for beside the assets.
    var data: String?
    var program = LocalDepot.ownProgram
    var say: (String) -> Void = { _ in }

    func run() throws -> SchemaReport {
        let assets = try LocalDepot.findAssets(assets)
        var random = SplitMix64(seed: seed)
        var report = SchemaReport()
        let depot = try LocalDepot(assets: assets, program: program)
        defer { depot.close() }
        try DocumentProof.widenAccess(depot)
        try depot.startBroker()
        try DocumentProof(depot: depot, data: dataFolder(assets), say: say).run(into: &report)
        var firmware = FirmwareProof(depot, say: say)
        try firmware.run(&random, into: &report)
        return report
    }

    /// Where makers' documents are; `nil` when they are nowhere.
    private func dataFolder(_ assets: String) throws -> String? {
        let folder = data ?? assets + "/../shared/data"
        let isThere = ["formats", "nested"]
            .allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
        guard isThere || data == nil else {
            throw DepotError(description: "formats/ and nested/ are not in \(folder)")
        }
        return isThere ? folder : nil
    }
}
