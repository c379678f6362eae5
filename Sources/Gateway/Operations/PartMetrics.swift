// SPDX-License-Identifier: Apache-2.0
// The metric handles of each part of the gateway. Their names and meanings: `MetricName`.

import CoreMetrics

/// What the intake loop measures, once per batch.
struct IntakeMetrics: Sendable {
    let batches: Counter
    let batchMessages: Recorder
    let processSeconds: CoreMetrics.Timer
    let commitSeconds: CoreMetrics.Timer
    let commitFailures: Counter

    /// Creates the handles.
    init(factory: any MetricsFactory) {
        batches = factory.counter(.intakeBatches)
        batchMessages = factory.histogram(.intakeBatchMessages)
        processSeconds = factory.timer(.intakeProcessSeconds)
        commitSeconds = factory.timer(.intakeCommitSeconds)
        commitFailures = factory.counter(.intakeCommitFailures)
    }
}

/// What comes from one source.
struct SourceMetrics: Sendable {
    let messages: Counter
    let bytes: Counter
    let unprotectedMessages: Counter
    let redeliveredMessages: Counter
    let lateReadings: Counter
    let clockFlaggedReadings: Counter
    let sparkplugGaps: Counter
    let sessionUp: Meter
    let reconnects: Counter
    let authRefusals: Counter

    /// Creates the handles of one source.
    init(factory: any MetricsFactory, source: String) {
        let labels = [(MetricLabel.source, source)]
        messages = factory.counter(.sourceMessages, labels)
        bytes = factory.counter(.sourceBytes, labels)
        unprotectedMessages = factory.counter(.sourceUnprotected, labels)
        redeliveredMessages = factory.counter(.sourceRedelivered, labels)
        lateReadings = factory.counter(.sourceLate, labels)
        clockFlaggedReadings = factory.counter(.sourceClockFlagged, labels)
        sparkplugGaps = factory.counter(.sourceSparkplugGaps, labels)
        sessionUp = factory.meter(.sourceSessionUp, labels)
        reconnects = factory.counter(.sourceReconnects, labels)
        authRefusals = factory.counter(.sourceAuthRefusals, labels)
    }
}

/// What one stream of the log holds.
struct StreamMetrics: Sendable {
    let appendedEvents: Counter
    let headOffset: Meter
    let firstOffset: Meter
    let bytes: Meter
    let evictedByRetention: Counter
    let evictedByBudget: Counter

    /// Creates the handles of one stream.
    init(factory: any MetricsFactory, stream: String) {
        let labels = [(MetricLabel.stream, stream)]
        appendedEvents = factory.counter(.streamAppended, labels)
        headOffset = factory.meter(.streamHeadOffset, labels)
        firstOffset = factory.meter(.streamFirstOffset, labels)
        bytes = factory.meter(.streamBytes, labels)
        evictedByRetention = factory.counter(
            .streamEvicted,
            labels + [(MetricLabel.reason, "retention")]
        )
        evictedByBudget = factory.counter(.streamEvicted, labels + [(MetricLabel.reason, "budget")])
    }
}

/// How one table of reference data stands, and what changes do to it.
struct TableMetrics: Sendable {
    /// What became of a change event.
    enum ChangeKind: String {
        case upsert
        case delete
        case ignored
        case other
    }

    private let factory: any MetricsFactory
    private let table: String
    let rows: Meter
    let isReady: Meter
    let ageSeconds: Meter
    let isLoading: Meter
    let snapshots: Counter
    let misses: Counter

    /// Creates the handles of one table.
    init(factory: any MetricsFactory, table: String) {
        let labels = [(MetricLabel.table, table)]
        self.factory = factory
        self.table = table
        rows = factory.meter(.tableRows, labels)
        isReady = factory.meter(.tableReady, labels)
        ageSeconds = factory.meter(.tableAge, labels)
        isLoading = factory.meter(.tableLoading, labels)
        snapshots = factory.counter(.tableSnapshots, labels)
        misses = factory.counter(.tableMisses, labels)
    }

