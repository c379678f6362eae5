// SPDX-License-Identifier: Apache-2.0
// How a source database's changes look on their way: what Debezium for PostgreSQL, AWS DMS and a script
// write. Written from their documentation and from nothing of our decoders.

/// One of the forms that change events have.
enum ChangeWire: String, CaseIterable, Sendable {
    case rows
    case dms
    case debezium
    /// With Kafka Connect's schema beside it.
    case debeziumEnvelope

    /// A table's keys in the gateway's configuration, behind its name.
    func configuration(of table: SourceTable) -> String {
        let format =
            switch self {
            case .rows: "epoch_ms"
            case .dms: "iso8601"
            case .debezium, .debeziumEnvelope: "epoch_us"
            }
        let types: [String: String] = [
            "starts": "{type: time, format: \(format)}", "ends": "{type: time, format: \(format)}",
            "plate": "text", "model": "text", "customer": "text",
        ]
        let columns = table.columns.map { column in
            let type = column == "id" && table == .device ? "text" : types[column] ?? "int"
            return "\(column): \(type)"
        }
        var lines = ["key: id", "columns: {\(columns.joined(separator: ", "))}"]
        if table == .reservation {
            lines += ["valid_from: starts", "valid_to: ends", "index: [car]", "large: true"]
        }
        switch self {
        case .rows:
            lines += [
                "format: rows", "operation: op", "position: pos", "before: old",
                "time: {path: at, format: epoch_ms}",
            ]
        case .dms: lines += ["format: dms", "from: \(table.name)"]
        case .debezium, .debeziumEnvelope:
            lines += ["format: debezium", "from: public.\(table.name)"]
        }
        return lines.map { "    \($0)\n" }.joined()
    }

    // Changes.

    func payload(of change: SourceChange) -> [UInt8] {
        switch self {
        case .rows: Self.plain(change)
        case .dms: Self.dms(change)
        case .debezium, .debeziumEnvelope:
            debezium(
                change.table,
                operation: change.kind == .insert ? "c" : change.kind == .update ? "u" : "d",
                (change.before, change.after),
                (change.version, change.time),
                snapshot: "false"
            )
        }
    }

    /// A whole snapshot, in its order; each message with the key that Kafka keeps it under.
    func payloads(of snapshot: SourceSnapshot) -> [(key: SignalValue, payload: [UInt8])] {
        let place = (snapshot.version, snapshot.time)
        func mark(_ operation: String) -> (SignalValue, [UInt8]) {
            (.null, Self.plain(operation, nil, nil, place, snapshot.table))
        }
        switch self {
        case .rows:
            let rows = snapshot.rows.map {
                ($0.key, Self.plain("load", $0, nil, place, snapshot.table))
            }
            return [mark("begin")] + rows + [mark("end")]
        case .dms:
            let marks = ["drop-table", "create-table"]
                .map {
                    (SignalValue.null, Self.dms($0, nil, nil, place, snapshot.table))
                }
            return marks
                + snapshot.rows.map {
                    ($0.key, Self.dms("load", $0, nil, place, snapshot.table))
                }
        case .debezium, .debeziumEnvelope:
            return snapshot.rows.enumerated()
                .map { number, row in
                    let isLast = number == snapshot.rows.count - 1
                    let mark = number == 0 ? "first" : isLast ? "last" : "true"
                    let payload = debezium(
                        snapshot.table,
                        operation: "r",
                        (nil, row),
                        place,
                        snapshot: mark
                    )
                    return (row.key, payload)
                }
        }
    }

    /// A record's key as the tools write it.
    func recordKey(_ key: SignalValue) -> [UInt8] {
        guard self != .rows, self != .dms else { return Array(key.text.utf8) }
        var json = JSONWriter()
        json.raw("{")
        json.member("id")
        json.value(key)
        json.raw("}")
        return json.bytes
    }

    // Rows of a script.

    private static func plain(_ change: SourceChange) -> [UInt8] {
        let operation =
            change.kind == .insert ? "insert" : change.kind == .update ? "update" : "delete"
        // What was before is told when the key has changed, and otherwise now and then.
        let isTold = change.before?.key != change.after?.key || change.version % 2 == 0
        return plain(
            operation,
            change.after ?? change.before,
            change.kind == .update && isTold ? change.before : nil,
            (change.version, change.time),
            change.table
        )
    }

