// SPDX-License-Identifier: Apache-2.0
// JSON Schema has no units; the annotation `unit` says what a number means. The catalogue says it too,
// so the two are compared when the configuration is read.
import Yams

/// The unit that a schema gives a path of its messages.
struct DeclaredUnit: Sendable, Equatable {
    /// The steps of the path; `*` is any place in an array.
    var path: [String]
    var unit: String
    var file: String
    var line: Int
    var pointer: String

    /// Whether it is about a path of the catalogue.
    func describes(_ path: String) -> Bool {
        let steps = path.split(separator: ".", omittingEmptySubsequences: false)
        guard steps.count == self.path.count else { return false }
        return zip(steps, self.path).allSatisfy { $0 == $1 || ($1 == "*" && Int($0) != nil) }
    }
}

/// Goes through a schema and gathers the units of what it describes.
struct UnitWalk {
    /// References may meet on many ways; nobody wrote more units than this.
    private static let unitsMax = 10_000

    private let root: Node
    private let file: String
    private(set) var units: [DeclaredUnit] = []
    /// References that are being followed.
    private var trail: Set<String> = []

    init(_ root: Node, file: String) {
        self.root = root
        self.file = file
        visit(root, pointer: "", path: [])
    }

    private mutating func visit(_ node: Node, pointer: String, path: [String]) {
        guard let schema = node.mapping, units.count < Self.unitsMax else { return }
        for (key, value) in schema {
            guard let keyword = key.scalar?.string else { continue }
            let place = "\(pointer)/\(keyword)"
            switch keyword {
            case "unit":
                guard let unit = value.scalar?.string else { continue }
                let line = key.mark?.line ?? 0
                units.append(
                    DeclaredUnit(path: path, unit: unit, file: file, line: line, pointer: place)
                )
            case "properties":
                for (name, schema) in value.mapping ?? [:] {
                    let name = name.scalar?.string ?? ""
                    let steps = name.split(separator: ".", omittingEmptySubsequences: false)
                    visit(schema, pointer: "\(place)/\(name)", path: path + steps.map(String.init))
                }
            case "items", "additionalItems", "contains":
                if let sequence = value.sequence {
                    for (index, schema) in sequence.enumerated() {
                        visit(schema, pointer: "\(place)/\(index)", path: path + [String(index)])
                    }
                } else {
                    visit(value, pointer: place, path: path + ["*"])
                }
            case "allOf", "anyOf", "oneOf":
                for (index, schema) in (value.sequence ?? []).enumerated() {
                    visit(schema, pointer: "\(place)/\(index)", path: path)
                }
            case "then", "else": visit(value, pointer: place, path: path)
            case "$ref": follow(value.scalar?.string ?? "", path: path)
            default: continue
            }
        }
    }

    private mutating func follow(_ reference: String, path: [String]) {
        let pointer = reference.dropFirst()
        guard let node = root.node(at: pointer), trail.insert(reference).inserted else { return }
        visit(node, pointer: String(pointer), path: path)
        trail.remove(reference)
    }
}

extension Configuration {
    /// Reports units that a contract and the catalogue tell differently.
    func validateUnits(_ problems: ProblemCollector) {
        let declared = sources.flatMap(\.topics).compactMap(\.contract).flatMap(\.units)
        for unit in declared {
            for signal in signals {
                guard let known = signal.unit, known != unit.unit,
                    let path = signal.paths.first(where: { unit.describes($0) })
                else { continue }
                problems.report(
                    Problem(
                        file: unit.file,
                        line: unit.line,
                        key: unit.pointer,
                        message:
                            "the contract gives '\(path)' in '\(unit.unit)', and the catalogue "
                            + "gives its signal '\(signal.name)' in '\(known)'"
                    )
                )
            }
        }
    }
}
