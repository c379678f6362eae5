// SPDX-License-Identifier: Apache-2.0
// Plain JSON rows, with or without an operation. The words for operations are those of the tools
// that write such events: Maxwell's, Canal's, and whatever a script would call them.

struct RowsFormat: ChangeFormat {
    private static let kinds: [String: Change.Kind] = [
        "insert": .upsert, "update": .upsert, "upsert": .upsert, "replace": .upsert,
        "create": .upsert, "i": .upsert, "c": .upsert, "u": .upsert,
        "load": .load, "snapshot": .load, "read": .load, "r": .load, "bootstrap-insert": .load,
        "delete": .delete, "remove": .delete, "d": .delete,
        "truncate": .truncate, "t": .truncate,
        "begin": .loadBegins, "bootstrap-start": .loadBegins,
        "end": .loadEnds, "bootstrap-complete": .loadEnds,
    ]
    /// Maxwell tells changes of the table itself in the same stream.
    private static let notes = ["table-", "database-"]

    private let configuration: RowsFormatConfiguration
    private let filter: TableFilter
    private let timeReader: EventTimeReader?

    init(configuration: RowsFormatConfiguration, filter: TableFilter) {
        self.configuration = configuration
        self.filter = filter
        timeReader = configuration.time.map { EventTimeReader($0) }
    }

    func places(in paths: [String]) -> ChangePlaces {
        let before = configuration.before.map { $0 + "." }
        if let row = configuration.row { return ChangePlaces(row: row + ".", before: before) }
        let own =
            [configuration.operation, configuration.position].compactMap(\.self)
            + (configuration.time?.paths ?? [])
        return ChangePlaces(row: "", before: before) { path in
            !own.contains(path) && before.map { !path.hasPrefix($0) } ?? true
        }
    }

    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change {
        let position = position(fields)
        let schema = fields.text("schema") ?? fields.text("database")
        guard filter.takes(schema: schema, table: fields.text("table")) else {
            return Change(kind: .nothing, position: position)
        }
        guard let path = configuration.operation else {
            return Change(kind: .upsert, position: position)
        }
        guard let operation = fields.text(path) else {
            throw DecodingFailure(kind: .wrongForm, reason: "no operation at '\(path)'")
        }
        guard let kind = Self.kinds[operation.lowercased()] else {
            guard Self.notes.contains(where: operation.hasPrefix) else {
                throw DecodingFailure(kind: .wrongForm, reason: "unknown operation '\(operation)'")
            }
            var change = Change(kind: .nothing, position: position)
            change.note = operation
            return change
        }
        return Change(kind: kind, position: position)
    }

    private func position(_ fields: ChangeFields) -> ChangePosition {
        var position = fields.transportPosition
        if let time = configuration.time, let reader = timeReader {
            let parts = time.paths.compactMap { fields.value($0) }
            let whole =
                parts.count == 1
                ? parts[0] : SignalValue.text(parts.map(\.text).joined(separator: " "))
            if !parts.isEmpty, let read = reader.read(whole) {
                position.time = read.milliseconds * 1_000
            }
        }
        if let path = configuration.position, let place = fields.text(path) {
            position.lineage = "rows"
            position.sequence = place
        }
        return position
    }
}
