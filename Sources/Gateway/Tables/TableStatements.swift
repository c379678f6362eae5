// SPDX-License-Identifier: Apache-2.0

/// The statements of one relation, compiled once.
///
/// SQLite compiles them again by itself when a swap gives their names to other rows.
struct TableStatements {
    private let upsertRow: SQLiteStatement
    private let deleteRow: SQLiteStatement
    private let selectRow: SQLiteStatement
    private let upsertPlace: SQLiteStatement
    private let deletePlace: SQLiteStatement
    private let selectPlace: SQLiteStatement
    private let columnCount: Int

    init(
        _ connection: OpaquePointer,
        _ definition: TableDefinition,
        _ relation: TableDefinition.Relation
    ) throws(SQLiteFailure) {
        func make(_ sql: String) throws(SQLiteFailure) -> SQLiteStatement {
            try unsafe SQLiteStatement(connection, sql)
        }
        func marks(_ count: Int) -> String {
            [String](repeating: "?", count: count).joined(separator: ", ")
        }
        let rows = definition.relation(relation)
        let places = definition.positions(relation)
        let names = definition.columns.map(\.name)
        let columns = TableDefinition.list(names)
        let keys = TableDefinition.list(definition.key)
        columnCount = names.count
        upsertRow = try make(
            "INSERT OR REPLACE INTO \(rows) (\(columns)) VALUES (\(marks(names.count)))"
        )
        deleteRow = try make("DELETE FROM \(rows) WHERE \(definition.keyCondition)")
        selectRow = try make("SELECT \(columns) FROM \(rows) WHERE \(definition.keyCondition)")
        upsertPlace = try make(
            """
            INSERT OR REPLACE INTO \(places) (\(keys), position, deleted_at, kept_from)
            VALUES (\(marks(definition.key.count + 3)))
            """
        )
        deletePlace = try make("DELETE FROM \(places) WHERE \(definition.keyCondition)")
        selectPlace = try make(
            "SELECT position, deleted_at, kept_from FROM \(places) WHERE \(definition.keyCondition)"
        )
    }

    func upsert(_ row: [SignalValue?]) throws(SQLiteFailure) {
        Self.bind(row, to: upsertRow)
        try upsertRow.run()
    }

    func delete(_ key: [SignalValue?]) throws(SQLiteFailure) {
        Self.bind(key, to: deleteRow)
        try deleteRow.run()
    }

    func row(_ key: [SignalValue?]) throws(SQLiteFailure) -> [SignalValue?]? {
        Self.bind(key, to: selectRow)
        defer { selectRow.reset() }
        guard try selectRow.step() else { return nil }
        return (0..<columnCount).map { selectRow.value(Int32($0)) }
    }

    func upsertPlace(_ key: [SignalValue?], _ place: KeyPlace) throws(SQLiteFailure) {
        Self.bind(key, to: upsertPlace)
        upsertPlace.bind(Int32(key.count + 1), place.position)
        upsertPlace.bind(Int32(key.count + 2), place.deletedAt.map { .int($0) })
        upsertPlace.bind(Int32(key.count + 3), place.keptFrom.map { .text($0) })
        try upsertPlace.run()
    }

    func deletePosition(_ key: [SignalValue?]) throws(SQLiteFailure) {
        Self.bind(key, to: deletePlace)
        try deletePlace.run()
    }

    func place(of key: [SignalValue?]) throws(SQLiteFailure) -> KeyPlace? {
        Self.bind(key, to: selectPlace)
        defer { selectPlace.reset() }
        return try selectPlace.step() ? KeyPlace(selectPlace) : nil
    }

    private static func bind(_ values: [SignalValue?], to statement: SQLiteStatement) {
        for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
    }
}

extension KeyPlace {
    /// Reads the columns position, deleted_at and kept_from, which come first.
    init(_ row: SQLiteStatement) {
        self.init(
            position: row.text(0),
            deletedAt: row.isNull(1) ? nil : row.int(1),
            keptFrom: row.isNull(2) ? nil : row.text(2)
        )
    }
}
