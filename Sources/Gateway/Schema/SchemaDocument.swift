// SPDX-License-Identifier: Apache-2.0
// JSON Schema (draft 7) of what was seen. Only keywords that a contract may have, so that an export can be
// one; nothing is forbidden by it but other types, and what every message had must be there.

/// Writes a version of a group as JSON Schema.
struct SchemaDocument {
    /// How much of what was seen becomes part of the schema.
    struct Options: Equatable, Sendable {
        /// The ranges of numbers, as far as they were looked at.
        var hasRanges = false
    }

    private let content: SchemaContent
    private let units: SchemaUnits
    private let options: Options
    private var json = JSONWriter()

    /// The document, in one line.
    static func json(
        of content: SchemaContent,
        units: SchemaUnits,
        options: Options
    ) -> [UInt8] {
        var document = SchemaDocument(content: content, units: units, options: options)
        document.writeRoot()
        return document.json.bytes
    }

    private init(content: SchemaContent, units: SchemaUnits, options: Options) {
        self.content = content
        self.units = units
        self.options = options
    }

    private mutating func writeRoot() {
        let group = content.group
        json.raw("{")
        json.member("$schema")
        json.string("http://json-schema.org/draft-07/schema#")
        json.member("title")
        json.string("\(group.place), version \(content.version)")
        json.member("$comment")
        json.string(
            "What \(group.messages) messages from \(group.firstSeen.iso8601) to "
                + "\(group.lastSeen.iso8601) had. Dots inside keys look like nesting."
        )
        let root = SchemaTree(content.paths)
        writeType(["object"])
        writeMembers(of: root, isRequiring: true)
        json.raw("}")
    }

    /// `isRequiring` is false within lists: that a message had a path says nothing of each element.
    private mutating func write(_ node: SchemaTree, isRequiring: Bool) {
        let values = node.seen.filter { $0.key.type != .array && $0.key.type != .object }
        let isObject = !node.members.isEmpty || node.seen.contains { $0.key.type == .object }
        let isList = node.items != nil || node.seen.contains { $0.key.type == .array }
        json.raw("{")
        defer { json.raw("}") }
        // What only applies to objects or lists says nothing of null, so it may stand beside it.
        let isNullable = values.allSatisfy { $0.key.type == .null }
        if isObject != isList, isNullable {
            describe(node.seen)
            writeType([isObject ? "object" : "array"] + (values.isEmpty ? [] : ["null"]))
            isObject
                ? writeMembers(of: node, isRequiring: isRequiring) : writeItems(of: node)
            return
        }
        guard isObject || isList else { return writeValues(values) }
        json.member("anyOf")
        json.raw("[")
        if !values.isEmpty {
            json.raw("{")
            writeValues(values)
            json.raw("}")
        }
        if isObject {
            json.separate()
            json.raw("{")
            describe(node.seen.filter { $0.key.type == .object })
            writeType(["object"])
            writeMembers(of: node, isRequiring: isRequiring)
            json.raw("}")
        }
        if isList {
            json.separate()
            json.raw("{")
            describe(node.seen.filter { $0.key.type == .array })
            writeType(["array"])
            writeItems(of: node)
            json.raw("}")
        }
        json.raw("]")
    }

    private mutating func writeMembers(of node: SchemaTree, isRequiring: Bool) {
        guard !node.members.isEmpty else { return }
        let messages = content.group.messages
        let required = node.members.filter {
            isRequiring && $0.node.isEverywhere(content.counts, messages: messages)
        }
        if !required.isEmpty {
            json.member("required")
            json.raw("[")
            for (name, _) in required {
                json.separate()
                json.string(name)
            }
            json.raw("]")
        }
        json.member("properties")
        json.raw("{")
        for (name, member) in node.members {
            json.member(name)
            write(member, isRequiring: isRequiring)
        }
        json.raw("}")
    }

    private mutating func writeItems(of node: SchemaTree) {
        guard let items = node.items else { return }
        json.member("items")
        write(items, isRequiring: false)
    }

    private mutating func writeValues(_ paths: [StoredSchemaPath]) {
        describe(paths)
        if let unit = paths.compactMap({ units[$0] }).first {
            json.member("unit")
            json.string(unit)
        }
        var types: [String] = []
        for path in paths where !types.contains(path.key.type.schemaName) {
            types.append(path.key.type.schemaName)
        }
        // Nobody thinks of null first.
        writeType(types.filter { $0 != "null" } + types.filter { $0 == "null" })
        if options.hasRanges { writeRange(of: paths.filter(\.key.type.isNumber)) }
        // A masked number is a text, and no example of a number.
        let examples = paths.flatMap { path in
            path.examples.filter { path.key.type.isLike(SchemaType(json: $0)) }
        }
        guard !examples.isEmpty else { return }
        json.member("examples")
        json.raw("[")
        for example in examples {
            json.separate()
            json.raw(Array(example.utf8))
        }
        json.raw("]")
    }

    private mutating func writeRange(of numbers: [StoredSchemaPath]) {
        for (name, bound) in [
            ("minimum", numbers.compactMap(\.minimum).min()),
            ("maximum", numbers.compactMap(\.maximum).max()),
        ] {
            guard let bound else { continue }
            json.member(name)
            json.bound(bound)
        }
    }

    private mutating func describe(_ paths: [StoredSchemaPath]) {
        guard let first = paths.map(\.firstSeen).min(), let last = paths.map(\.lastSeen).max()
        else { return }
        let count = paths.reduce(0) { $0 + $1.count }
        json.member("description")
        guard count > 0 else {
            json.string(
                "in none of \(content.group.messages) messages; the vehicles' former group had it"
            )
            return
        }
        json.string(
            "in \(count) of \(content.group.messages) messages, first seen \(first.iso8601), "
                + "last seen \(last.iso8601)"
        )
    }

    private mutating func writeType(_ names: [String]) {
        json.member("type")
        guard names.count > 1 else { return json.string(names.first ?? "null") }
        json.raw("[")
        for name in names {
            json.separate()
            json.string(name)
        }
        json.raw("]")
    }
}

extension JSONWriter {
    /// A bound of a range; whole numbers without a fraction.
    mutating func bound(_ number: Double) {
        if let whole = Int64(exactly: number), whole.magnitude < 1 << 53 {
            int(whole)
        } else {
            double(number)
        }
    }
}

extension SchemaType {
    /// Its name in JSON Schema.
    fileprivate var schemaName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .int: "integer"
        case .float: "number"
        case .text: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The type of a scalar that is written as JSON.
    fileprivate init(json: String) {
        self =
            switch json.utf8.first {
            case UInt8(ascii: "\""): .text
            case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
            case UInt8(ascii: "n"): .null
            default: .float
            }
    }
}
