// SPDX-License-Identifier: Apache-2.0

/// How one kind of change event is read; its leaves are found by their dotted paths.
protocol ChangeFormat {
    /// Where the columns of the row, and of what it was before, stand in a message of these paths.
    func places(in paths: [String]) -> ChangePlaces

    /// What a message says, but for its columns.
    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change
}

/// The paths of a row's columns start with these.
struct ChangePlaces {
    /// `nil` when the message holds no row.
    var row: String?
    var before: String?
    /// Members of the row that are no columns.
    var isColumn: (String) -> Bool = { _ in true }
}

/// What a message tells beside its columns.
struct ChangeFields {
    /// The scalar at a path.
    let value: (String) -> SignalValue?
    /// Whether there is anything at a path or below it.
    let has: (String) -> Bool
    let arrival: Timestamp
    /// Where a Kafka record stood.
    let record: RecordPlace?

    func text(_ path: String) -> String? {
        guard let value = value(path), value != .null else { return nil }
        return value.text
    }

    /// A number of some unit since 1970, in microseconds.
    func microseconds(_ path: String, perUnit: Int64) -> Int64? {
        guard let text = text(path), let number = Int64(text) else { return nil }
        let (product, isOverflow) = number.multipliedReportingOverflow(by: perUnit)
        return isOverflow ? nil : product
    }

    /// Where the record stood in Kafka, or when the message arrived.
    var transportPosition: ChangePosition {
        guard let record, record.offset >= 0 else {
            return ChangePosition(time: arrival.milliseconds * 1_000)
        }
        return ChangePosition(
            time: (record.time ?? arrival).milliseconds * 1_000,
            lineage: "kafka/\(record.partition)",
            sequence: "\(record.offset)"
        )
    }
}

extension ChangeFormatConfiguration {
    func make(from table: String?) -> any ChangeFormat {
        let filter = TableFilter(table)
        return switch self {
        case .dms: DMSFormat(filter: filter)
        case .debezium: DebeziumFormat(filter: filter)
        case .rows(let rows): RowsFormat(configuration: rows, filter: filter)
        }
    }
}

/// Which table's changes are wanted: `table` or `schema.table`; `nil` takes all.
struct TableFilter {
    private let parts: [Substring]

    init(_ text: String?) {
        parts = text?.split(separator: ".", maxSplits: 1) ?? []
    }

    func takes(schema: String?, table: String?) -> Bool {
        guard let wanted = parts.last else { return true }
        guard let table, table == wanted else { return false }
        return parts.count == 1 || schema.map { $0 == parts[0] } ?? false
    }
}
