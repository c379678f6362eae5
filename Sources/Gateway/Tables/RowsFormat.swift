// SPDX-License-Identifier: Apache-2.0
// Plain JSON rows, with or without an operation. The words for operations are Maxwell's
// (maxwells-daemon.io/dataformat), and what a script would call them.

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
    /// Characters of a position, which is kept with every row.
    private static let positionMax = 256

    private let configuration: RowsFormatConfiguration
    private let filter: TableFilter
    private let timeReader: EventTimeReader?

    init(configuration: RowsFormatConfiguration, filter: TableFilter) {
        self.configuration = configuration
        self.filter = filter
        timeReader = configuration.time.map { EventTimeReader($0) }
    }

    func places(in paths: ChangePaths) -> ChangePlaces {
        let before = configuration.before.map { $0 + "." }
        if let row = configuration.row { return ChangePlaces(row: row + ".", before: before) }
        let own =
            [configuration.operation, configuration.position, configuration.before]
            .compactMap(\.self) + (configuration.time?.paths ?? [])
            + (filter.takesAll ? [] : ["database", "schema", "table"])
        return ChangePlaces(row: "", before: before) { path in
            !own.contains(path) && before.map { !path.hasPrefix($0) } ?? true
        }
    }

    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change {
        let isOurs = try filter.takes(
            database: fields.text("database"),
            schema: fields.text("schema"),
            table: fields.text("table"),
            at: "table"
        )
        guard isOurs else { return Change(kind: .nothing, position: fields.transportPosition) }
        guard let path = configuration.operation else {
            return Change(kind: .upsert, position: try position(fields))
        }
        guard let operation = fields.text(path)?.lowercased() else {
            throw DecodingFailure(kind: .wrongForm, reason: "no operation at '\(path)'")
        }
        if let kind = Self.kinds[operation] {
            return Change(kind: kind, position: try position(fields))
        }
        guard Self.notes.contains(where: operation.hasPrefix) else {
            throw DecodingFailure(kind: .wrongForm, reason: "unknown operation '\(operation)'")
        }
        var change = Change(kind: .nothing, position: fields.transportPosition)
        change.note = operation
        return change
    }

    private func position(_ fields: ChangeFields) throws(DecodingFailure) -> ChangePosition {
        var position = fields.transportPosition
        if let time = try time(fields) { position.time = time.microseconds }
        guard let path = configuration.position, let value = fields.value(path), value != .null
        else { return position }
        var place = value.text
        if case .double(let number) = value, let whole = ColumnReader.whole(number) {
            place = String(whole)
        }
        guard place.utf8.count <= Self.positionMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "the position at '\(path)' has more than \(Self.positionMax) bytes"
            )
        }
        position.lineage = "rows"
        position.sequence = place
        return position
    }

    /// When the change happened; `nil` when that is not told by configuration.
    ///
    /// The time of the arrival can't stand in for one that is missing: it is later than all others,
    /// and the row would never change again.
    private func time(_ fields: ChangeFields) throws(DecodingFailure) -> Timestamp? {
        guard let time = configuration.time, let reader = timeReader else { return nil }
        let parts = time.paths.compactMap { fields.value($0) }
        let whole =
            parts.count == 1
            ? parts[0] : SignalValue.text(parts.map(\.text).joined(separator: " "))
        guard parts.count == time.paths.count, let read = reader.read(whole) else {
            let paths = time.paths.map { "'\($0)'" }.joined(separator: ", ")
            throw DecodingFailure(
                kind: .wrongForm,
                reason: parts.isEmpty
                    ? "no time at \(paths)"
                    : "the time at \(paths) can't be read: \(whole.text.prefix(100))"
            )
        }
        return read
    }
}
