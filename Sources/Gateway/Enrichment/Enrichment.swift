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

    /// The rows for a reading; one without values when the SELECT gives none, `nil` when it fails.
    func rows(_ context: ReadingContext, version: Int) -> [EnrichedRow]? {
        var rows: [EnrichedRow] = []
        let isWhole = select.run(context, version: version) { row in
            rows.append(EnrichedRow(enrichment: self, values: row, number: rows.count))
            return configuration.rows == .each
        }
        guard isWhole else { return nil }
        return rows.isEmpty ? [nothing()] : rows
    }

    /// What an event tells of a reading for which there is nothing, or for which the SELECT failed.
    func nothing(isFailure: Bool = false) -> EnrichedRow {
        EnrichedRow(enrichment: self, values: nil, number: 0, isFailure: isFailure)
    }
}

/// What an enrichment gives one enriched event.
struct EnrichedRow {
    let enrichment: Enrichment
    /// `nil` when the SELECT gave no row.
    let values: [SignalValue]?
    /// Its place among the rows of its reading, when each has an event of its own.
    let number: Int
    /// The SELECT failed: nothing is known, not even that there is nothing.
    var isFailure = false
}
