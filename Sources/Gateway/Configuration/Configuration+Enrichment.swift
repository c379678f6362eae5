// SPDX-License-Identifier: Apache-2.0
// The keys of how a source is joined with tables.

extension ConfigurationDecoder {
    func decodeEnrichment(_ value: YAMLValue) -> EnrichmentConfiguration? {
        func make(_ select: YAMLValue?) -> EnrichmentConfiguration? {
            guard let select, let text = select.string() else { return nil }
            return EnrichmentConfiguration(
                select: text,
                place: .init(file: select.file, line: select.line, key: select.key)
            )
        }
        guard value.isMapping else { return make(value) }
        return value.mapping { section in
            var enrichment = make(section.required("select"))
            enrichment?.rows =
                choice(section.optional("rows"), EnrichmentConfiguration.Rows.self) ?? .first
            enrichment?.tellsAge = section.bool("reference_age", default: false)
            return enrichment
        } ?? nil
    }
}
