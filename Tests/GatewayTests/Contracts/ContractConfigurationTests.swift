// SPDX-License-Identifier: Apache-2.0
// Goal: a contract that can't be meant is told when the configuration is read.
import Testing

@testable import Gateway

@Suite struct ContractConfigurationTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func text(_ contract: String, format: String = "object") -> String {
        Mistake.minimal + """

                    format: \(format)
                    contract: \(contract)
            signals:
              speed_kmh: {path: [v.speed, spd], unit: km/h}
              pressure: {path: tyres.0.pressure, unit: bar}
              gear: {}
            """
    }

    private func problems(_ contract: String, format: String = "object") -> [String] {
        Mistake.problems(
            text(contract, format: format),
            file: "\(folder.path)/gateway.yaml"
        )
        .map { $0.replacing("\(folder.path)/", with: "") }
    }

    private func decode(_ contract: String) throws -> ContractConfiguration? {
        let file = "\(folder.path)/gateway.yaml"
        return try Configuration.decode(text: text(contract), file: file).sources[0].topics[0]
            .contract
    }

    @Test func schemaIsFoundBesideTheConfiguration() throws {
        try folder.write("required: [v]", to: "state.yaml")
        let contract = try #require(try decode("{schema: state.yaml}"))
        #expect(contract.action == .flag)
        #expect(ContractRig(contract.schema).violations("{}") == ["'v' is missing"])
    }

    @Test(arguments: ContractConfiguration.Action.allCases)
    func actionIsChosen(action: ContractConfiguration.Action) throws {
        try folder.write("{}", to: "state.json")
        let contract = try decode("{schema: state.json, violations: \(action.rawValue)}")
        #expect(contract?.action == action)
    }

    @Test func topicWithoutContractHasNone() throws {
        #expect(
            try Configuration.decode(text: Mistake.minimal, file: "g").sources[0].topics[0].contract
                == nil
        )
    }

    @Test func mistakesOfTheSectionAreTold() throws {
        try folder.write("{}", to: "state.json")
        #expect(
            problems("{schema: state.json, violations: dead_leter}") == [
                "gateway.yaml:9: sources[0].topics[0].contract.violations: must be one of "
                    + "dead_letter, flag, count (got 'dead_leter'); did you mean 'dead_letter'?"
            ]
        )
        #expect(
            problems("{schemas: state.json}") == [
                "gateway.yaml:9: sources[0].topics[0].contract: 'schema' is missing",
                "gateway.yaml:9: sources[0].topics[0].contract.schemas: unknown key; "
                    + "did you mean 'schema'?",
            ]
        )
        #expect(
            problems("{schema: other.json}") == [
                "gateway.yaml:9: sources[0].topics[0].contract.schema: 'other.json' can't be read"
            ]
        )
        #expect(
            problems("{schema: state.json}", format: "name_value") == [
                "gateway.yaml:9: sources[0].topics[0].contract: a contract describes JSON objects: "
                    + "it needs format object (got name_value)"
            ]
        )
    }

    @Test func mistakesOfTheSchemaAreToldWithItsFile() throws {
        try folder.write("{\n\"maximun\": 5\n}", to: "state.json")
        #expect(
            problems("{schema: state.json}")
                == ["state.json:2: /maximun: unknown keyword; did you mean 'maximum'?"]
        )
    }

    @Test(arguments: [
        // Under either of its paths, through a reference, and of any element.
        "properties:\n  v:\n    properties:\n      speed: {unit: mph}",
        "properties:\n  spd:\n    allOf:\n    - unit: mph",
        "definitions:\n  speed:\n    unit: mph\nproperties: {spd: {$ref: '#/definitions/speed'}}",
    ])
    func unitThatTheCatalogueTellsOtherwiseIsAMistake(schema: String) throws {
        try folder.write(schema, to: "state.yaml")
        let found = problems("{schema: state.yaml}")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("state.yaml:") == true)
        #expect(
            found.first?.contains("'mph', and the catalogue gives its signal 'speed_kmh' in 'km/h'")
                == true
        )
    }

    @Test func unitOfElementsIsCompared() throws {
        try folder.write(
            "properties:\n  tyres:\n    items:\n      properties:\n        pressure:\n          unit: kPa",
            to: "state.yaml"
        )
        #expect(
            problems("{schema: state.yaml}") == [
                "state.yaml:6: /properties/tyres/items/properties/pressure/unit: the contract gives "
                    + "'tyres.0.pressure' in 'kPa', and the catalogue gives its signal 'pressure' in 'bar'"
            ]
        )
    }

    @Test func unitsThatAgreeOrThatOneSideDoesNotTellAreGood() throws {
        try folder.write(
            "properties:\n  spd: {unit: km/h}\n  gear: {unit: teeth}\n  other: {unit: mph}\n"
                + "  child: {$ref: '#'}",
            to: "state.yaml"
        )
        #expect(problems("{schema: state.yaml}") == [])
    }
}
