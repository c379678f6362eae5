// SPDX-License-Identifier: Apache-2.0
// The parser's walk against an obvious model, on thousands of made-up documents and configurations.
import Testing

@testable import Gateway

@Suite struct FlatteningPropertyTests {
    private static let keys = [
        "a", "b", "k", "a.b", "b.", "", "é", "e\u{301}", "\u{301}", "0", "1", "*", "🚗", "a\u{0}",
    ]

    @Test(arguments: 1...40)
    func leavesAreWhatTheModelSays(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let parser = JSONParser(depthMax: 32)
        var shapes: [UInt64: [[UInt8]]] = [:]
        var numbers: [[UInt64]: [SignalKind]] = [:]
        for _ in 0..<100 {
            let arrays = Self.arrays(&random)
            let tree = Self.document(&random)
            let document = try parser.parse(
                tree.text,
                arrays: JSONArrays(arrays, explodedBytesMax: 1 << 20)
            )
            let expected = FlatteningModel(arrays).elements(of: tree)
            try #require(document.count == expected.count, "\(tree.text) \(arrays)")
            for (element, leaves) in expected.enumerated() {
                let found = document.leaves(of: element)
                try #require(found.count == leaves.count, "\(tree.text) \(arrays)")
                for (position, leaf) in zip(found, leaves) {
                    let path = parser.path(element: element, leaf: position)
                    let pattern = parser.pattern(element: element, leaf: position)
                    #expect(Array(path.utf8) == leaf.path, "\(tree.text) \(arrays)")
                    #expect(Array(pattern.utf8) == leaf.pattern, "\(tree.text) \(arrays)")
                    #expect(document.kind(at: position) == leaf.kind)
                    #expect(document.value(at: position) == leaf.value)
                }
                #expect(parser.pathBytes(of: element) == leaves.reduce(0) { $0 + $1.path.count })
                // Equal hashes promise equal names and kinds.
                let hash = document.hash(of: element)
                let shape = leaves.flatMap { [$0.path, [Self.shapeKind($0.kind)]] }
                #expect(shapes.updateValue(shape, forKey: hash) ?? shape == shape)
                let kinds = leaves.map(\.kind)
                let both = [hash, document.numberHash(of: element)]
                #expect(numbers.updateValue(kinds, forKey: both) ?? kinds == kinds)
            }
        }
    }

    private static func shapeKind(_ kind: SignalKind) -> UInt8 {
        kind == .float ? SignalKind.int.rawValue : kind.rawValue
    }

    private static func document(_ random: inout SplitMix64) -> JSONTree {
        // Few keys, so that collisions and configured paths are met often.
        let pool = (0..<random.int(2...5)).map { _ in random.pick(Self.keys) } + ["k"]
        let tree = random.object(random.int(1...5), levels: 5, emptyOneIn: 6) { random, _ in
            random.pick(pool)
        }
        return random.oneIn(8) ? .array([tree, tree]) : tree
    }

    private static func arrays(_ random: inout SplitMix64) -> [ArrayConfiguration] {
        var arrays: [String: ArrayMode] = [:]
        for _ in 0..<random.int(0...4) {
            let levels = (0..<random.int(1...3))
                .map { _ in random.pick(["a", "b", "k", "*", "0", "1", ""]) }
            arrays[levels.joined(separator: ".")] =
                random.oneIn(3) ? .index : .pivot(key: random.pick(["k", "a.b"]))
        }
        if random.oneIn(2) {
            let levels = (0..<random.int(1...2)).map { _ in random.pick(["a", "b", "k", "0"]) }
            arrays[levels.joined(separator: ".")] = .explode
        }
        return arrays.filter { !$0.key.isEmpty }.sorted { $0.key < $1.key }
            .map { ArrayConfiguration(path: $0.key, mode: $0.value) }
    }
}
