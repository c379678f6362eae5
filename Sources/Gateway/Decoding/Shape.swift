// SPDX-License-Identifier: Apache-2.0

/// The layout of readings that look alike: what the value at each position is.
///
/// A message of a known shape allocates nothing for its keys: names, conversions and the rules
/// that it touches were looked up when the shape was first seen.
final class Shape {
    /// One signal of the shape.
    struct Column {
        /// Where its value is among the leaves of the element.
        let leaf: Int
        /// `nil` when the table of signals is full: passed on, but not merged.
        let signal: SignalID?
        let name: String
        /// Where it is in the payload, before the catalogue names it.
        let path: String
        /// The path with `*` for every index of an array: what all elements of one have in common.
        let pattern: String
        /// `"name":` as it stands in an enriched event.
        let encodedKey: [UInt8]
        let type: SignalType?
        let values: [String: SignalValue]
        /// A later column has the same name: its value is the one that counts.
        var isShadowed = false
    }

    /// No other shape that was made with the same table of signals has it.
    let id: UInt64
    let columns: [Column]
    /// Where the vehicle id and the parts of the event time are among the leaves.
    let vehicleLeaf: Int?
    let timeLeaves: [Int]
    /// The alerts that may change when a reading of this shape arrives; set by the rule engine.
    var plan: RulePlan?
    /// What its readings count for in the schema history; that of the group that had one last.
    var schema: SchemaShape?

    init(id: UInt64, columns: [Column], vehicleLeaf: Int?, timeLeaves: [Int]) {
        var columns = columns
        var seen: Set<String> = []
        for position in columns.indices.reversed()
        where !seen.insert(columns[position].name).inserted {
            columns[position].isShadowed = true
        }
        self.id = id
        self.columns = columns
        self.vehicleLeaf = vehicleLeaf
        self.timeLeaves = timeLeaves
    }
}

extension Shape {
    /// The lists that it goes through by index, by their pattern, with the length of the longest.
    var lists: [String: Int] {
        var lengths: [String: Int] = [:]
        for column in columns where column.isInArray {
            let pattern = column.pattern.split(separator: ".", omittingEmptySubsequences: false)
            let path = column.path.split(separator: ".", omittingEmptySubsequences: false)
            // Dots in keys stand in both alike.
            for (level, part) in pattern.enumerated() where part == "*" && path[level] != "*" {
                guard let index = Int(path[level]) else { continue }
                let list = pattern[..<level].joined(separator: ".")
                lengths[list] = max(lengths[list] ?? 0, index + 1)
            }
        }
        return lengths
    }
}

extension Shape.Column {
    var isInArray: Bool { pattern != path }

    /// The column of a path, as the catalogue has it.
    init(path: String, leaf: Int, signals: SignalTable) {
        let entry = signals.entry(path: path)
        let name = entry?.name ?? path
        var key = JSONWriter()
        key.key(name)
        self.init(
            leaf: leaf,
            signal: signals.id(ofPayload: name),
            name: name,
            path: path,
            pattern: path,
            encodedKey: key.bytes,
            type: entry?.type,
            values: entry?.values ?? [:]
        )
    }

    /// The value as the catalogue wants it.
    @inline(__always)
    func convert(_ value: SignalValue) -> SignalValue {
        if !values.isEmpty, let mapped = values[value.text] { return mapped }
        guard let type else { return value }
        return type.convert(value)
    }
}
