// SPDX-License-Identifier: Apache-2.0
// What docs/flattening.md says, told again as plainly as it can be, to hold the parser's walk against.
@testable import Gateway

/// Flattens a document as the rules say.
struct FlatteningModel {
    /// A leaf with its names.
    struct Leaf {
        var path: [UInt8]
        var pattern: [UInt8]
        var kind: SignalKind
        var value: SignalValue?
    }

    /// Where something stands: by levels as the configuration counts them, by names, and by position.
    private struct Place {
        var levels: [[UInt8]] = []
        var names: [[UInt8]] = []
        var patterns: [[UInt8]] = []
        var positions: [Int] = []

        func key(_ key: String, _ position: Int) -> Place {
            var next = self
            next.levels += Array(key.utf8)
                .split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                .map(Array.init)
            next.names.append(Array(key.utf8))
            next.patterns.append(Array(key.utf8))
            next.positions.append(position)
            return next
        }

        func element(_ name: String, pattern: String, _ position: Int) -> Place {
            var next = self
            next.levels.append(Array(name.utf8))
            next.names.append(Array(name.utf8))
            next.patterns.append(Array(pattern.utf8))
            next.positions.append(position)
            return next
        }
    }

    private let rules: [(segments: [[UInt8]], mode: ArrayMode)]

    init(_ arrays: [ArrayConfiguration]) {
        rules = arrays.sorted { $0.wildcardCount < $1.wildcardCount }
            .map { array in
                let segments = Array(array.path.utf8)
                    .split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                return (segments.map(Array.init), array.mode)
            }
    }

    /// The leaves of each element of a text.
    func elements(of root: JSONTree) -> [[Leaf]] {
        guard case .array(let items) = root else { return readings(of: root) }
        return items.flatMap { readings(of: $0) }
    }

    private func readings(of root: JSONTree) -> [[Leaf]] {
        guard let target = explosions(in: root, Place()).last else {
            return [leaves(of: root, Place(), target: nil, item: 0)]
        }
        return (0..<target.count)
            .map { leaves(of: root, Place(), target: target.positions, item: $0) }
    }

    private func mode(_ place: Place) -> ArrayMode? {
        rules.first { rule in
            rule.segments.count == place.levels.count
                && zip(rule.segments, place.levels)
                    .allSatisfy { $0 == $1 || $0 == [UInt8(ascii: "*")] }
        }?
        .mode
    }

    /// The members or items of a container with their places, as pivots name them.
    private func children(_ tree: JSONTree, _ place: Place) -> [(JSONTree, Place)] {
        switch tree {
        case .scalar: []
        case .object(let members):
            members.enumerated().map { ($1.value, place.key($1.key, $0)) }
        case .array(let items):
            items.enumerated()
                .map { index, item in
                    guard case .pivot(let key)? = mode(place), case .object(let members) = item,
                        let name = name(in: members, key)
                    else { return (item, place.element(String(index), pattern: "*", index)) }
                    let rest = members.filter { Array($0.key.utf8) != Array(key.utf8) }
                    return (.object(rest), place.element(name, pattern: name, index))
                }
        }
    }

    private func name(in members: [(key: String, value: JSONTree)], _ key: String) -> String? {
        switch members.last(where: { Array($0.key.utf8) == Array(key.utf8) })?.value {
        case .scalar(.text(let text)): text
        case .scalar(.int(let number)): String(number)
        case .scalar(.unsigned(let number)): String(number)
        default: nil
        }
    }

    /// The arrays that are to be exploded, in document order.
    private func explosions(
        in tree: JSONTree,
        _ place: Place
    ) -> [(positions: [Int], count: Int)] {
        if case .array(let items) = tree, !items.isEmpty, mode(place) == .explode {
            return [(place.positions, items.count)]
        }
        return children(tree, place).flatMap { explosions(in: $0, $1) }
    }

    private func leaves(
        of tree: JSONTree,
        _ place: Place,
        target: [Int]?,
        item: Int
    ) -> [Leaf] {
        if case .array(let items) = tree, place.positions == target, !items.isEmpty {
            return leaves(of: items[item], place, target: nil, item: 0)
        }
        if let kind = tree.kind {
            var value: SignalValue?
            if case .scalar(let scalar) = tree { value = scalar }
            let dot = [UInt8(ascii: ".")]
            return [
                Leaf(
                    path: Array(place.names.joined(separator: dot)),
                    pattern: Array(place.patterns.joined(separator: dot)),
                    kind: kind,
                    value: value
                )
            ]
        }
        return children(tree, place)
            .flatMap { leaves(of: $0, $1, target: target, item: item) }
    }
}
