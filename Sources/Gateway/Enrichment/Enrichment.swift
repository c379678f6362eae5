// SPDX-License-Identifier: Apache-2.0
// What a source's `enrich` returns for a reading goes into the enriched event, and like signals into the
// vehicle: rules, annotations and the current record see it under its name.

/// The compiled SELECT of one source; belongs to the intake thread.
final class Enrichment {
    let configuration: EnrichmentConfiguration
    private(set) var query: ReadingQuery
    /// By result column.
    let signals: [SignalID]
    /// `"name":` by result column, as it stands in an event.
    let encodedKeys: [[UInt8]]
    private let compiler: QueryCompiler
    private(set) var failures = QueryFailures()

    init(
        _ configuration: EnrichmentConfiguration,
        query: ReadingQuery,
        signals: [SignalID],
        compiler: QueryCompiler
    ) {
        self.configuration = configuration
        self.query = query
        self.signals = signals
        self.compiler = compiler
        encodedKeys = query.columns.map { name in
            var json = JSONWriter()
            json.key(name)
            return json.bytes
        }
    }

    /// The rows for a reading; one without values when the SELECT gives none, or fails.
    func rows(_ context: ReadingContext, version: Int) -> [EnrichedRow] {
        var rows: [EnrichedRow] = []
        do throws(SQLiteFailure) {
            if query.version != version { try recompile() }
            try query.run(context) { row in
                rows.append(EnrichedRow(enrichment: self, values: row, number: rows.count))
                return configuration.rows == .each
            }
        } catch {
            failures.note(error)
            rows.removeAll()
        }
        guard rows.isEmpty else { return rows }
        return [EnrichedRow(enrichment: self, values: nil, number: 0)]
    }

    /// Columns of a table have changed.
    ///
    /// What the SELECT returns must stay as it is.
    private func recompile() throws(SQLiteFailure) {
        let made = try compiler.compile(configuration.select)
        guard made.columns == query.columns else {
            throw SQLiteFailure(
                code: 0,
                message:
                    "returns other columns since a table has new ones; name them instead of '*'"
            )
        }
        query = made
    }
}

/// How often a SELECT failed while running, and the last reason.
struct QueryFailures {
    private(set) var count = 0
    private(set) var reason = ""

    mutating func note(_ failure: SQLiteFailure) {
        count += 1
        reason = failure.message
    }
}

/// What an enrichment gives one enriched event.
struct EnrichedRow {
    let enrichment: Enrichment
    /// `nil` when the SELECT gave no row.
    let values: [SignalValue]?
    /// Its place among the rows of its reading, when each has an event of its own.
    let number: Int
}
