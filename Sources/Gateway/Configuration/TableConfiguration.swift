// SPDX-License-Identifier: Apache-2.0

/// Reference data that is kept by key and fed by change events.
struct TableConfiguration: Sendable {
    var name: String
    /// The columns that name a row.
    var key: [String]
    /// `nil` infers them from what comes.
    var columns: [ColumnConfiguration]?
    /// Columns that joins look up beside the key, each list an index.
    var indexes: [[String]] = []
    var format: ChangeFormatConfiguration
    var feed: FeedConfiguration
    /// Which database table of a feed that carries several: `table` or `schema.table`.
    var from: String?
    var validity: ValidityConfiguration?
    /// Sources that join it wait until its first snapshot is complete.
    var isRequired = false
    /// A join that would read it from end to end is refused.
    var isLarge = false
    /// Columns that a change names and the table does not have are left out.
    var ignoresUnknownColumns = false
    /// Silence of the feed after which the gateway raises an alert about itself.
    var staleMilliseconds: Int64?
    /// A snapshot whose end is not told is complete when nothing of it has come for so long.
    var snapshotQuietMilliseconds: Int64 = 5_000
    /// How long deleted keys are remembered, to refuse changes that come late.
    var deletesMilliseconds: Int64 = 7 * 86_400_000

    /// The feed's name in health, metrics and dead letters.
    var feedName: String { "table/\(name)" }

    /// The Kafka topic that feeds it, if one does.
    var kafka: KafkaFeedConfiguration? {
        if case .kafka(let kafka) = feed { kafka } else { nil }
    }

    /// The MQTT session that feeds it, if one does.
    var session: SourceConfiguration? {
        if case .mqtt(let session) = feed { session } else { nil }
    }
}

/// One column of a table.
struct ColumnConfiguration: Sendable, Hashable {
    var name: String
    /// `nil` until the first value tells it.
    var type: ColumnType?
}

/// What a column holds.
enum ColumnType: Sendable, Hashable {
    case text
    case int
    case float
    case bool
    /// Kept as seconds since 1970, like `event_time`.
    case time(EventTimeFormat)
}

/// When a row of a table holds: from one column's time up to, but not including, the other's.
struct ValidityConfiguration: Sendable {
    var from: String
    var to: String
    /// How long rows whose time is over are kept for messages that arrive late.
    var historyMilliseconds: Int64 = 7 * 86_400_000
}

/// In whose words change events come.
enum ChangeFormatConfiguration: Sendable {
    /// AWS Database Migration Service, for Kafka and Kinesis targets.
    case dms
    case debezium
    /// Plain JSON rows.
    case rows(RowsFormatConfiguration)
}

/// Where plain JSON rows have what; paths are dotted.
struct RowsFormatConfiguration: Sendable {
    /// What happened to the row; without it every message replaces its row.
    var operation: String?
    /// Where the row's columns are; otherwise the message is the row.
    var row: String?
    /// Where an update tells what columns were before, when its key may change.
    var before: String?
    /// The source's own position, for order.
    var position: String?
    /// When the change happened, in the `time` format, for order.
    var time: EventTimeConfiguration?
}

/// Where a table's change events come from.
enum FeedConfiguration: Sendable {
    case mqtt(SourceConfiguration)
    case kafka(KafkaFeedConfiguration)
    case file(FileFeedConfiguration)
}

/// A Kafka topic of change events.
struct KafkaFeedConfiguration: Sendable {
    var kafka: KafkaConfiguration
    var topic: String
}

/// A file that holds the whole table and may be replaced.
struct FileFeedConfiguration: Sendable {
    enum Format: String, Sendable, CaseIterable {
        case csv
        case jsonl
    }

    var path: String
    var format: Format
}

/// How readings of one source are joined with tables.
struct EnrichmentConfiguration: Sendable {
    /// What to do with several rows.
    enum Rows: String, Sendable, CaseIterable {
        case first
        /// One enriched event each.
        case each
    }

    /// A SELECT over `reading`, `vehicle` and the tables.
    var select: String
    var rows = Rows.first
    /// Enriched events tell how old each table is.
    var tellsAge = false
    /// Where the SELECT stands, for messages.
    var place: Place

    struct Place: Sendable {
        var file: String
        var line: Int
        var key: String
    }
}
