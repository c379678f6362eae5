// SPDX-License-Identifier: Apache-2.0
// The keys of a table.
import Foundation

/// In whose words change events come.
private enum ChangeFormatName: String, CaseIterable {
    case dms
    case debezium
    case rows
}

/// What to do with a column that the table does not have.
private enum UnknownColumns: String, CaseIterable {
    case refuse
    case ignore
}

private enum ColumnTypeName: String, CaseIterable {
    case text
    case int
    case float
    case bool
    case time
}

extension ConfigurationDecoder {
    func decodeTable(_ section: YAMLMapping, gatewayID: String) -> TableConfiguration? {
        let name = section.required("name")?.string()
        let key = section.required("key")?.list().compactMap { $0.string() }
        let columns = section.optional("columns")?.mapping { decodeColumns($0) }
        let indexes = section.optional("index")?.list().map { $0.list().compactMap { $0.string() } }
        let format = decodeChangeFormat(section)
        let feed =
            section.required("source")?
            .mapping { decodeFeed($0, table: name ?? "table", gatewayID: gatewayID) } ?? nil
        // All keys are asked for before anything is given up: one that nobody asked for is unknown.
        let from = section.optional("from")?.string()
        let validity = decodeValidity(section)
        let isRequired = section.bool("required", default: false)
        let isLarge = section.bool("large", default: false)
        let unknown = choice(section.optional("unknown_columns"), UnknownColumns.self)
        let stale = section.optional("stale_after")?.milliseconds()
        let quiet = section.optional("snapshot_quiet")?.milliseconds()
        let deletes = section.optional("remember_deletes")?.milliseconds()
        guard let name, let key, let feed else { return nil }
        var table = TableConfiguration(
            name: name,
            key: key,
            columns: columns,
            indexes: indexes ?? [],
            format: format,
            feed: feed,
            from: from,
            validity: validity,
            isRequired: isRequired,
            isLarge: isLarge,
            ignoresUnknownColumns: unknown == .ignore,
            staleMilliseconds: stale
        )
        table.snapshotQuietMilliseconds = quiet ?? table.snapshotQuietMilliseconds
        table.deletesMilliseconds = deletes ?? table.deletesMilliseconds
        check(table, section)
        return table
    }

    // Columns.

    private func decodeColumns(_ section: YAMLMapping) -> [ColumnConfiguration] {
        section.entries()
            .map { name, value in
                ColumnConfiguration(name: name, type: decodeColumnType(value))
            }
    }

    private func decodeColumnType(_ value: YAMLValue) -> ColumnType? {
        guard value.isMapping else {
            return choice(value, ColumnTypeName.self)
                .map { columnType($0, format: .iso8601) }
        }
        return value.mapping { section in
            guard let name = choice(section.required("type"), ColumnTypeName.self) else {
                return nil
            }
            guard let format = section.optional("format") else {
                return columnType(name, format: .iso8601)
            }
            if name != .time { format.report("only a column of type time has a format") }
            guard let text = format.string() else { return nil }
            guard let parsed = EventTimeFormat(text) else {
                format.report(
                    "must be epoch_d, epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601 or a date "
                        + "pattern such as 'yyyy-MM-dd HH:mm:ss' (got '\(text)')"
                )
                return nil
            }
            return columnType(name, format: parsed)
        } ?? nil
    }

    private func columnType(_ name: ColumnTypeName, format: EventTimeFormat) -> ColumnType {
        switch name {
        case .text: .text
        case .int: .int
        case .float: .float
        case .bool: .bool
        case .time: .time(format)
        }
    }

    private func decodeValidity(_ section: YAMLMapping) -> ValidityConfiguration? {
        let from = section.optional("valid_from")
        let to = section.optional("valid_to")
        let history = section.optional("history")
        guard let from, let to else {
            if from != nil || to != nil {
                (from ?? to)?.report("'valid_from' and 'valid_to' go together")
            }
            history?.report("only a table with 'valid_from' and 'valid_to' has a history")
            return nil
        }
        guard let from = from.string(), let end = to.string() else {
            return nil
        }
        if from == end {
            to.report("must be another column than 'valid_from'")
        }
        var validity = ValidityConfiguration(from: from, to: end)
        validity.historyMilliseconds =
            history?.milliseconds() ?? validity.historyMilliseconds
        return validity
    }

