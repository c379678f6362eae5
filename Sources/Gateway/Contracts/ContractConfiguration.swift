// SPDX-License-Identifier: Apache-2.0

/// What the messages of a topic must be, and what happens when they are not.
struct ContractConfiguration: Sendable {
    /// What a violation leads to.
    enum Action: String, Sendable, CaseIterable {
        /// The reading is not applied; its message becomes a dead letter.
        case deadLetter = "dead_letter"
        /// The reading is applied, and its enriched event names the violations.
        case flag
        /// The reading is applied; only the metric tells.
        case count
    }

    var schema: ContractSchema
    /// The units that the schema declares, for comparison with the catalogue's.
    var units: [DeclaredUnit] = []
    var action = Action.flag
}

extension ConfigurationDecoder {
    /// Decodes `contract` of a topic, and compiles its schema.
    func decodeContract(_ section: YAMLMapping, format: PayloadFormat) -> ContractConfiguration? {
        let wanted = choice(section.optional("violations"), ContractConfiguration.Action.self)
        guard let value = section.required("schema"), let name = value.string() else { return nil }
        guard format == .object else {
            section.value.report(
                "a contract describes JSON objects: it needs format object (got \(format.rawValue))"
            )
            return nil
        }
        guard let file = ContractFile.read(path: path(name), named: value) else { return nil }
        return ContractConfiguration(
            schema: file.schema,
            units: file.units,
            action: wanted ?? .flag
        )
    }
}
