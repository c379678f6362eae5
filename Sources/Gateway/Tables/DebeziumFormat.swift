// SPDX-License-Identifier: Apache-2.0
// Debezium's change events (debezium.io, "Data change events" of each connector), with and without
// the schema envelope, and as its event-flattening transformation leaves them.

struct DebeziumFormat: ChangeFormat {
    /// What a message is, by its members.
    private enum Form {
        case change
        /// What ExtractNewRecordState makes of one: the row, and members with `__` if wanted.
        case flat
        /// A schema change, the border of a transaction, a heartbeat.
        case notice
        case foreign
    }

    /// What stands for a large value that did not change and that the database did not log; also as the
    /// Base64 of a column of bytes.
    private static let placeholders: [SignalValue] = [
        .text("__debezium_unavailable_value"),
        .text("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="),
    ]

    let filter: TableFilter
    /// The columns by which a flattened event is known.
    let key: [String]

    /// Whether the value before it holds on.
    static func isUnavailable(_ value: SignalValue) -> Bool { placeholders.contains(value) }

    func places(in paths: ChangePaths) -> ChangePlaces {
        let root = Self.root(of: paths)
        switch form(paths, root) {
        case .change: return ChangePlaces(row: root + "after.", before: root + "before.")
        case .flat: return ChangePlaces(row: root) { !$0.hasPrefix("__") }
        case .notice, .foreign: return ChangePlaces()
        }
    }

    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change {
        let root = Self.root(of: fields.paths)
        switch form(fields.paths, root) {
        case .change: return try change(root, fields)
        case .flat: return try flat(root, fields)
        case .notice: return Change(kind: .nothing, position: fields.transportPosition)
        case .foreign:
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "not of format debezium: neither '\(root)op' with 'before', 'after' or "
                    + "'source', nor a flattened row with its key"
            )
        }
    }

    /// With Kafka Connect's envelope all that counts is in its payload.
    ///
    /// A row may have columns of these names, but then it has others too, or no object in `payload`.
    private static func root(of paths: ChangePaths) -> String {
        let isEnvelope =
            paths.members.isSubset(of: ["schema", "payload"]) && paths.isNested("payload")
        return isEnvelope ? "payload." : ""
    }

    private func form(_ paths: ChangePaths, _ root: String) -> Form {
        func has(_ names: String...) -> Bool { names.allSatisfy { paths.has(root + $0) } }
        let isNested = ["source", "after", "before"].contains { paths.isNested(root + $0) }
        if has("op"), isNested { return .change }
        if has("status", "event_count", "data_collections") || has("ddl", "databaseName") {
            return .notice
        }
        if key.allSatisfy({ paths.has(root + $0) }) || has("__op") || has("__deleted") {
            return .flat
        }
        // A heartbeat has a time, the key of a schema change the database's name.
        let rest = paths.leaves.filter { $0.hasPrefix(root) }.map { $0.dropFirst(root.count) }
        let notices: Set<Substring> = ["ts_ms", "ts_us", "ts_ns", "databaseName"]
        return notices.isSuperset(of: rest) ? .notice : .foreign
    }

    // Changes.

    private func change(_ root: String, _ fields: ChangeFields) throws(DecodingFailure) -> Change {
        let source = root + "source."
        let snapshot = Snapshot(fields.text(source + "snapshot"))
        var change = Change(kind: .nothing, position: fields.transportPosition)
        if let time = fields.microseconds(root + "ts_us", perUnit: 1)
            ?? fields.microseconds(root + "ts_ms", perUnit: 1_000)
        {
            change.position.take(time, isOfSnapshot: snapshot.isRunning)
        }
        if !snapshot.isRunning {
            change.position.take(DebeziumPlace([source], fields, time: change.position.time))
        }
        let isOurs = try filter.takes(
            database: fields.text(source + "db"),
            schema: fields.text(source + "schema"),
            table: fields.text(source + "table"),
            at: source + "table"
        )
        guard isOurs else { return change }
        let operation = fields.text(root + "op") ?? ""
        change.kind = try Self.kind(operation, snapshot)
        change.mark(snapshot)
        if change.kind == .upsert || change.kind == .load, !fields.has(root + "after") {
            throw DecodingFailure(kind: .wrongForm, reason: "'\(root)after' is missing")
        }
        return change
    }

    private static func kind(
        _ operation: String,
        _ snapshot: Snapshot
    ) throws(DecodingFailure) -> Change.Kind {
        switch operation {
        case "c", "u": return .upsert
        case "r": return snapshot.isIncremental ? .upsert : .load
        case "d": return .delete
        case "t": return .truncate
        // A message that an application wrote into PostgreSQL's log.
        case "m": return .nothing
        default:
            throw DecodingFailure(kind: .wrongForm, reason: "unknown op '\(operation)'")
        }
    }

    // Flattened events.

    /// Beside the row there is only what `add.fields` asks for: `op` as `__op`, `lsn` as `__lsn`,
    /// `source.lsn` as `__source_lsn`.
    private func flat(_ root: String, _ fields: ChangeFields) throws(DecodingFailure) -> Change {
        let prefixes = [root + "__source_", root + "__"]
        func text(_ name: String) -> String? {
            prefixes.lazy.compactMap { fields.text($0 + name) }.first
        }
        let snapshot = Snapshot(text("snapshot"))
        let operation = text("op")
        let isOfSnapshot = snapshot.isRunning || operation == "r"
        var change = Change(kind: .upsert, position: fields.transportPosition)
        if let time = fields.microseconds(root + "__ts_ms", perUnit: 1_000)
            ?? fields.microseconds(root + "__source_ts_ms", perUnit: 1_000)
        {
            change.position.take(time, isOfSnapshot: isOfSnapshot)
        }
        if !isOfSnapshot {
            change.position.take(DebeziumPlace(prefixes, fields, time: change.position.time))
        }
        // Without `add.fields: table` the topic alone names the table.
        if let table = text("table") {
            let isOurs = try filter.takes(
                database: text("db"),
                schema: text("schema"),
                table: table,
                at: root + "__table"
            )
            guard isOurs else {
                change.kind = .nothing
                return change
            }
        }
        if fields.text(root + "__deleted") == "true" {
            change.kind = .delete
        } else if let operation {
            change.kind = try Self.kind(operation, snapshot)
        }
        change.mark(snapshot)
        return change
    }
}

