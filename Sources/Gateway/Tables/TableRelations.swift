// SPDX-License-Identifier: Apache-2.0
// The rows of one table on one connection. The same steps run in memory, where joins read, and in the
// log, where they are durable; so the two can't differ.
import GRDBSQLite

/// The relations of one table in one database; belongs to that database's thread.
@safe final class TableRelations {
    private let connection: OpaquePointer
    private(set) var definition: TableDefinition
    private var statements: [TableDefinition.Relation: TableStatements] = [:]

    /// The connection must outlive the relations.
    init(_ connection: OpaquePointer, _ definition: TableDefinition) {
        unsafe self.connection = connection
        self.definition = definition
    }

    // Steps.

    func execute(_ write: TableWrite) throws(SQLiteFailure) {
        switch write.step {
        case .row(let row): try of(write.relation).upsert(row)
        case .deleteRow(let key): try of(write.relation).delete(key)
        case .position(let key, let place): try of(write.relation).upsertPlace(key, place)
        case .deletePosition(let key): try of(write.relation).deletePosition(key)
        case .setColumns(let columns): try setColumns(columns)
        case .createStaging(let generation):
            try run(definition.drop(.staging) + definition.create(.staging, generation: generation))
            statements[.staging] = nil
        case .forgetOffsets:
            for relation in [TableDefinition.Relation.live, .staging] where try exists(relation) {
                try run(definition.forgetOffsets(relation))
            }
        case .swap: try run(definition.swap)
        case .state, .offset: break
        }
    }

    /// Makes the live relation of a table that has none.
    func create(generation: Int64) throws(SQLiteFailure) {
        try run(definition.create(.live, generation: generation))
    }

    /// Makes the relations anew and empty, for what the log is about to give back.
    func recreate(
        _ columns: [ColumnConfiguration],
        generation: Int64,
        isLoading: Bool
    )
        throws(SQLiteFailure)
    {
        try run(definition.drop(.live) + definition.drop(.staging))
        definition.columns = columns
        statements.removeAll()
        // The generation of the live relation is the one before that of its successor.
        try run(definition.create(.live, generation: isLoading ? generation - 1 : generation))
        if isLoading { try run(definition.create(.staging, generation: generation)) }
    }

    /// Adds columns that are new.
    ///
    /// When a type becomes known or wider, the rows move into a relation of the new form: how SQLite
    /// compares a column, and what it makes of 2.0, must not depend on whether there was a start since.
    private func setColumns(_ columns: [ColumnConfiguration]) throws(SQLiteFailure) {
        let old = definition
        let added = columns.filter { old.position(of: $0.name) == nil }
        let isSameForm = old.columns.allSatisfy { known in
            columns.contains { $0.name == known.name && $0.type?.affinity == known.type?.affinity }
        }
        statements.removeAll()
        definition.columns = columns
        for relation in [TableDefinition.Relation.live, .staging] where try exists(relation) {
            guard !isSameForm else {
                for column in added { try run(definition.addColumn(column, to: relation)) }
                continue
            }
            let indexes = try indexes(of: relation)
            try run(definition.remake(relation, from: old))
            for index in indexes { try run(index) }
        }
    }

    /// The statements that made the indexes of a relation.
    private func indexes(of relation: TableDefinition.Relation) throws(SQLiteFailure) -> [String] {
        let name = definition.name + relation.rawValue
        var found: [String] = []
        for target in [name, name + ".position"] {
            let statement = try unsafe SQLiteStatement(
                connection,
                "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql NOT NULL"
            )
            statement.bind(1, target)
            while try statement.step() { found.append(statement.text(0)) }
        }
        return found
    }

    // Reading.

    /// Where a key stands; `nil` when no change of it has come.
    func place(
        of key: [SignalValue?],
        _ relation: TableDefinition.Relation
    )
        throws(SQLiteFailure) -> KeyPlace?
    {
        try of(relation).place(of: key)
    }

    /// Keys of the live relation whose place is not older than a time, as far as they are wanted.
    func places(
        since microseconds: Int64,
        where isWanted: (ChangePosition) -> Bool
    ) throws(SQLiteFailure) -> [(key: [SignalValue?], place: KeyPlace)] {
        let statement = try unsafe SQLiteStatement(
            connection,
            "SELECT position, deleted_at, kept_from, \(TableDefinition.list(definition.key)) "
                + "FROM \(definition.positions(.live)) WHERE CAST(position AS INTEGER) >= ?"
        )
        statement.bind(1, microseconds)
        var places: [(key: [SignalValue?], place: KeyPlace)] = []
        while try statement.step() {
            let place = KeyPlace(statement)
            guard isWanted(ChangePosition(place.position)) else { continue }
            let key = definition.key.indices.map { statement.value(Int32($0 + 3)) }
            places.append((key, place))
        }
        return places
    }

    func row(
        _ key: [SignalValue?],
        _ relation: TableDefinition.Relation
    )
        throws(SQLiteFailure) -> [SignalValue?]?
    {
        try of(relation).row(key)
    }

    func exists(_ relation: TableDefinition.Relation) throws(SQLiteFailure) -> Bool {
        let name = definition.name + relation.rawValue
        let statement = try unsafe SQLiteStatement(
            connection,
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
        )
        statement.bind(1, name)
        return try statement.step()
    }

    /// How many rows the live relation has.
    func count() throws(SQLiteFailure) -> Int64 {
        let statement = try unsafe SQLiteStatement(
            connection,
            "SELECT count(*) FROM \(definition.relation(.live))"
        )
        return try statement.step() ? statement.int(0) : 0
    }

    /// Keys of rows that nothing needs any more, some at a time: forgotten deletes, or, of a table with
    /// validity, what was over long ago.
    func expired(
        _ sql: String,
        before limit: SignalValue,
        count: Int64
    )
        throws(SQLiteFailure) -> [[SignalValue?]]
    {
        let statement = try unsafe SQLiteStatement(connection, sql)
        statement.bind(1, limit)
        statement.bind(2, count)
        var keys: [[SignalValue?]] = []
        while try statement.step() {
            keys.append(definition.key.indices.map { statement.value(Int32($0)) })
        }
        return keys
    }

    /// Deletes some rows of the snapshot that was replaced; false when it is gone.
    ///
    /// To drop 200,000 rows at once takes 20 to 40 ms, for which intake would wait, also in memory.
    func deleteRetired(rows: Int) throws(SQLiteFailure) -> Bool {
        guard try exists(.retired) else { return false }
        for target in [definition.relation(.retired), definition.positions(.retired)] {
            let keys = TableDefinition.list(definition.key)
            try run(
                "DELETE FROM \(target) WHERE (\(keys)) IN (SELECT \(keys) FROM \(target) LIMIT \(rows));"
            )
            let statement = try unsafe SQLiteStatement(
                connection,
                "SELECT 1 FROM \(target) LIMIT 1"
            )
            guard try !statement.step() else { return true }
        }
        try run(definition.drop(.retired))
        return false
    }

    func run(_ sql: String) throws(SQLiteFailure) {
        guard unsafe sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else {
            throw unsafe SQLiteFailure(connection)
        }
    }

    private func of(_ relation: TableDefinition.Relation) throws(SQLiteFailure) -> TableStatements {
        if let known = statements[relation] { return known }
        let made = try unsafe TableStatements(connection, definition, relation)
        statements[relation] = made
        return made
    }
}
