// SPDX-License-Identifier: Apache-2.0
// The official test suite of JSON Schema, draft 7, for the subset that contracts have. What it has
// beyond the subset must be refused when the schema is read, never judged wrongly.
// https://github.com/json-schema-org/JSON-Schema-Test-Suite
import Foundation
import Testing

@testable import Gateway

@Suite struct ContractSuiteTests {
    private struct Group {
        var description: String
        var schema: [UInt8]
        var tests: [(description: String, data: [UInt8], isValid: Bool)]
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Fixtures/json_schema/draft7").standardizedFileURL

    private static let files: [String] = {
        let names = FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String]
        return (names ?? []).filter { $0.hasSuffix(".json") }.sorted()
    }()

    /// Regular expressions are not in the subset.
    private static let withPatterns = [
        "additionalProperties.json: additionalProperties being false does not allow other properties",
        "additionalProperties.json: non-ASCII pattern with additionalProperties",
        "properties.json: properties, patternProperties, additionalProperties interaction",
    ]
    /// References point into the schema, by a JSON pointer from its root: nothing is fetched, and no
    /// `$id` inside changes what a pointer starts at.
    private static let withOtherReferences = [
        "ref.json: $ref prevents a sibling $id from changing the base uri",
        "ref.json: remote ref, containing refs itself",
        "ref.json: Recursive references between schemas",
        "ref.json: Location-independent identifier",
        "ref.json: Reference an anchor with a non-relative URI",
        "ref.json: Location-independent identifier with base URI change in subschema",
        "ref.json: refs with relative uris and defs",
        "ref.json: relative refs with absolute uris and defs",
        "ref.json: $id must be resolved against nearest parent, not just immediate parent",
        "ref.json: simple URN base URI with $ref via the URN",
        "ref.json: URN base URI with URN and JSON pointer ref",
        "ref.json: URN base URI with URN and anchor ref",
        "ref.json: ref to if", "ref.json: ref to then", "ref.json: ref to else",
        "ref.json: ref with absolute-path-reference",
    ]
    /// Draft 7 ignores what stands beside `$ref`; in a contract that is a mistake.
    private static let withIgnored = ["ref.json: ref overrides any sibling keywords"]

    private func json(_ value: YAMLValue) -> [UInt8] {
        var writer = JSONWriter()
        let isWhole = writer.yaml(value.node, bytesMax: 1 << 20)
        #expect(isWhole)
        return writer.bytes
    }

    private func groups(_ name: String) throws -> [Group] {
        let text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
        let problems = ProblemCollector()
        let joined = ContractFile.joiningSurrogates(text)
        let root = YAMLValue.compose(text: joined, file: name, problems: problems)
        try problems.throwIfAny()
        return try #require(root).list()
            .compactMap { value in
                value.mapping { map in
                    let members = Dictionary(uniqueKeysWithValues: map.entries().map { ($0, $1) })
                    return Group(
                        description: members["description"]?.string() ?? "",
                        schema: members["schema"].map(json) ?? [],
                        tests: members["tests"]?.list().compactMap { $0.mapping(test) } ?? []
                    )
                }
            }
    }

    private func test(_ map: YAMLMapping) -> (description: String, data: [UInt8], isValid: Bool) {
        let members = Dictionary(uniqueKeysWithValues: map.entries().map { ($0, $1) })
        return (
            members["description"]?.string() ?? "", members["data"].map(json) ?? [],
            members["valid"]?.bool() == true
        )
    }

    @Test func everyFileOfTheSubsetIsThere() {
        #expect(Self.files.count == 33)
    }

    @Test(arguments: files)
    func everyCaseIsJudgedAsTheSuiteSays(file: String) throws {
        let excluded = Set(Self.withPatterns + Self.withOtherReferences + Self.withIgnored)
        var judged = 0
        for group in try groups(file) {
            let (schema, mistakes) = ContractSchema.compile(json: group.schema)
            guard let schema else {
                #expect(
                    excluded.contains("\(file): \(group.description)"),
                    "\(group.description): \(mistakes)"
                )
                continue
            }
            #expect(!excluded.contains("\(file): \(group.description)"))
            let rig = ContractRig(schema)
            for test in group.tests {
                let data = String(decoding: test.data, as: UTF8.self)
                let isValid = rig.accepts(data)
                #expect(
                    isValid == test.isValid,
                    "\(group.description): \(test.description): \(data)"
                )
                judged += 1
            }
        }
        #expect(judged > 0)
    }
}
