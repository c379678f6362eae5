// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

/// A schema's text in JSON or YAML, compiled, and texts held against it.
struct ContractRig {
    let schema: ContractSchema
    private let checker = ContractChecker(depthMax: 32)

    init(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let problems = ProblemCollector()
        let file = ContractFile.decode(text: text, file: "state.json", problems: problems)
        #expect(problems.all.map(\.description) == [], sourceLocation: sourceLocation)
        schema = try #require(file, sourceLocation: sourceLocation).schema
    }

    init(_ schema: ContractSchema) {
        self.schema = schema
    }

    /// What one value violates; `nil` when it is no JSON.
    func violations(_ value: String) -> [String]? {
        let bytes = Array("[\(value)]".utf8)
        let padded = bytes + [UInt8](repeating: 0, count: JSONParser.padding)
        guard checker.read(padded, in: 0..<bytes.count) == 1 else { return nil }
        return checker.violations(of: 0, schema)
    }

    func accepts(_ value: String) -> Bool { violations(value) == [] }

    /// All that is wrong with a schema, one a line.
    static func problems(_ text: String) -> [String] {
        let problems = ProblemCollector()
        _ = ContractFile.decode(text: text, file: "state.json", problems: problems)
        return problems.all.map(\.description)
    }
}
