// SPDX-License-Identifier: Apache-2.0
// The tables as the log keeps them: a relation each under the user's name, companions beside it, and what
// is known about each in `table_state` and `table_position` (docs/log-format.md).
import Foundation
import GRDB
import GRDBSQLite

/// What the log knows about a table, but for its rows.
struct StoredTable {
    var columns: [ColumnConfiguration]
    var state: TableState
    /// The next record of each Kafka partition.
    var offsets: [KafkaPosition]
}

/// Writes what changes do to the tables; belongs to the intake thread.
final class LogTables {
    private let relations: [TableRelations]
    private let upsertState: SQLiteStatement
    private let upsertOffset: SQLiteStatement

    /// Tables that the log has, in the order of the configuration.
    init(_ db: Database, _ definitions: [TableDefinition]) throws {
        relations = try definitions.map {
            unsafe TableRelations(try db.connection(), $0)
        }
        upsertState = try unsafe SQLiteStatement(
            db.connection(),
            """
            INSERT OR REPLACE INTO table_state (name, definition, columns, generation, is_ready,
                loading, has_load_rows, last_load, floor, first_heard_at, load_heard_at,
                heard_at, stale_since, mark)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        )
        upsertOffset = try unsafe SQLiteStatement(
            db.connection(),
            """
            INSERT OR REPLACE INTO table_position (name, topic, partition, offset)
            VALUES (?, ?, ?, ?)
            """
        )
    }

    /// Executes one step, inside the batch's transaction.
    func write(_ write: TableWrite) throws(SQLiteFailure) {
        let table = relations[write.table]
        switch write.step {
        case .state(let state): try save(state, table.definition)
        case .offset(let topic, let partition, let next):
            upsertOffset.bind(1, table.definition.name)
            upsertOffset.bind(2, topic)
            upsertOffset.bind(3, Int64(partition))
            upsertOffset.bind(4, next)
            try upsertOffset.run()
        default: try table.execute(write)
        }
    }

    /// Deletes a chunk of a snapshot that was replaced; false when there is none.
    func deleteRetired(rows: Int) throws(SQLiteFailure) -> Bool {
        for table in relations where try table.deleteRetired(rows: rows) { return true }
        return false
    }

    private func save(_ state: TableState, _ definition: TableDefinition) throws(SQLiteFailure) {
        let statement = upsertState
        statement.bind(1, definition.name)
        statement.bind(2, definition.signature)
        statement.bind(3, definition.columnText)
        statement.bind(4, state.generation)
        statement.bind(5, .bool(state.isReady))
        statement.bind(6, state.loading.map { .text($0.text) })
        statement.bind(7, .bool(state.hasLoadRows))
        statement.bind(8, state.lastLoad.map { .text($0.text) })
        statement.bind(9, state.floor.map { .text($0.text) })
        statement.bind(10, state.firstHeardAt.milliseconds)
        statement.bind(11, state.loadHeardAt.milliseconds)
        statement.bind(12, state.heardAt.milliseconds)
        statement.bind(13, state.staleSince.map { .int($0.milliseconds) })
        statement.bind(14, state.mark)
        try statement.run()
    }
}

extension TableDefinition {
    /// What the configuration says about the shape of the table: another text is another table.
    var signature: String {
        let parts =
            [key.joined(separator: ",")]
            + indexes.map { "index " + $0.joined(separator: ",") }
            + (validity.map { ["valid " + $0.joined(separator: ",")] } ?? [])
        return parts.joined(separator: "; ")
    }

    /// `[["id","int"],["plate",null]]`.
    var columnText: String {
        var json = JSONWriter()
        json.raw("[")
        for column in columns {
            json.separate()
            json.raw("[")
            json.string(column.name)
            json.raw(",")
            json.value(column.type.map { .text($0.name) } ?? .null)
            json.raw("]")
        }
        json.raw("]")
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Reads what `columnText` gives.
    static func columns(_ text: String) throws -> [ColumnConfiguration] {
        let parser = JSONParser(depthMax: 3)
        // What is parsed lies in the parser.
        return try withExtendedLifetime(parser) {
            let document = try parser.parse(text)
            return (0..<document.count)
                .compactMap { element in
                    let leaves = document.leaves(of: element)
                    guard case .text(let name)? = document.value(at: leaves.lowerBound) else {
                        return nil
                    }
                    let type = document.value(at: leaves.lowerBound + 1)
                        .flatMap { ColumnType(name: $0.text) }
                    return ColumnConfiguration(name: name, type: type)
                }
        }
    }
}
