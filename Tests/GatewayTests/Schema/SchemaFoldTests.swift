// SPDX-License-Identifier: Apache-2.0
// Paths are folded back into what they were flattened from. Method: random messages, and a flattening of
// the test's own, as plain as can be.
import Foundation
import Testing

@testable import Gateway

@Suite struct SchemaFoldTests {
    indirect enum Value {
        case scalar(SchemaType, String)
        case object([(name: String, value: Value)])
        case list([Value])

        var json: String {
            switch self {
            case .scalar(_, let text): text
            case .object(let members):
                "{" + members.map { "\"\($0.name)\":\($0.value.json)" }.joined(separator: ",") + "}"
            case .list(let elements):
                "[" + elements.map(\.json).joined(separator: ",") + "]"
            }
        }

        /// Every path with its type, and where it stood first.
        func flatten(_ pattern: String?, _ path: String?, _ found: inout [SchemaKey: String]) {
            func under(_ prefix: String?, _ name: String) -> String {
                prefix.map { "\($0).\(name)" } ?? name
            }
            func note(_ type: SchemaType, at path: String?) {
                guard let pattern, let path else { return }
                let key = SchemaKey(path: pattern, type: type)
                if found[key] == nil { found[key] = path }
            }
            switch self {
            case .scalar(let type, _): note(type, at: path)
            case .object(let members) where members.isEmpty: note(.object, at: path)
            case .object(let members):
                for (name, value) in members {
                    value.flatten(under(pattern, name), under(path, name), &found)
                }
            case .list(let elements) where elements.isEmpty: note(.array, at: path)
            case .list(let elements):
                note(.array, at: pattern)
                for (index, value) in elements.enumerated() {
                    value.flatten(under(pattern, "*"), under(path, "\(index)"), &found)
                }
            }
        }
    }

    /// What the log has when these messages were seen.
    private func content(_ messages: [Value]) -> SchemaContent {
        var firstPaths: [SchemaKey: String] = [:]
        var numbers: [SchemaKey: Set<Int>] = [:]
        var counts: [String: Int64] = [:]
        let found = messages.map { message in
            var found: [SchemaKey: String] = [:]
            message.flatten(nil, nil, &found)
            return found
        }
        let floats = Set(found.flatMap(\.keys).filter { $0.type == .float }.map(\.path))
        for (number, keys) in found.enumerated() {
            for (key, path) in keys {
                let isWide = key.type == .int && floats.contains(key.path)
                let key = isWide ? SchemaKey(path: key.path, type: .float) : key
                if firstPaths[key] == nil { firstPaths[key] = path }
                numbers[key, default: []].insert(number)
            }
        }
        let time = Timestamp.seconds(0)
        let paths = numbers.keys.sorted()
            .map { key in
                counts[key.path, default: 0] += Int64(numbers[key]?.count ?? 0)
                return StoredSchemaPath(
                    key: key,
                    addedIn: 1,
                    firstPath: firstPaths[key] ?? "",
                    count: Int64(numbers[key]?.count ?? 0),
                    firstSeen: time,
                    lastSeen: time,
                    examples: [],
                    lengthMax: 0
                )
            }
        let group = SchemaGroupRow(
            id: 1,
            source: "s",
            topic: "t",
            name: "",
            version: 1,
            isSettled: true,
            messages: Int64(messages.count),
            noveltyNumber: 1,
            firstSeen: time,
            lastSeen: time
        )
        return SchemaContent(group: group, version: 1, paths: paths, counts: counts)
    }

