// SPDX-License-Identifier: Apache-2.0
// Every metric of the gateway has its name and its meaning here, and nowhere else.
// Names read `gateway_<thing>_<unit>_total` (a counter) or `gateway_<thing>_<unit>` (the rest).

import CoreMetrics

/// The names of all metrics.
enum MetricName: String, CaseIterable {
    case sourceMessages = "gateway_source_messages_total"
    case sourceBytes = "gateway_source_received_bytes_total"
    case sourceUnprotected = "gateway_source_unprotected_messages_total"
    case sourceRedelivered = "gateway_source_redelivered_messages_total"
    case sourceDeadLetters = "gateway_source_dead_letters_total"
    case sourceLate = "gateway_source_late_readings_total"
    case sourceClockFlagged = "gateway_source_clock_flagged_readings_total"
    case contractViolations = "gateway_contract_violations_total"
    case sourceSparkplugGaps = "gateway_source_sparkplug_gaps_total"
    case sourceSessionUp = "gateway_source_session_up"
    case sourceReconnects = "gateway_source_reconnects_total"
    case sourceAuthRefusals = "gateway_source_auth_refusals_total"

    case intakeBatches = "gateway_intake_batches_total"
    case intakeBatchMessages = "gateway_intake_batch_messages"
    case intakeProcessSeconds = "gateway_intake_process_seconds"
    case intakeCommitSeconds = "gateway_intake_commit_seconds"
    case intakeCommitFailures = "gateway_intake_commit_failures_total"

    case streamAppended = "gateway_stream_appended_events_total"
    case streamHeadOffset = "gateway_stream_head_offset"
    case streamFirstOffset = "gateway_stream_first_offset"
    case streamBytes = "gateway_stream_bytes"
    case streamEvicted = "gateway_stream_evicted_events_total"
    case logWALBytes = "gateway_log_wal_bytes"
    case deadLetterReplays = "gateway_dead_letter_replays_total"

    case vehicles = "gateway_vehicles"
    case signals = "gateway_signals"
    case signalsOverflow = "gateway_signals_overflow_total"
    case ruleEvaluations = "gateway_rule_evaluations_total"
    case ruleErrors = "gateway_rule_errors_total"
    case alertsFiring = "gateway_alerts_firing"
    case alertTransitions = "gateway_alert_transitions_total"

    case schemaChanges = "gateway_schema_changes_total"
    case schemaGroups = "gateway_schema_groups"
    case schemaPaths = "gateway_schema_paths"
    case schemaOverflow = "gateway_schema_overflow_total"

    case tableRows = "gateway_table_rows"
    case tableReady = "gateway_table_ready"
    case tableLoading = "gateway_table_loading"
    case tableAge = "gateway_table_age_seconds"
    case tableChanges = "gateway_table_changes_total"
    case tableSnapshots = "gateway_table_snapshots_total"
    case tableMisses = "gateway_table_join_misses_total"
    case enrichmentFailures = "gateway_enrichment_failures_total"
    case selectFailures = "gateway_select_failures_total"

    case deliveryDelivered = "gateway_delivery_delivered_events_total"
    case deliveryRetried = "gateway_delivery_retried_events_total"
    case deliveryRefused = "gateway_delivery_refused_events_total"
    case deliveryInFlight = "gateway_delivery_in_flight_events"
    case deliveryBacklogEvents = "gateway_delivery_backlog_events"
    case deliveryBacklogSeconds = "gateway_delivery_backlog_seconds"
    case deliveryConnected = "gateway_delivery_connected"
    case deliveryLatency = "gateway_delivery_latency_seconds"
    case deliveryDrainSeconds = "gateway_delivery_drain_seconds"
    case kafkaBrokersConnected = "gateway_kafka_brokers_connected"
    case kafkaTransactionSeconds = "gateway_kafka_transaction_seconds"
    case kafkaTransactionsAborted = "gateway_kafka_transactions_aborted_total"
    case kafkaRetries = "gateway_kafka_request_retries_total"

    case certificateExpiryDays = "gateway_certificate_expiry_days"
    case httpRequests = "gateway_http_requests_total"
}

/// The names of all labels.
enum MetricLabel {
    static let source = "source"
    static let action = "action"
    static let result = "result"
    static let stream = "stream"
    static let sink = "sink"
    static let lane = "lane"
    static let alert = "alert"
    static let table = "table"
    static let kind = "kind"
    static let state = "state"
    static let reason = "reason"
    static let file = "file"
    static let route = "route"
    static let status = "status"
}