    /// Returns the counter of changes of one kind.
    func changes(_ kind: ChangeKind) -> Counter {
        factory.counter(
            .tableChanges,
            [(MetricLabel.table, table), (MetricLabel.kind, kind.rawValue)]
        )
    }
}

/// What one alert does, over all vehicles.
struct AlertMetrics: Sendable {
    private let factory: any MetricsFactory
    private let alert: String
    let errors: Counter
    let firing: Meter

    /// Creates the handles of one alert.
    init(factory: any MetricsFactory, alert: String) {
        let labels = [(MetricLabel.alert, alert)]
        self.factory = factory
        self.alert = alert
        errors = factory.counter(.ruleErrors, labels)
        firing = factory.meter(.alertsFiring, labels)
    }

    /// Returns the counter of changes into one state: `firing` or `resolved`.
    func transitions(to state: String) -> Counter {
        factory.counter(
            .alertTransitions,
            [(MetricLabel.alert, alert), (MetricLabel.state, state)]
        )
    }
}

/// How one sink takes one stream.
struct LaneMetrics: Sendable {
    let deliveredEvents: Counter
    let retriedEvents: Counter
    let refusedEvents: Counter
    let inFlightEvents: Meter
    let backlogEvents: Meter
    let backlogSeconds: Meter
    let connected: Meter
    let latencySeconds: CoreMetrics.Timer

    /// Creates the handles of one stream of a lane.
    init(factory: any MetricsFactory, sink: String, stream: String) {
        let labels = [(MetricLabel.sink, sink), (MetricLabel.stream, stream)]
        deliveredEvents = factory.counter(.deliveryDelivered, labels)
        retriedEvents = factory.counter(.deliveryRetried, labels)
        refusedEvents = factory.counter(.deliveryRefused, labels)
        inFlightEvents = factory.meter(.deliveryInFlight, labels)
        backlogEvents = factory.meter(.deliveryBacklogEvents, labels)
        backlogSeconds = factory.meter(.deliveryBacklogSeconds, labels)
        connected = factory.meter(.deliveryConnected, labels)
        latencySeconds = factory.timer(.deliveryLatency, labels)
    }
}

/// What only a lane into Kafka has.
struct KafkaMetrics: Sendable {
    let brokersConnected: Meter
    let transactionSeconds: CoreMetrics.Timer
    let abortedTransactions: Counter
    let retries: Counter

    /// Creates the handles of one lane.
    init(factory: any MetricsFactory, labels: [(String, String)]) {
        brokersConnected = factory.meter(.kafkaBrokersConnected, labels)
        transactionSeconds = factory.timer(.kafkaTransactionSeconds, labels)
        abortedTransactions = factory.counter(.kafkaTransactionsAborted, labels)
        retries = factory.counter(.kafkaRetries, labels)
    }
}

extension Lane {
    /// What tells a lane's metrics from those of others.
    var labels: [(String, String)] {
        [(MetricLabel.sink, sink.name), (MetricLabel.lane, kind.rawValue)]
    }
}

extension MetricsFactory {
    /// Returns a counter under one of the gateway's names.
    func counter(_ name: MetricName, _ labels: [(String, String)] = []) -> Counter {
        Counter(label: name.rawValue, dimensions: labels, factory: self)
    }

    /// Returns a gauge under one of the gateway's names.
    func meter(_ name: MetricName, _ labels: [(String, String)] = []) -> Meter {
        Meter(label: name.rawValue, dimensions: labels, factory: self)
    }

    /// Returns a histogram of counts under one of the gateway's names.
    func histogram(_ name: MetricName, _ labels: [(String, String)] = []) -> Recorder {
        Recorder(label: name.rawValue, dimensions: labels, aggregate: true, factory: self)
    }

    /// Returns a histogram of seconds under one of the gateway's names.
    func timer(_ name: MetricName, _ labels: [(String, String)] = []) -> CoreMetrics.Timer {
        CoreMetrics.Timer(label: name.rawValue, dimensions: labels, factory: self)
    }
}
