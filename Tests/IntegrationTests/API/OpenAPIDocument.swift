// SPDX-License-Identifier: Apache-2.0
// The part of OpenAPI 3.1 and JSON Schema that docs/openapi.yaml uses. A keyword that is not known
// here is a failure: what the file promises must be checked.
import Foundation
import Yams

@testable import DepotTesting
@testable import Gateway

/// A value of JSON or YAML.
enum JSONTree: Equatable, Decodable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    case array([JSONTree])
    case object([String: JSONTree])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONTree].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONTree].self))
        }
    }

    init(json: String) throws {
        self = try JSONDecoder().decode(JSONTree.self, from: Data(json.utf8))
    }

    init(yaml: Any) throws {
        switch yaml {
        case is NSNull: self = .null
        case let value as Bool: self = .bool(value)
        case let value as Int: self = .integer(Int64(value))
        case let value as Double: self = .number(value)
        case let value as String: self = .text(value)
        case let value as [Any]: self = .array(try value.map { try JSONTree(yaml: $0) })
        case let value as [AnyHashable: Any]:
            var members: [String: JSONTree] = [:]
            for (key, member) in value {
                guard let key = key as? String else {
                    throw DepotError(description: "the key \(key) is no text")
                }
                members[key] = try JSONTree(yaml: member)
            }
            self = .object(members)
        default: throw DepotError(description: "no JSON: \(type(of: yaml))")
        }
    }

    subscript(_ name: String) -> JSONTree? { object[name] }

    var object: [String: JSONTree] { if case .object(let members) = self { members } else { [:] } }
    var array: [JSONTree] { if case .array(let elements) = self { elements } else { [] } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

    /// The name of its type in a schema.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .text: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

/// A parsed docs/openapi.yaml.
struct OpenAPIDocument {
    private static let schemaKeywords: Set<String> = [
        "type", "properties", "required", "items", "enum", "additionalProperties", "description",
        "minimum", "maximum", "maxLength", "default",
    ]

    let root: JSONTree

    init(text: String) throws {
        guard let yaml = try Yams.load(yaml: text) else {
            throw DepotError(description: "the description is empty")
        }
        root = try JSONTree(yaml: yaml)
    }

    /// One documented method of one path.
    struct Operation {
        var method: String
        var path: String
        var parameters: [JSONTree]
        var responses: [String: JSONTree]
    }

    /// Everything that is documented, references resolved.
    func operations() throws -> [Operation] {
        try (root["paths"]?.object ?? [:])
            .flatMap { path, methods in
                try methods.object.map { method, operation in
                    Operation(
                        method: method.uppercased(),
                        path: path,
                        parameters: try (operation["parameters"]?.array ?? []).map(resolve),
                        responses: try (operation["responses"]?.object ?? [:]).mapValues(resolve)
                    )
                }
            }
            .sorted { $0.path < $1.path }
    }

    /// What a reference stands for; anything else stands for itself.
    func resolve(_ tree: JSONTree) throws -> JSONTree {
        guard let reference = tree["$ref"]?.text else { return tree }
        var found: JSONTree? = root
        for part in reference.split(separator: "/").dropFirst() { found = found?[String(part)] }
        guard let found, reference.hasPrefix("#/") else {
            throw DepotError(description: "\(reference) leads nowhere")
        }
        return try resolve(found)
    }

    /// What is wrong with a value by a schema, each with its place.
    func problems(
        of value: JSONTree,
        by schema: JSONTree,
        at place: String = "$"
    ) throws -> [String] {
        let schema = try resolve(schema)
        var problems: [String] = []
        for keyword in schema.object.keys where !Self.schemaKeywords.contains(keyword) {
            problems.append("\(place): the keyword \(keyword) is not checked")
        }
        let types = schema["type"].map { $0.text.map { [$0] } ?? $0.array.compactMap(\.text) }
        let isNumber = value.typeName == "integer" && types?.contains("number") == true
        if let types, !types.contains(value.typeName), !isNumber {
            problems.append("\(place): \(value.typeName) instead of \(types)")
        }
        if let allowed = schema["enum"]?.array, !allowed.contains(value) {
            problems.append("\(place): \(value) is none of \(allowed)")
        }
        for name in schema["required"]?.array.compactMap(\.text) ?? []
        where value[name] == nil {
            problems.append("\(place): \(name) is missing")
        }
        let properties = schema["properties"]?.object ?? [:]
        for (name, member) in value.object {
            let further = schema["additionalProperties"]
            if let property = properties[name] {
                problems += try self.problems(of: member, by: property, at: "\(place).\(name)")
            } else if let further, further != .bool(false) {
                problems += try self.problems(of: member, by: further, at: "\(place).\(name)")
            } else {
                problems.append("\(place): \(name) is not described")
            }
        }
        for (index, element) in value.array.enumerated() {
            guard let items = schema["items"] else { continue }
            problems += try self.problems(of: element, by: items, at: "\(place)[\(index)]")
        }
        return problems
    }
}
