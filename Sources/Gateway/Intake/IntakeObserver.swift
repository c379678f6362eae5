// SPDX-License-Identifier: Apache-2.0
// Turns what a batch did into metrics: once per batch, never per message.
import CoreMetrics
import Logging

/// The metrics of the intake loop.
final class IntakeObserver {
    private let metrics: GatewayMetrics
    private let rules: [AlertRule]
    private let sources: [SourceMetrics]
    private let tables: TableObserver
    /// Of sources, and of tables' feeds behind them.
    private let feedNames: [String]
    private let logger: Logger
    private let streams: [String: StreamMetrics]
    private var alerts: [Int: AlertMetrics] = [:]
    private var firing: [Int: Int] = [:]
    private var seenErrors: [Int: Int] = [:]
    private var seenEvaluations = 0
    private var seenOverflow = 0
    private var seenSchemaOverflow = 0

    init(
        configuration: Configuration,
        streams: [String],
        rules: [AlertRule],
        metrics: GatewayMetrics,
        logger: Logger
    ) {
        self.metrics = metrics
        self.rules = rules
        self.logger = logger
        sources = configuration.sources.map { metrics.source($0.name) }
        feedNames = configuration.feedNames
        tables = TableObserver(configuration: configuration, metrics: metrics, logger: logger)
        self.streams = Dictionary(
            uniqueKeysWithValues: streams.map { ($0, metrics.stream($0)) }
        )
    }

    /// What fires in the state that was recovered.
    func observeRecovery(_ processor: Processor) {
        firing.removeAll()
        for alert in processor.fleet.vehicles.flatMap(\.alerts) where alert.phase == .firing {
            firing[alert.rule, default: 0] += 1
        }
        for (rule, count) in firing { alert(rule).firing.set(Double(count)) }
        metrics.vehicles.set(Double(processor.fleet.count))
        tables.observeRecovery()
        seenErrors.removeAll()
        seenEvaluations = 0
        seenOverflow = 0
        seenSchemaOverflow = 0
    }

    var commitFailures: Counter { metrics.intake.commitFailures }

    /// A batch was committed.
    func observe(
        _ outcome: Outcome,
        _ batch: MessageBatch,
        _ processor: Processor,
        processNanoseconds: UInt64,
        commitNanoseconds: UInt64
    ) {
        if !batch.isEmpty {
            metrics.intake.batches.increment()
            metrics.intake.batchMessages.record(Int64(batch.messages.count))
            metrics.intake.processSeconds.recordNanoseconds(Int64(processNanoseconds))
        }
        metrics.intake.commitSeconds.recordNanoseconds(Int64(commitNanoseconds))
        for (stream, metrics) in streams {
            let count = outcome.events(of: stream).count
            if count > 0 { metrics.appendedEvents.increment(by: Int64(count)) }
        }
        observe(outcome.counts)
        tables.observe(outcome.counts, processor.rules)
        observe(processor.engine)
        metrics.vehicles.set(Double(processor.fleet.count))
    }

    /// Dead letters were processed again.
    func observe(_ replays: (applied: Int, failed: Int)) {
        if replays.applied > 0 {
            metrics.replays(result: "applied").increment(by: Int64(replays.applied))
        }
        if replays.failed > 0 {
            metrics.replays(result: "failed").increment(by: Int64(replays.failed))
        }
    }

    /// What the log holds now.
    func observe(_ writer: LogWriter) {
        for (name, extent) in writer.extents {
            streams[name]?.headOffset.set(Double(extent.nextOffset - 1))
            streams[name]?.firstOffset.set(Double(extent.firstOffset))
            streams[name]?.bytes.set(Double(extent.bytes))
        }
        metrics.logWALBytes.set(Double(writer.log.walBytes))
    }

    /// How the tables stand at a time.
    func observe(_ store: TableStore, at now: Timestamp) {
        tables.observe(store, at: now)
    }

    func observe(_ signals: SignalTable) {
        metrics.signals.set(Double(signals.names.count))
        metrics.signalsOverflow.increment(by: Int64(signals.overflowCount - seenOverflow))
        seenOverflow = signals.overflowCount
    }

    func observe(_ schemas: SchemaHistory?) {
        guard let schemas else { return }
        metrics.schemaGroups.set(Double(schemas.groups.count))
        metrics.schemaPaths.set(Double(schemas.pathCount))
        let overflow = schemas.overflowCount + schemas.pathOverflowCount
        metrics.schemaOverflow.increment(by: Int64(overflow - seenSchemaOverflow))
        seenSchemaOverflow = overflow
    }

    func observe(_ eviction: Eviction?) {
        guard let eviction else { return }
        switch eviction.cause {
        case .retention:
            streams[eviction.stream]?.evictedByRetention.increment(by: eviction.count)
        case .budget:
            streams[eviction.stream]?.evictedByBudget.increment(by: eviction.count)
        }
    }

    private func observe(_ counts: OutcomeCounts) {
        for (source, count) in counts.late {
            sources[source].lateReadings.increment(by: Int64(count))
        }
        for (source, count) in counts.clockFlagged {
            sources[source].clockFlaggedReadings.increment(by: Int64(count))
        }
        for (kind, count) in counts.deadLetters {
            metrics.deadLetters(source: feedNames[kind.source], reason: kind.kind.rawValue)
                .increment(by: Int64(count))
        }
        for (change, count) in counts.schemaChanges {
            metrics.schemaChanges(source: feedNames[change.source], kind: change.kind.rawValue)
                .increment(by: Int64(count))
        }
        for (kind, count) in counts.contractViolations {
            metrics.contractViolations(
                source: feedNames[kind.source],
                action: kind.action.rawValue
            )
            .increment(by: Int64(count))
        }
        for gap in counts.sparkplugGaps { observe(gap) }
        for (rule, count) in counts.fired {
            alert(rule).transitions(to: "firing").increment(by: Int64(count))
            move(rule, by: count)
        }
        for (rule, count) in counts.resolved {
            alert(rule).transitions(to: "resolved").increment(by: Int64(count))
            move(rule, by: -count)
        }
    }

    /// The log tells the first since the edge node's birth; more follow when one is far from complete.
    private func observe(_ gap: SparkplugGap) {
        sources[gap.node.source].sparkplugGaps.increment()
        guard gap.isFirst else { return }
        logger.warning(
            "sparkplug: messages of an edge node are missing; only a rebirth makes it whole",
            metadata: [
                LogKeys.source: "\(feedNames[gap.node.source])",
                LogKeys.edgeNode: "\(gap.node.edgeNode)",
                LogKeys.expected: "\(gap.expected)",
                LogKeys.seen: "\(gap.seen)",
            ]
        )
    }

    private func observe(_ engine: RuleEngine) {
        metrics.ruleEvaluations.increment(by: Int64(engine.evaluationCount - seenEvaluations))
        seenEvaluations = engine.evaluationCount
        for (rule, count) in engine.errorCounts where count != seenErrors[rule] {
            alert(rule).errors.increment(by: Int64(count - seenErrors[rule, default: 0]))
            seenErrors[rule] = count
        }
    }

    private func move(_ rule: Int, by count: Int) {
        firing[rule, default: 0] += count
        alert(rule).firing.set(Double(max(0, firing[rule, default: 0])))
    }

    private func alert(_ rule: Int) -> AlertMetrics {
        if let known = alerts[rule] { return known }
        let made = metrics.alert(rules[rule].name)
        alerts[rule] = made
        return made
    }
}