    private func check(_ table: TableConfiguration, _ section: YAMLMapping) {
        if !SignalConfiguration.isIdentifier(table.name) {
            section.required("name")?.report("must be a lower-case SQL name such as reservation")
        } else if TableName.isReserved(table.name) {
            section.required("name")?
                .report("'\(table.name)' is the gateway's own table; choose another name")
        }
        if table.columns == nil, table.ignoresUnknownColumns {
            section.optional("unknown_columns")?
                .report("needs 'columns': where they are inferred, none is unknown")
        }
        if let from = table.from, !(1...3).contains(from.split(separator: ".").count) {
            section.optional("from")?
                .report("must be table, schema.table or database.schema.table (got '\(from)')")
        }
        if let stale = table.staleMilliseconds, stale <= 0 {
            section.optional("stale_after")?.report("must be longer than nothing")
        }
        if table.key.isEmpty { section.required("key")?.report("needs at least one column") }
        if Set(table.key.map { $0.lowercased() }).count < table.key.count {
            section.required("key")?.report("names a column twice")
        }
        if let own = table.key.first(where: { TableName.ownColumns.contains($0.lowercased()) }) {
            section.required("key")?
                .report("'\(own)' is a column that the gateway keeps beside each key")
        }
        let used =
            [("key", table.key), ("index", table.indexes.flatMap(\.self))]
            + (table.validity.map { [("valid_from", [$0.from]), ("valid_to", [$0.to])] } ?? [])
        guard let columns = table.columns else {
            if table.validity != nil {
                section.optional("valid_from")?
                    .report("'columns' must say what the times of validity look like")
            }
            return
        }
        let names = columns.map(\.name)
        for (place, wanted) in used {
            for name in wanted where !names.contains(name) {
                section.optional(place)?
                    .report(
                        "'\(name)' is not among the columns"
                            + Suggestion.sentence(for: name, among: names)
                    )
            }
        }
        checkTypes(table, columns, section)
    }

    private func checkTypes(
        _ table: TableConfiguration,
        _ columns: [ColumnConfiguration],
        _ section: YAMLMapping
    ) {
        if Set(columns.map { $0.name.lowercased() }).count < columns.count {
            section.optional("columns")?
                .report("two names differ only in case, which SQL does not see")
        }
        guard let validity = table.validity else { return }
        for (place, name) in [("valid_from", validity.from), ("valid_to", validity.to)] {
            guard let column = columns.first(where: { $0.name == name }) else { continue }
            if case .time = column.type { continue }
            section.optional(place)?.report("column '\(name)' must be of type time")
        }
    }

    // Formats.

    private func decodeChangeFormat(_ section: YAMLMapping) -> ChangeFormatConfiguration {
        let value = section.optional("format")
        let name = choice(value, ChangeFormatName.self) ?? .rows
        let paths = ["operation", "row", "before", "position", "time"]
        guard name == .rows else {
            for path in paths {
                section.optional(path)?
                    .report("is for format rows; \(name.rawValue) tells it by itself")
            }
            return name == .dms ? .dms : .debezium
        }
        return .rows(
            RowsFormatConfiguration(
                operation: section.optional("operation")?.string(),
                row: section.optional("row")?.string(),
                before: section.optional("before")?.string(),
                position: section.optional("position")?.string(),
                time: section.optional("time")?.mapping { decodeEventTime($0) } ?? nil
            )
        )
    }
}

/// Names that tables of users can't have.
enum TableName {
    private static let own: Set<String> = [
        "reading", "vehicle", "stream", "snapshot", "alert", "cursor", "redelivery",
        "subscription", "identity", "table_state", "table_position", "grdb_migrations",
    ]

    /// What the gateway keeps beside each key.
    static let ownColumns: Set<String> = ["position", "deleted_at", "kept_from"]

    static func isReserved(_ name: String) -> Bool {
        own.contains(name) || StreamName.all.contains(name) || name.hasPrefix("sqlite_")
    }
}