extension MetricName {
    /// What each metric means, for the HELP lines and `docs/metrics.md`.
    static let meanings: [MetricName: String] = [
        .sourceMessages: "Messages received from a source.",
        .sourceBytes: "Payload bytes received from a source.",
        .sourceUnprotected: "Messages received with QoS 0, which a crash may lose.",
        .sourceRedelivered:
            "Redelivered messages that had taken effect and were only acknowledged.",
        .sourceDeadLetters: "Messages put whole into the dead-letter stream, by reason.",
        .sourceLate: "Readings older than what the vehicle holds: logged, but nothing rolled back.",
        .sourceSparkplugGaps: "Gaps in the sequence numbers of Sparkplug edge nodes.",
        .sourceClockFlagged: "Readings whose event time can't be true (far future, or 1970).",
        .contractViolations:
            "Readings that break their topic's contract, by what is done about it.",
        .sourceSessionUp: "1 while the session of a source is up, else 0.",
        .sourceReconnects: "Sessions that came up again after one was lost.",
        .sourceAuthRefusals:
            "Connections that the broker refused: credentials, certificate or access list.",

        .intakeBatches: "Batches processed and committed.",
        .intakeBatchMessages: "Messages per batch.",
        .intakeProcessSeconds: "Time to decode a batch and evaluate its rules.",
        .intakeCommitSeconds: "Time to commit a batch, fsync included.",
        .intakeCommitFailures: "Commits that failed; their messages were not acknowledged.",

        .streamAppended: "Events appended to a stream.",
        .streamHeadOffset: "Offset of the newest event of a stream.",
        .streamFirstOffset: "Offset of the oldest event that a stream still holds.",
        .streamBytes: "Bytes that a stream holds.",
        .streamEvicted: "Events removed: by retention, or for the disk budget.",
        .deadLetterReplays:
            "Dead letters that were processed again: applied, or failed and dead letters again.",
        .logWALBytes: "Size of the write-ahead log; it grows while a long reader holds it.",

        .vehicles: "Vehicles whose state the gateway keeps.",
        .signals: "Signal names that the gateway knows; limits.signals bounds them.",
        .signalsOverflow:
            "New paths that found no place: passed on, but neither merged nor seen by rules.",
        .ruleEvaluations: "Rule expressions evaluated.",
        .ruleErrors: "Rule expressions that failed while running, by alert.",
        .alertsFiring: "Vehicles for which an alert fires.",
        .alertTransitions: "Alerts that fired or resolved, by the state entered.",

        .schemaChanges: "Changes of the schema of what a source sends, by kind.",
        .schemaGroups: "Groups of vehicles whose schema the gateway keeps.",
        .schemaPaths: "Paths that the present versions of all groups have, by type.",
        .schemaOverflow:
            "Readings of groups, and paths, that found no place: decoded, but not watched.",

        .tableRows: "Rows that a table of reference data has.",
        .tableReady: "1 once the first snapshot of a table is complete, else 0.",
        .tableLoading: "1 while a new snapshot of a table is coming in, else 0.",
        .tableAge: "Time since the feed of a table was heard; +Inf if it never was.",
        .tableChanges:
            "Change events applied to a table by kind, or ignored: older than what it has, or the same; "
            + "other: of other tables, and what changes no row.",
        .tableSnapshots: "New snapshots that took the place of a table's rows.",
        .tableMisses: "Readings whose join found nothing in a table.",
        .enrichmentFailures: "Readings for which a source's SELECT failed while running.",
        .selectFailures: "Readings for which the SELECT of a stream failed while running.",

        .deliveryDelivered: "Events that the far side has acknowledged.",
        .deliveryRetried: "Events sent again because no acknowledgement came.",
        .deliveryRefused: "Events that the far side refused for good.",
        .deliveryInFlight: "Events sent and not yet acknowledged.",
        .deliveryBacklogEvents: "Events that the log holds and the far side has not acknowledged.",
        .deliveryBacklogSeconds: "Age of the oldest event not yet acknowledged.",
        .deliveryConnected: "1 while a sink is connected, else 0.",
        .deliveryLatency:
            "Time from the arrival of an event's cause to its acknowledgement by the far side.",
        .deliveryDrainSeconds:
            "Seconds until nothing waits at the present rate; +Inf while the backlog grows.",

        .kafkaBrokersConnected: "Brokers of the cluster that the lane is connected to.",
        .kafkaTransactionSeconds: "Time of a transaction, from its beginning to its commit.",
        .kafkaTransactionsAborted: "Transactions that were given up; their events are sent again.",
        .kafkaRetries: "Requests that librdkafka has sent again.",

        .certificateExpiryDays: "Days until a certificate expires; NaN if it can't be read.",
        .httpRequests: "HTTP requests answered, by route and status.",
    ]

