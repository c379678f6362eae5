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
        /// Where it is in the payload, after pivoting and exploding and before the catalogue names it.
        let path: String
        /// The path with `*` for every index of an array: what all elements of one have in common.
        let pattern: String
        /// `"name":` as it stands in an enriched event.
        let encodedKey: [UInt8]
        let type: SignalType?
        let values: [String: SignalValue]
        /// What stands there is a scalar, and no empty array or object.
        let hasValue: Bool
        /// A later column has the same name: its value is the one that counts.
        var isShadowed = false

        /// Its path goes through an array by index.
        var isInArray: Bool { pattern != path }
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
    /// When its decoder used it last, counted in uses.
    var lastUse: UInt64 = 0

    init(id: UInt64, columns: [Column], vehicleLeaf: Int?, timeLeaves: [Int]) {
        var columns = columns
        var seen: Set<ExactText> = []
        for position in columns.indices.reversed()
        where columns[position].hasValue
            && !seen.insert(ExactText(columns[position].name)).inserted
        {
            columns[position].isShadowed = true
        }
        self.id = id
        self.columns = columns
        self.vehicleLeaf = vehicleLeaf
        self.timeLeaves = timeLeaves
    }
}

/// Where a leaf is in a payload.
struct LeafPlace {
    var path: String
    /// The path with `*` for every index of an array.
    var pattern: String
    /// It is a scalar, and no empty array or object.
    var hasValue = true
}

extension LeafPlace {
    /// A path without an index.
    init(_ path: String) {
        self.init(path: path, pattern: path)
    }

    /// The same under a path without an index.
    func at(_ path: String) -> LeafPlace {
        LeafPlace(path: path, pattern: path, hasValue: hasValue)
    }

    /// The same below a name: `speed.0` for `0` below `speed`; an empty path is the name itself.
    func below(_ name: String) -> LeafPlace {
        guard !path.isEmpty else { return at(name) }
        return LeafPlace(path: "\(name).\(path)", pattern: "\(name).\(pattern)", hasValue: hasValue)
    }

    /// `value.x` as `stem.x`; `nil` when the path does not start with the field.
    func renamed(from field: String, to stem: String) -> LeafPlace? {
        if path == field { return at(stem) }
        guard let rest = path.rest(behind: "\(field)."),
            let general = pattern.rest(behind: "\(field).")
        else { return nil }
        return LeafPlace(path: "\(stem).\(rest)", pattern: "\(stem).\(general)", hasValue: hasValue)
    }
}

extension Shape.Column {
    /// The column of a path, as the catalogue has it.
    init(_ place: LeafPlace, leaf: Int, signals: SignalTable) {
        let entry = signals.entry(path: place.path)
        let name = entry?.name ?? place.path
        var key = JSONWriter()
        key.key(name)
        self.init(
            leaf: leaf,
            signal: signals.id(ofPayload: name),
            name: name,
            path: place.path,
            pattern: place.pattern,
            encodedKey: key.bytes,
            type: entry?.type,
            values: entry?.values ?? [:],
            hasValue: place.hasValue
        )
    }

    /// A column that is looked at by its path only, and is no signal.
    init(unnamed place: LeafPlace, leaf: Int) {
        self.init(
            leaf: leaf,
            signal: nil,
            name: place.path,
            path: place.path,
            pattern: place.pattern,
            encodedKey: [],
            type: nil,
            values: [:],
            hasValue: place.hasValue
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
