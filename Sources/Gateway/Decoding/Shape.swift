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
        /// `"name":` as it stands in an enriched event.
        let encodedKey: [UInt8]
        let type: SignalType?
        let values: [String: SignalValue]
        /// A later column has the same name: its value is the one that counts.
        var isShadowed = false
    }

    let columns: [Column]
    /// Where the vehicle id and the parts of the event time are among the leaves.
    let vehicleLeaf: Int?
    let timeLeaves: [Int]
    /// The alerts that may change when a reading of this shape arrives; set by the rule engine.
    var plan: RulePlan?

    init(columns: [Column], vehicleLeaf: Int?, timeLeaves: [Int]) {
        var columns = columns
        var seen: Set<String> = []
        for position in columns.indices.reversed()
        where !seen.insert(columns[position].name).inserted {
            columns[position].isShadowed = true
        }
        self.columns = columns
        self.vehicleLeaf = vehicleLeaf
        self.timeLeaves = timeLeaves
    }
}

extension Shape.Column {
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