    /// The same, by exposed name, for a `PrometheusRegistry`.
    static var helpTexts: [String: String] {
        Dictionary(uniqueKeysWithValues: meanings.map { ($0.rawValue, $1) })
    }
}

/// Every metric handle of the gateway, made once at start and handed to the parts that use them.
///
/// Handles are objects: hold them, don't look them up per message, and add once per batch
/// (`increment(by:)`). Each look-up function returns handles to the same series every time.
struct GatewayMetrics: Sendable {
    private let factory: any MetricsFactory
    let intake: IntakeMetrics
    let vehicles: Meter
    let signals: Meter
    let signalsOverflow: Counter
    let ruleEvaluations: Counter
    let schemaGroups: Meter
    let schemaPaths: Meter
    let schemaOverflow: Counter
    let logWALBytes: Meter

    /// Creates the metrics that exist once; the others are created when their part asks for them.
    init(factory: any MetricsFactory) {
        self.factory = factory
        intake = IntakeMetrics(factory: factory)
        vehicles = factory.meter(.vehicles)
        signals = factory.meter(.signals)
        signalsOverflow = factory.counter(.signalsOverflow)
        ruleEvaluations = factory.counter(.ruleEvaluations)
        schemaGroups = factory.meter(.schemaGroups)
        schemaPaths = factory.meter(.schemaPaths)
        schemaOverflow = factory.counter(.schemaOverflow)
        logWALBytes = factory.meter(.logWALBytes)
    }

    /// Returns the handles of one source.
    func source(_ name: String) -> SourceMetrics {
        SourceMetrics(factory: factory, source: name)
    }

    /// Returns the counter of dead letters of a source, or of a table's feed, for one reason.
    ///
    /// The reason is one of a fixed set of short codes, never text from a payload: each one seen
    /// makes a time series for good.
    func deadLetters(source: String, reason: String) -> Counter {
        factory.counter(
            .sourceDeadLetters,
            [(MetricLabel.source, source), (MetricLabel.reason, reason)]
        )
    }

    /// Returns the counter of dead letters that were processed again with one result.
    func replays(result: String) -> Counter {
        factory.counter(.deadLetterReplays, [(MetricLabel.result, result)])
    }

    /// Returns the counter of changes of one kind in the schema of what a source sends.
    func schemaChanges(source: String, kind: String) -> Counter {
        factory.counter(
            .schemaChanges,
            [(MetricLabel.source, source), (MetricLabel.kind, kind)]
        )
    }

    /// Returns the counter of readings that break the contracts of a source's topics.
    func contractViolations(source: String, action: String) -> Counter {
        factory.counter(
            .contractViolations,
            [(MetricLabel.source, source), (MetricLabel.action, action)]
        )
    }

    /// Returns the handles of one stream of the log.
    func stream(_ name: String) -> StreamMetrics {
        StreamMetrics(factory: factory, stream: name)
    }

    /// Returns the handles of one table of reference data.
    func table(_ name: String) -> TableMetrics {
        TableMetrics(factory: factory, table: name)
    }

    /// Returns the counter of readings that a source's SELECT failed for.
    func enrichmentFailures(source: String) -> Counter {
        factory.counter(.enrichmentFailures, [(MetricLabel.source, source)])
    }

    /// Returns the counter of readings that the SELECT of a stream failed for.
    func selectFailures(stream: String) -> Counter {
        factory.counter(.selectFailures, [(MetricLabel.stream, stream)])
    }

    /// Returns the handles of one sink's delivery of one stream.
    func lane(sink: String, stream: String) -> LaneMetrics {
        LaneMetrics(factory: factory, sink: sink, stream: stream)
    }

    /// Returns the gauge of seconds until nothing waits in a lane.
    func drainSeconds(_ lane: Lane) -> Meter {
        factory.meter(.deliveryDrainSeconds, lane.labels)
    }

    /// Returns the handles of one lane into Kafka.
    func kafka(_ lane: Lane) -> KafkaMetrics {
        KafkaMetrics(factory: factory, labels: lane.labels)
    }

    /// Returns the handles of one alert.
    ///
    /// With its transitions an alert takes about 2 kB, so with thousands of rules ask when an alert
    /// first changes state or fails, not at start.
    func alert(_ name: String) -> AlertMetrics {
        AlertMetrics(factory: factory, alert: name)
    }

    /// Returns the gauge of days until one certificate file expires.
    func certificateExpiryDays(file: String) -> Meter {
        factory.meter(.certificateExpiryDays, [(MetricLabel.file, file)])
    }

    /// Returns the counter of requests that one route has answered with one status.
    func httpRequests(route: String, status: Int) -> Counter {
        let labels = [(MetricLabel.route, route), (MetricLabel.status, String(status))]
        return factory.counter(.httpRequests, labels)
    }
}