    private func schema(_ messages: [Value]) throws -> [String: Any] {
        let json = SchemaDocument.json(
            of: content(messages),
            units: SchemaUnits([]),
            options: .init(hasRanges: true)
        )
        return try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] ?? [:]
    }

    /// Nested objects, lists in lists, empty ones, nulls, and members that change their type.
    private func value(_ random: inout SplitMix64, _ depth: Int) -> Value {
        switch random.int(0...(depth > 0 ? 9 : 5)) {
        case 0: .scalar(.null, "null")
        case 1: .scalar(.bool, "true")
        case 2: .scalar(.int, String(random.int(-9...9)))
        case 3: .scalar(.float, "\(random.int(0...9)).5")
        case 4: .scalar(.text, "\"x\"")
        case 5: random.int(0...1) == 0 ? .object([]) : .list([])
        case 6, 7: object(&random, depth - 1)
        default: .list((0..<random.int(1...3)).map { _ in value(&random, depth - 1) })
        }
    }

    private func object(_ random: inout SplitMix64, _ depth: Int) -> Value {
        let names = ["a", "b", "0", ""].filter { _ in random.int(0...9) < 7 }
        return .object(names.map { ($0, value(&random, depth)) })
    }

    @Test(arguments: 1...25) func messagesFitTheirExport(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let messages = (0..<40)
            .map { number -> Value in
                guard case .object(let members) = object(&random, 3) else { return .object([]) }
                let always: [(String, Value)] = [
                    ("always", .scalar(.int, "\(number)")),
                    ("deep", .object([("er", .object([("always", .scalar(.text, "\"x\""))]))])),
                    ("list", .list([.object([("x", value(&random, 1))])])),
                ]
                return .object(always + members)
            }
        let schema = try schema(messages)
        for message in messages {
            let problems = try SchemaChecker.problems(of: message.json, by: schema)
            #expect(problems == [], "\(message.json)")
        }
        let required = try #require(schema["required"] as? [String])
        #expect(Set(required).isSuperset(of: ["always", "deep", "list"]))
        let good = #"{"always":1,"deep":{"er":{"always":"x"}},"list":[]"#
        // What is no list, text or object in any message is none in the schema.
        for wrong in [
            good.replacing(#""always":1,"#, with: ""),
            good.replacing(#"{"always":"x"}"#, with: "{}"),
            good.replacing("1", with: "\"1\""), good.replacing("[]", with: "{}"),
            good.replacing("[]", with: "[7]"),
        ] {
            let problems = try SchemaChecker.problems(of: wrong + "}", by: schema)
            #expect(!problems.isEmpty, "\(wrong)")
        }
    }

    private func property(_ schema: [String: Any], _ path: String) throws -> [String: Any] {
        var node = schema
        for name in path.split(separator: ".") {
            let members = name == "[]" ? node : node["properties"] as? [String: Any] ?? [:]
            node = try #require(members[name == "[]" ? "items" : String(name)] as? [String: Any])
        }
        return node
    }

    @Test func listsHaveItemsAndKeysThatAreStarsHaveNot() throws {
        let one = Value.scalar(.int, "1")
        let schema = try schema([
            .object([
                ("cells", .list([.object([("v", .list([one, .scalar(.float, "2.5")]))])])),
                ("*", .object([("*", .scalar(.bool, "true"))])), ("none", .list([])),
                ("nested", .list([.list([.list([])])])),
            ])
        ])
        #expect(try property(schema, "cells")["type"] as? String == "array")
        #expect(try property(schema, "cells.[].v.[]")["type"] as? String == "number")
        // That the message had it says nothing of each element.
        #expect(try property(schema, "cells.[]")["required"] == nil)
        #expect(try property(schema, "*.*")["type"] as? String == "boolean")
        #expect(try property(schema, "none")["items"] == nil)
        #expect(try property(schema, "nested.[].[]")["type"] as? String == "array")
        #expect(try property(schema, "nested.[].[]")["items"] == nil)
    }

    @Test func valueAndContainerUnderOneNameAreAlternatives() throws {
        let one = Value.scalar(.int, "1")
        let schema = try schema(
            [one, .object([("b", one)]), .list([one]), .scalar(.null, "null")]
                .map { .object([("a", $0)]) }
        )
        let choices = try #require(try property(schema, "a")["anyOf"] as? [[String: Any]])
        #expect(choices.map { $0["type"] as? String } == [nil, "object", "array"])
        #expect(choices[0]["type"] as? [String] == ["integer", "null"])
    }
}