/// What `source.snapshot` says of an event; connectors before 1.5 have a Boolean there.
private struct Snapshot {
    let isRunning: Bool
    /// It runs beside the changes and replaces nothing.
    let isIncremental: Bool
    let isFirst: Bool
    let isLast: Bool

    init(_ text: String?) {
        let text = text ?? "false"
        isRunning = text != "false"
        isIncremental = text == "incremental"
        isFirst = text == "first" || text == "first_in_data_collection"
        isLast = text == "last" || text == "last_in_data_collection"
    }
}

extension Change {
    /// Only rows of a snapshot begin or end one.
    fileprivate mutating func mark(_ snapshot: Snapshot) {
        guard kind == .load else { return }
        beginsLoad = snapshot.isFirst
        endsLoad = snapshot.isLast
    }
}

extension ChangePosition {
    /// Of a snapshot the time is all: a row that comes again has another offset in Kafka, and would begin
    /// or end a snapshot that is not its own.
    fileprivate mutating func take(_ time: Int64, isOfSnapshot: Bool) {
        if isOfSnapshot {
            self = ChangePosition(time: time)
        } else {
            self.time = time
        }
    }

    fileprivate mutating func take(_ place: DebeziumPlace?) {
        guard let place else { return }
        self = ChangePosition(time: time, lineage: place.lineage, sequence: place.sequence)
    }
}
