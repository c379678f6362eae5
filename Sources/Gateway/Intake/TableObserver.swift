// SPDX-License-Identifier: Apache-2.0
// What tables and the SELECTs over them do, as metrics; and a SELECT that fails, in the log.
import CoreMetrics
import Logging

/// The metrics of reference data; belongs to the intake thread.
final class TableObserver {
    /// Counting rows reads the whole of an index.
    private static let countMilliseconds: Int64 = 10_000

    private let tables: [TableMetrics]
    private let metrics: GatewayMetrics
    private let configuration: Configuration
    private let logger: Logger
    private var nextCountAt = Timestamp.distantPast
    private var hasChanged: Set<Int> = []
    /// By the name of a source or stream, what was told of its SELECT.
    private var seenFailures: [String: Int] = [:]
    private var toldReasons: [String: String] = [:]

    init(configuration: Configuration, metrics: GatewayMetrics, logger: Logger) {
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        tables = configuration.tables.map { metrics.table($0.name) }
    }

    /// The state was read back from the log: what it counts begins at nothing.
    func observeRecovery() {
        seenFailures.removeAll()
        hasChanged = Set(tables.indices)
        nextCountAt = .distantPast
    }

    /// A batch was committed.
    func observe(_ counts: OutcomeCounts, _ rules: CompiledRules) {
        for (table, counts) in counts.tables {
            tables[table].changes(.upsert).increment(by: Int64(counts.upserts))
            tables[table].changes(.delete).increment(by: Int64(counts.deletes))
            tables[table].changes(.ignored).increment(by: Int64(counts.ignored))
            tables[table].changes(.other).increment(by: Int64(counts.others))
            tables[table].snapshots.increment(by: Int64(counts.loads))
            hasChanged.insert(table)
        }
        for (table, count) in counts.misses { tables[table].misses.increment(by: Int64(count)) }
        for (source, enrichment) in zip(configuration.sources, rules.enrichments) {
            guard let enrichment else { continue }
            let failures = enrichment.select.failures
            tell(failures, "enrich of source \(source.name)") {
                metrics.enrichmentFailures(source: source.name).increment(by: $0)
            }
        }
        for select in rules.selects {
            tell(select.select.failures, "select \(select.name)") {
                metrics.selectFailures(stream: select.name).increment(by: $0)
            }
        }
    }

    /// How the tables stand.
    func observe(_ store: TableStore, at now: Timestamp) {
        for table in store.tables {
            tables[table.index].isLoading.set(table.state.loading == nil ? 0 : 1)
            tables[table.index].isReady.set(table.state.isReady ? 1 : 0)
            tables[table.index].ageSeconds
                .set(
                    table.state.isHeard
                        ? Double(max(0, now - table.state.heardAt)) / 1_000 : .infinity
                )
        }
        guard now >= nextCountAt, !hasChanged.isEmpty else { return }
        nextCountAt = now + Self.countMilliseconds
        for index in hasChanged {
            // A table that can't be counted keeps its last count.
            guard let count = try? store.tables[index].relations.count() else { continue }
            tables[index].rows.set(Double(count))
        }
        hasChanged.removeAll()
    }

    /// Counts failures, and says each reason once until it changes.
    private func tell(_ failures: QueryFailures, _ place: String, _ count: (Int64) -> Void) {
        let new = failures.count - seenFailures[place, default: 0]
        guard new > 0 else { return }
        seenFailures[place] = failures.count
        count(Int64(new))
        guard toldReasons[place] != failures.reason else { return }
        toldReasons[place] = failures.reason
        logger.warning(
            "a SELECT fails: what it would give is missing from the events",
            metadata: [LogKeys.rule: "\(place)", LogKeys.reason: "\(failures.reason)"]
        )
    }
}