    private static func plain(
        _ operation: String,
        _ row: SourceRow?,
        _ before: SourceRow?,
        _ place: (version: Int64, time: Int64),
        _ table: SourceTable
    ) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{")
        json.member("op")
        json.string(operation)
        json.member("pos")
        json.int(place.version)
        json.member("at")
        json.int(place.time)
        if let row {
            for (column, value) in zip(table.columns, row.values) {
                json.member(column)
                json.value(value)
            }
        }
        if let before {
            json.member("old")
            json.object(table, before) { $1 }
        }
        json.raw("}")
        return json.bytes
    }

    // AWS DMS.

    private static func dms(_ change: SourceChange) -> [UInt8] {
        let operation =
            change.kind == .insert ? "insert" : change.kind == .update ? "update" : "delete"
        return dms(
            operation,
            change.after ?? change.before,
            change.kind == .update ? change.before : nil,
            (change.version, change.time),
            change.table
        )
    }

    private static func dms(
        _ operation: String,
        _ row: SourceRow?,
        _ before: SourceRow?,
        _ place: (version: Int64, time: Int64),
        _ table: SourceTable
    ) -> [UInt8] {
        let time = Timestamp(milliseconds: place.time).iso8601
        var json = JSONWriter()
        json.raw("{")
        for (name, row) in [("before-image", before), ("data", row)] {
            guard let row else { continue }
            json.member(name)
            json.object(table, row) { column, value in
                guard value != .null else { return nil }
                guard SourceTable.times.contains(column), case .int(let time) = value else {
                    return value
                }
                return .text(Timestamp(milliseconds: time).iso8601)
            }
        }
        if row == nil {
            json.member("control")
            json.raw("{}")
        }
        var metadata: [(String, String)] = [
            ("timestamp", time), ("record-type", row == nil ? "control" : "data"),
            ("operation", operation), ("partition-key-type", "primary-key"),
            ("schema-name", "public"), ("table-name", table.name),
        ]
        let isChange = row != nil && operation != "load"
        if isChange {
            // Three changes a transaction, whose place is a number of the log in hexadecimal.
            let log = "0000000a/" + String(place.version / 3 * 24 + 0x7C00_0000, radix: 16)
            metadata += [("commit-timestamp", time), ("stream-position", "\(log).3.\(log)")]
        }
        json.member("metadata")
        json.raw("{")
        for (name, value) in metadata {
            json.member(name)
            json.string(value)
        }
        if isChange {
            json.member("transaction-id")
            json.int(place.version / 3)
            json.member("transaction-record-id")
            json.int(place.version % 3 + 1)
        }
        json.raw("}}")
        return json.bytes
    }

    // Debezium.

    private func debezium(
        _ table: SourceTable,
        operation: String,
        _ images: (before: SourceRow?, after: SourceRow?),
        _ place: (version: Int64, time: Int64),
        snapshot: String
    ) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{")
        if self == .debeziumEnvelope {
            json.raw(#""schema":{"type":"struct","optional":false,"name":"fleet.Envelope","#)
            json.raw(#""fields":[{"type":"struct","field":"before"},"#)
            json.raw(#"{"type":"struct","field":"after"}]},"payload":{"#)
        }
        for (name, row) in [("before", images.before), ("after", images.after)] {
            json.member(name)
            guard let row else {
                json.raw("null")
                continue
            }
            json.object(table, row) { column, value in
                guard SourceTable.times.contains(column), case .int(let time) = value else {
                    return value
                }
                return .int(time * 1_000)
            }
        }
        let texts = [
            ("version", "2.7.0.Final"), ("connector", "postgresql"), ("name", "depot"),
            ("db", "fleet"), ("schema", "public"), ("table", table.name), ("snapshot", snapshot),
        ]
        json.member("source")
        json.raw("{")
        for (name, text) in texts {
            json.member(name)
            json.string(text)
        }
        for (name, number) in [
            ("ts_ms", place.time), ("txId", place.version / 3),
            ("lsn", 24_023_128 + 8 * place.version),
        ] {
            json.member(name)
            json.int(number)
        }
        json.raw("}")
        json.member("op")
        json.string(operation)
        json.member("ts_ms")
        json.int(place.time)
        json.raw("}")
        if self == .debeziumEnvelope { json.raw("}") }
        return json.bytes
    }
}

extension JSONWriter {
    /// A row; `form` gives a value as the source writes it, or `nil` to leave it out.
    fileprivate mutating func object(
        _ table: SourceTable,
        _ row: SourceRow,
        _ form: (String, SignalValue) -> SignalValue?
    ) {
        raw("{")
        for (column, value) in zip(table.columns, row.values) {
            guard let value = form(column, value) else { continue }
            member(column)
            self.value(value)
        }
        raw("}")
    }
}
