// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import Gateway

/// As much of JSON Schema (draft 7) as an export uses; every other keyword is a failure.
enum SchemaChecker {
    private static let annotations: Set<String> = [
        "$schema", "title", "$comment", "description", "examples", "unit",
    ]
    private static let keywords: Set<String> = [
        "type", "properties", "required", "items", "anyOf", "minimum", "maximum",
    ]

    /// What is wrong with a text by a schema.
    static func problems(of text: String, by schema: [String: Any]) throws -> [String] {
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return problems(of: value, by: schema, at: "$")
    }

    static func problems(of value: Any, by schema: [String: Any], at place: String) -> [String] {
        var problems = Set(schema.keys).subtracting(keywords).subtracting(annotations)
            .map { "\(place): unknown keyword \($0)" }
        let types = schema["type"] as? [String] ?? (schema["type"] as? String).map { [$0] }
        if let types, !types.contains(where: { fits(value, $0) }) {
            problems.append("\(place): not \(types)")
        }
        if let choices = schema["anyOf"] as? [[String: Any]],
            !choices.contains(where: { self.problems(of: value, by: $0, at: place).isEmpty })
        {
            problems.append("\(place): fits none")
        }
        if let number = value as? NSNumber, kind(value) != "boolean" {
            if let minimum = schema["minimum"] as? Double, number.doubleValue < minimum {
                problems.append("\(place): below")
            }
            if let maximum = schema["maximum"] as? Double, number.doubleValue > maximum {
                problems.append("\(place): above")
            }
        }
        if let object = value as? [String: Any] {
            for name in schema["required"] as? [String] ?? [] where object[name] == nil {
                problems.append("\(place).\(name): missing")
            }
            for (name, member) in schema["properties"] as? [String: [String: Any]] ?? [:] {
                guard let value = object[name] else { continue }
                problems += self.problems(of: value, by: member, at: "\(place).\(name)")
            }
        }
        if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
            problems += list.flatMap { self.problems(of: $0, by: items, at: "\(place)[]") }
        }
        return problems
    }

    private static func fits(_ value: Any, _ type: String) -> Bool {
        let kind = kind(value)
        return kind == type || kind == "integer" && type == "number"
    }

    private static func kind(_ value: Any) -> String {
        switch value {
        case is NSNull: "null"
        case is String: "string"
        case is [Any]: "array"
        case is [String: Any]: "object"
        case let number as NSNumber:
            CFNumberKind.isBool(number)
                ? "boolean"
                : number.doubleValue == number.doubleValue.rounded() ? "integer" : "number"
        default: "?"
        }
    }
}

private enum CFNumberKind {
    static func isBool(_ number: NSNumber) -> Bool { unsafe number.objCType.pointee == 0x63 }
}
