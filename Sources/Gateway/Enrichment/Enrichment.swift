// SPDX-License-Identifier: Apache-2.0
// What a source's `enrich` returns for a reading goes into the enriched event, and like signals into the
// vehicle: rules, annotations and the current record see it under its name.

/// How one source's readings are joined; belongs to the intake thread.
final class Enrichment {
    let configuration: EnrichmentConfiguration
    let select: StandingQuery
    /// By result column.
    let signals: [SignalID]

    init(_ configuration: EnrichmentConfiguration, select: StandingQuery, signals: [SignalID]) {
        self.configuration = configuration
        self.select = select
        self.signals = signals
    }

    /// Tables that it reads.
    var tables: Set<Int> { select.query.tables }

    /// What there is for a reading: rows, or that there are none, or that the SELECT failed.
    func rows(_ context: ReadingContext, version: Int) -> [EnrichedRow] {
        var rows: [EnrichedRow] = []
        let isWhole = select.run(context, version: version) { row in
            rows.append(EnrichedRow(enrichment: self, content: .values(row), number: rows.count))
            return configuration.rows == .each
        }
        guard isWhole else { return [EnrichedRow(enrichment: self, content: .unknown, number: 0)] }
        guard rows.isEmpty else { return rows }
        return [EnrichedRow(enrichment: self, content: .nothing, number: 0)]
    }
}

/// What an enrichment gives one enriched event.
struct EnrichedRow {
    enum Content {
        case values([SignalValue])
        /// The join found no row.
        case nothing
        /// The SELECT failed: not even that is known.
        case unknown
    }

    let enrichment: Enrichment
    let content: Content
    /// Its place among the rows of its reading, when each has an event of its own.
    let number: Int

    /// By result column; `nil` when there are none.
    var values: [SignalValue]? {
        if case .values(let values) = content { values } else { nil }
    }
}
