// SPDX-License-Identifier: Apache-2.0
// Two versions, compared as sets; what was guessed when the versions were made is told with it.

/// One path that is different in two versions.
struct SchemaDifference: Equatable, Sendable {
    var kind: SchemaChange.Kind
    var path: String
    /// Of a rename: what the first version calls it.
    var formerPath: String?
    var before: [SchemaType] = []
    var after: [SchemaType] = []
    /// As JSON.
    var exampleBefore: String?
    var exampleAfter: String?
    var evidence: [String] = []
    var unit: String?
}

/// What is different in the second of two versions.
struct SchemaDiff: Sendable {
    let first: SchemaContent
    let second: SchemaContent
    private(set) var differences: [SchemaDifference] = []

    /// Compares; `renames` are the guesses that events tell, new name to former and evidence.
    init(
        _ first: SchemaContent,
        _ second: SchemaContent,
        renames: [(path: String, former: String, evidence: [String])],
        units: SchemaUnits
    ) {
        self.first = first
        self.second = second
        let before = Dictionary(grouping: first.paths, by: \.key.path)
        let after = Dictionary(grouping: second.paths, by: \.key.path)
        var former: [String: (path: String, evidence: [String])] = [:]
        for rename in renames {
            // A guess counts in the direction in which the versions are compared.
            for (old, new) in [(rename.former, rename.path), (rename.path, rename.former)]
            where before[old] != nil && before[new] == nil && after[new] != nil {
                former[new] = (old, rename.evidence)
            }
        }
        let renamed = Set(former.values.map(\.path))
        for path in Set(before.keys).union(after.keys) {
            let old = before[path] ?? []
            let new = after[path] ?? []
            guard old.map(\.key.type) != new.map(\.key.type) else { continue }
            if new.isEmpty, renamed.contains(path) { continue }
            var difference = SchemaDifference(kind: Self.kind(old, new), path: path)
            var origin = old
            if let (name, evidence) = former[path] {
                difference.kind = .likelyRename
                difference.formerPath = name
                difference.evidence = evidence
                origin = before[name] ?? []
            }
            difference.before = origin.map(\.key.type)
            difference.after = new.map(\.key.type)
            difference.exampleBefore = Self.example(origin)
            // Of a path that has kept a type, the value of the type that it has got.
            let added = new.filter { path in !origin.contains { $0.key.type == path.key.type } }
            difference.exampleAfter = Self.example(added) ?? Self.example(new)
            difference.unit = (new + old).lazy.compactMap { units[$0] }.first
            differences.append(difference)
        }
        differences.sort { ($0.path, $0.kind.rawValue) < ($1.path, $1.kind.rawValue) }
    }

    var isEqual: Bool { differences.isEmpty }

    private static func kind(
        _ before: [StoredSchemaPath],
        _ after: [StoredSchemaPath]
    ) -> SchemaChange.Kind {
        let old = Set(before.map(\.key.type))
        let new = Set(after.map(\.key.type))
        if old.isEmpty { return .pathAdded }
        if new.isEmpty { return .pathGone }
        if new.isStrictSubset(of: old) { return .typeGone }
        if old.symmetricDifference(new) == [.null] { return .nullability }
        if old.subtracting(new).isSubset(of: [.int]), new.subtracting(old) == [.float] {
            return .typeWidened
        }
        return .typeChanged
    }

    private static func example(_ paths: [StoredSchemaPath]) -> String? {
        paths.lazy.filter { $0.key.type != .null }.compactMap(\.examples.last).first
    }
}

extension SchemaReader {
    /// Compares two versions, which may be of two groups.
    func diff(
        _ first: SchemaReference,
        _ second: SchemaReference,
        _ selection: SchemaSelection,
        units: SchemaUnits
    ) throws -> SchemaDiff {
        let first = try content(of: first, selection)
        let second = try content(of: second, selection)
        var renames: [(path: String, former: String, evidence: [String])] = []
        for content in [first, second] {
            // Of one group what lies between the two versions; of two groups all that led to them.
            let isOne = first.group.id == second.group.id
            let from = isOne ? min(first.version, second.version) + 1 : 1
            let to = isOne ? max(first.version, second.version) : content.version
            guard from <= to else { continue }
            for version in try versions(of: content.group.id, from...to) {
                for change in SchemaEvent(json: version.event)?.changes ?? [] {
                    guard let former = change.formerPath else { continue }
                    renames.append((change.path, former, change.evidence ?? []))
                }
            }
            if isOne { break }
        }
        return SchemaDiff(first, second, renames: renames, units: units)
    }
}

/// The units that the catalogue has, by path.
struct SchemaUnits: Sendable {
    private var units: [String: String] = [:]

    init(_ signals: [SignalConfiguration]) {
        for signal in signals {
            for path in signal.paths { units[path] = signal.unit }
        }
    }

    /// The unit of a path, also of one in a list whose first element the catalogue has.
    subscript(path: StoredSchemaPath) -> String? { units[path.key.path] ?? units[path.firstPath] }
}
