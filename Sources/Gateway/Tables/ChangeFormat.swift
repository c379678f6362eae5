// SPDX-License-Identifier: Apache-2.0

/// How one kind of change event is read; its leaves are found by their dotted paths.
protocol ChangeFormat {
    /// Where the columns of the row, and of what it was before, stand in a message of these paths.
    func places(in paths: ChangePaths) -> ChangePlaces

    /// What a message says, but for its columns.
    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change
}

/// The paths of a row's columns start with these.
struct ChangePlaces {
    /// `nil` when the message holds no row.
    var row: String?
    var before: String?
    /// Members of the row that are no columns, unless the table names them as such.
    var isColumn: (String) -> Bool = { _ in true }
}

/// What paths a message has.
struct ChangePaths {
    let leaves: Set<String>
    /// The members of the message itself.
    let members: Set<Substring>
    /// Every path above a leaf.
    private let inner: Set<String>

    init(_ paths: [String]) {
        leaves = Set(paths)
        members = Set(paths.map { $0.prefix { $0 != "." } })
        inner = Set(
            paths.flatMap { path in
                path.indices.filter { path[$0] == "." }.map { String(path[..<$0]) }
            }
        )
    }

    /// Whether there is anything at a path or below it.
    func has(_ path: String) -> Bool { leaves.contains(path) || inner.contains(path) }

    /// Whether an object or array that is not empty stands there.
    func isNested(_ path: String) -> Bool { inner.contains(path) }
}

/// What a message tells beside its columns.
struct ChangeFields {
    /// The scalar at a path.
    let value: (String) -> SignalValue?
    let paths: ChangePaths
    let arrival: Timestamp
    /// Where a Kafka record stood, and in which topic.
    let record: RecordPlace?
    var topic = ""

    /// Whether there is anything at a path or below it.
    func has(_ path: String) -> Bool { paths.has(path) }

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
            return ChangePosition(time: arrival.microseconds)
        }
        return ChangePosition(
            time: (record.time ?? arrival).microseconds,
            // Offsets of another topic say nothing about those of this one.
            lineage: "kafka/\(topic)/\(record.partition)",
            sequence: "\(record.offset)"
        )
    }
}

extension TableConfiguration {
    /// What reads its change events.
    var changeFormat: any ChangeFormat {
        let filter = TableFilter(from)
        return switch format {
        case .dms: DMSFormat(filter: filter)
        case .debezium: DebeziumFormat(filter: filter, key: key)
        case .rows(let rows): RowsFormat(configuration: rows, filter: filter)
        }
    }
}

/// Which table's changes are wanted: `table`, `schema.table` or `database.schema.table`; `nil` takes
/// all.
struct TableFilter {
    private let wanted: String?

    init(_ text: String?) {
        wanted = text
    }

    var takesAll: Bool { wanted == nil }

    /// Whether a change is wanted; a change that names no table can't be told from others'.
    func takes(
        database: String? = nil,
        schema: String?,
        table: String?,
        at path: @autoclosure () -> String
    ) throws(DecodingFailure) -> Bool {
        guard let wanted else { return true }
        guard let table, !table.isEmpty else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "'\(path())' is missing, and only changes of '\(wanted)' are wanted"
            )
        }
        // Name by name from the right: what one of the two does not tell can't be another.
        let told = [database, schema, table].compactMap(\.self).joined(separator: ".")
        return zip(told.split(separator: ".").reversed(), wanted.split(separator: ".").reversed())
            .allSatisfy { $0 == $1 }
    }
}
