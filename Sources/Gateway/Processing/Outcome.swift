// SPDX-License-Identifier: Apache-2.0

/// One row of a stream.
struct Event {
    let offset: Int64
    let eventTime: Timestamp
    let arrival: Timestamp
    /// The vehicle, or empty when it is not known.
    let key: String
    /// Where the message came from; of an outlier, the alert.
    let topic: String
    /// Where the payload is, in the outcome's bytes or, for `raw`, in the batch's.
    let payload: Range<Int>
    /// Valid UTF-8: a person can read it.
    let isText: Bool
}

/// Everything a batch caused; it commits as a whole or not at all.
struct Outcome {
    /// New events by stream; those of `raw` point into the batch's bytes.
    var raw: [Event] = []
    var enriched: [Event] = []
    var outlier: [Event] = []
    var firing: [Event] = []
    var deadLetter: [Event] = []
    var schema: [Event] = []
    var current: [Event] = []
    /// Of `select` rules, by stream.
    var derived: [String: [Event]] = [:]
    /// The payloads of all but `raw`.
    var bytes = JSONWriter()
    /// Vehicles that changed for the first time since they were last saved.
    var vehicles: [Vehicle] = []
    /// Alerts that changed, by vehicle and rule.
    var alerts: [AlertChange] = []
    /// What changes of reference data do, in their order.
    var tables: [TableWrite] = []
    /// What readings do to the schema history, in their order.
    var schemas: [SchemaWrite] = []
    /// What births, deaths and sequence numbers do to edge nodes, in their order.
    var sparkplug: [SparkplugWrite] = []
    /// SQLite has failed in memory: nothing of this may be committed.
    var failure: SQLiteFailure?
    var counts = OutcomeCounts()

    var isEmpty: Bool {
        raw.isEmpty && enriched.isEmpty && outlier.isEmpty && firing.isEmpty && deadLetter.isEmpty
            && vehicles.isEmpty && alerts.isEmpty && tables.isEmpty && schema.isEmpty
            && schemas.isEmpty && sparkplug.isEmpty
            && current.isEmpty && derived.isEmpty && failure == nil
    }

    /// Makes room for the next batch and keeps the memory.
    mutating func removeAll() {
        raw.removeAll(keepingCapacity: true)
        enriched.removeAll(keepingCapacity: true)
        outlier.removeAll(keepingCapacity: true)
        firing.removeAll(keepingCapacity: true)
        deadLetter.removeAll(keepingCapacity: true)
        schema.removeAll(keepingCapacity: true)
        current.removeAll(keepingCapacity: true)
        derived.removeAll(keepingCapacity: true)
        tables.removeAll(keepingCapacity: true)
        schemas.removeAll(keepingCapacity: true)
        sparkplug.removeAll(keepingCapacity: true)
        failure = nil
        bytes.removeAll()
        vehicles.removeAll(keepingCapacity: true)
        alerts.removeAll(keepingCapacity: true)
        counts = OutcomeCounts()
    }

    /// The events of a stream other than `raw`.
    func events(of stream: String) -> [Event] {
        switch stream {
        case StreamName.raw: raw
        case StreamName.enriched: enriched
        case StreamName.outlier: outlier
        case StreamName.firing: firing
        case StreamName.deadLetter: deadLetter
        case StreamName.schema: schema
        case StreamName.current: current
        default: derived[stream] ?? []
        }
    }
}

/// An alert of a vehicle as it is from now on; `nil` when it is inactive.
struct AlertChange {
    let vehicle: String
    let alert: String
    let instance: AlertInstance?
}

/// What a batch did, for the metrics.
struct OutcomeCounts {
    /// Readings of which at least one signal was older than what the vehicle held, by source.
    var late: [Int: Int] = [:]
    var clockFlagged: [Int: Int] = [:]
    var deadLetters: [DeadLetterKind: Int] = [:]
    /// Readings that break their topic's contract.
    var contractViolations: [ViolationKind: Int] = [:]
    /// Dead letters that were processed again, and became dead letters again.
    var failedReplays: Set<Int64> = []
    /// By table, what changes did to it.
    var tables: [Int: TableCounts] = [:]
    /// By table, readings whose join found nothing there.
    var misses: [Int: Int] = [:]
    /// Gaps in the sequence numbers of edge nodes.
    var sparkplugGaps: [SparkplugGap] = []
    /// Transitions by rule: fired and resolved.
    var fired: [Int: Int] = [:]
    var resolved: [Int: Int] = [:]

    /// Changes of schemas, by source and kind.
    var schemaChanges: [SchemaKind: Int] = [:]

    /// What changes of schemas are counted by.
    struct SchemaKind: Hashable {
        var source: Int
        var kind: SchemaChange.Kind
    }

    /// What dead letters are counted by.
    struct DeadLetterKind: Hashable {
        var source: Int
        var kind: DecodingFailure.Kind
    }

    /// What readings that break their contract are counted by.
    struct ViolationKind: Hashable {
        var source: Int
        var action: ContractConfiguration.Action
    }
}
