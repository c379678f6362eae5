// SPDX-License-Identifier: Apache-2.0
// Debezium's change events (debezium.io, "Data change events" of each connector), with and without
// the schema envelope, and as its event-flattening transformation leaves them.

struct DebeziumFormat: ChangeFormat {
    /// Stands for a large value that did not change and that the database did not log.
    static let unavailable = "__debezium_unavailable_value"

    let filter: TableFilter

    func places(in paths: [String]) -> ChangePlaces {
        let root = Self.root { path in paths.contains { $0 == path || $0.hasPrefix(path + ".") } }
        guard !Self.isFlat(root, has: { path in paths.contains { $0 == path } }) else {
            return ChangePlaces(row: root) { !$0.hasPrefix("__") }
        }
        return ChangePlaces(row: root + "after.", before: root + "before.")
    }

    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change {
        let root = Self.root(has: fields.has)
        if Self.isFlat(root, has: { fields.value($0) != nil }) { return flat(root, fields) }
        let position = position(root, fields)
        guard let operation = fields.text(root + "op") else {
            // A schema change, the border of a transaction, a heartbeat.
            guard
                fields.has(root + "ddl") || fields.has(root + "status")
                    || fields.has(root + "ts_ms")
            else {
                throw DecodingFailure(
                    kind: .wrongForm,
                    reason: "not of format debezium: '\(root)op' is missing"
                )
            }
            return Change(kind: .nothing, position: position)
        }
        let source = root + "source."
        let schema = fields.text(source + "schema") ?? fields.text(source + "db")
        guard filter.takes(schema: schema, table: fields.text(source + "table")) else {
            return Change(kind: .nothing, position: position)
        }
        var change = Change(kind: .nothing, position: position)
        let snapshot = fields.text(source + "snapshot") ?? "false"
        switch operation {
        case "c", "u": change.kind = .upsert
        // An incremental snapshot runs beside the changes and replaces nothing.
        case "r": change.kind = snapshot == "incremental" ? .upsert : .load
        case "d": change.kind = .delete
        case "t": change.kind = .truncate
        case "m": break
        default:
            throw DecodingFailure(kind: .wrongForm, reason: "unknown op '\(operation)'")
        }
        change.endsLoad = ["last", "last_in_data_collection"].contains(snapshot)
        if change.kind == .upsert || change.kind == .load, !fields.has(root + "after") {
            throw DecodingFailure(kind: .wrongForm, reason: "'\(root)after' is missing")
        }
        return change
    }

    // Position.

    private func position(_ root: String, _ fields: ChangeFields) -> ChangePosition {
        let source = root + "source."
        let time =
            fields.microseconds(root + "ts_us", perUnit: 1)
            ?? fields.microseconds(root + "ts_ms", perUnit: 1_000)
            ?? fields.transportPosition.time
        let server = fields.text(source + "server_id").map { "/" + $0 } ?? ""
        return ChangePosition(
            time: time,
            lineage: "debezium/" + (fields.text(source + "name") ?? "") + server,
            sequence: sequence(source, fields)
        )
    }

    /// Each connector counts in its own way.
    private func sequence(_ source: String, _ fields: ChangeFields) -> String {
        func joined(_ names: String...) -> String {
            let parts = names.compactMap { fields.text(source + $0) }
            return parts.count == names.count ? parts.joined(separator: "/") : ""
        }
        // MySQL and MariaDB; SQL Server; PostgreSQL; Oracle.
        let known = [
            joined("file", "pos", "row"), joined("commit_lsn", "change_lsn", "event_serial_no"),
            joined("commit_lsn", "change_lsn"), joined("lsn"), joined("scn"),
        ]
        return known.first { !$0.isEmpty } ?? ""
    }

    // Flattened events.

    private func flat(_ root: String, _ fields: ChangeFields) -> Change {
        let isDeleted = fields.text(root + "__deleted") == "true"
        let operation = fields.text(root + "__op")
        let kind: Change.Kind =
            isDeleted || operation == "d" ? .delete : operation == "r" ? .load : .upsert
        var position = fields.transportPosition
        if let time = fields.microseconds(root + "__ts_ms", perUnit: 1_000)
            ?? fields.microseconds(root + "__source_ts_ms", perUnit: 1_000)
        {
            position.time = time
        }
        if let place = fields.text(root + "__lsn") ?? fields.text(root + "__source_lsn") {
            position.lineage = "debezium"
            position.sequence = place
        }
        return Change(kind: kind, position: position)
    }

    /// With the envelope all that counts is in `payload`.
    private static func root(has: (String) -> Bool) -> String {
        has("payload") && has("schema") ? "payload." : ""
    }

    private static func isFlat(_ root: String, has: (String) -> Bool) -> Bool {
        has(root + "__deleted") || has(root + "__op")
    }
}
