// SPDX-License-Identifier: Apache-2.0
// What the SELECTs of users make of a reading: columns of its enriched event, and events of streams.

extension Processor {
    /// Joins a reading, and merges what comes of it into the vehicle, as of the reading's time.
    func enrich(
        _ context: ReadingContext,
        _ enrichment: Enrichment,
        _ plan: RulePlan,
        _ concernsRules: inout Bool
    ) -> [EnrichedRow] {
        let rows = enrichment.rows(context, version: tables.version)
        // A SELECT that failed says nothing: the vehicle's columns stay as they are.
        if case .unknown = rows[0].content { return rows }
        // Several rows give several events, but the vehicle holds one value of a name: the first's.
        let first = rows[0].values
        for table in enrichment.select.query.missing(first) {
            outcome.counts.misses[table, default: 0] += 1
        }
        for (column, signal) in enrichment.signals.enumerated() {
            let value = first?[column] ?? .null
            guard context.vehicle.merge(signal, value, at: context.reading.eventTime) == .changed
            else { continue }
            if rules.movesGroup(signal) { context.vehicle.schemaGroup = nil }
            if !concernsRules, !plan.rules.isEmpty {
                concernsRules = plan.inputs?.contains(signal) ?? true
            }
        }
        return rows
    }

    /// The events of a `select` rule.
    func derive(_ select: SelectRule, _ context: ReadingContext) {
        var bytes = JSONWriter()
        swap(&bytes, &outcome.bytes)
        var start = bytes.count
        select.run(context, version: tables.version, into: &bytes) { json in
            outcome.derived[select.name, default: []]
                .append(
                    Event(
                        offset: takeOffset(select.name),
                        eventTime: context.reading.eventTime,
                        arrival: context.reading.arrival,
                        key: context.reading.vehicle,
                        topic: context.topic,
                        payload: start..<json.count,
                        isText: true
                    )
                )
            start = json.count
        }
        swap(&bytes, &outcome.bytes)
    }
}

extension Configuration {
    /// The name of a source, or of a feed, which are counted behind the sources.
    func feedName(_ index: Int) -> String {
        index < sources.count ? sources[index].name : tables[index - sources.count].feedName
    }

    var feedNames: [String] { sources.map(\.name) + tables.map(\.feedName) }
}
