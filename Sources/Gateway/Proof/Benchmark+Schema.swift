// SPDX-License-Identifier: Apache-2.0
// What watching schemas costs on known shapes, and what flattening costs beside others that do it.
import Foundation

extension Benchmark {
    private static let schemaRuns = 9
    private static let schemaBatch = 100

    func measureSchema() throws {
        say("bench: the same messages with schemas watched and not, known shapes only")
        try compareWatching(
            "typical",
            SchemaBenchLoad.typical(scale.schemaMessages),
            leaves: 18
        )
        let nested = (0..<scale.schemaMessages / 10).map { SchemaBenchLoad.nested($0) }
        try compareWatching("nested", nested, leaves: 200)
        try compareFlattening(Array(nested.prefix(scale.schemaMessages / 100)))
    }

    /// The two take turns batch by batch, so that a slow moment of the machine hits both alike.
    private func compareWatching(_ name: String, _ payloads: [[UInt8]], leaves: Int) throws {
        let plain = try SchemaBenchRig(watches: false)
        let watching = try SchemaBenchRig(watches: true)
        let batches = stride(from: 0, to: payloads.count, by: Self.schemaBatch)
            .map { Array(payloads[$0..<min($0 + Self.schemaBatch, payloads.count)]) }
        var without: [Double] = []
        var with: [Double] = []
        var difference: [Double] = []
        // The first run learns and is not counted.
        for run in 0...Self.schemaRuns {
            var (off, on) = (0.0, 0.0)
            for (number, batch) in batches.enumerated() {
                // Who goes first finds colder caches.
                if number.isMultiple(of: 2) {
                    off += try plain.cpuMicroseconds(of: plain.batch(batch))
                    on += try watching.cpuMicroseconds(of: watching.batch(batch))
                } else {
                    on += try watching.cpuMicroseconds(of: watching.batch(batch))
                    off += try plain.cpuMicroseconds(of: plain.batch(batch))
                }
            }
            guard run > 0 else { continue }
            let count = Double(payloads.count)
            without.append(off / count)
            with.append(on / count)
            difference.append((on - off) / count)
        }
        func median(_ values: [Double]) -> Double { Percentiles(values).at(0.5) }
        note("schema_\(name)_off_cpu_us", median(without))
        note("schema_\(name)_on_cpu_us", median(with))
        note("schema_\(name)_watch_cpu_us", median(difference))
    }

    /// What it takes to have every scalar of a nested text with its path.
    private func compareFlattening(_ payloads: [[UInt8]]) throws {
        let yardstick = try FlatteningYardstick()
        let parser = JSONParser(depthMax: 32)
        let padding = [UInt8](repeating: 0, count: JSONParser.padding)
        let padded = payloads.map { $0 + padding }
        func cost(_ body: (Int) throws -> Int) throws -> Double {
            var costs: [Double] = []
            for _ in 0..<Self.schemaRuns {
                let before = clock()
                for index in payloads.indices {
                    guard try body(index) == 200 else {
                        throw DepotError(description: "a payload has lost leaves")
                    }
                }
                costs.append(JoinRig.microseconds(clock() - before) / Double(payloads.count))
            }
            return Percentiles(costs).at(0.5)
        }
        let ours = try cost { index in
            let document = try parser.parse(padded[index], in: 0..<payloads[index].count)
            var leaves = 0
            for position in document.leaves(of: 0) where document.value(at: position) != nil {
                leaves += 1
            }
            return leaves
        }
        let sqlite = try cost { try yardstick.leavesOfSQLite(payloads[$0]) }
        let foundation = try cost { try yardstick.leavesOfFoundation(payloads[$0]) }
        note("schema_flatten_cpu_us", ours)
        note("schema_flatten_json_tree_ratio", sqlite / ours)
        note("schema_flatten_foundation_ratio", foundation / ours)
    }
}
