// SPDX-License-Identifier: Apache-2.0
// The keys of how the shape of messages is watched.

extension ConfigurationDecoder {
    func decodeSchema(_ section: YAMLMapping) -> SchemaConfiguration {
        var schema = SchemaConfiguration()
        schema.isEnabled = section.bool("enabled", default: true)
        schema.grouping = section.optional("group").flatMap { grouping($0) } ?? .pattern
        schema.learnMessages = Int64(
            section.int("learn", default: Int(schema.learnMessages), in: 1...1_000_000)
        )
        _ = section.optional("gone")?
            .mapping { gone in
                schema.goneMessages = Int64(
                    gone.int("messages", default: Int(schema.goneMessages), in: 10...100_000_000)
                )
                schema.goneMilliseconds = gone.milliseconds(
                    "time",
                    default: schema.goneMilliseconds
                )
            }
        schema.burstMilliseconds = section.milliseconds("burst", default: schema.burstMilliseconds)
        schema.severities =
            section.optional("severity")?.list()
            .compactMap { value in value.mapping { severityRule($0) } ?? nil } ?? []
        schema.masks =
            section.optional("mask")?.list().compactMap { $0.string().map(PathGlob.init) }
            ?? []
        schema.keepsExamples = section.bool("examples", default: true)
        schema.guessesUnits = section.bool("guess_units", default: true)
        schema.groupsMax = section.int("groups", default: schema.groupsMax, in: 1...100_000)
        schema.pathsMax = section.int("paths", default: schema.pathsMax, in: 1...100_000)
        schema.shapesMax = section.int("shapes", default: schema.shapesMax, in: 16...1_000_000)
        return schema
    }

    /// `pattern`, `topic`, or an expression that is compiled with the rules.
    private func grouping(_ value: YAMLValue) -> SchemaConfiguration.Grouping? {
        switch value.string() {
        case nil: nil
        case "pattern"?: .pattern
        case "topic"?: .topic
        case let text?: .expression(text, file: value.file, line: value.line, key: value.key)
        }
    }

    private func severityRule(_ section: YAMLMapping) -> SchemaConfiguration.SeverityRule? {
        let kind = choice(section.optional("change"), SchemaChange.Kind.self)
        let path = section.optional("path")?.string().map(PathGlob.init)
        let severity = choice(section.required("severity"), SchemaSeverity.self)
        guard let severity else { return nil }
        return SchemaConfiguration.SeverityRule(kind: kind, path: path, severity: severity)
    }
}
