// SPDX-License-Identifier: Apache-2.0
// Makes the log's tables what the configuration says, and gives back what they hold.
import GRDB
import GRDBSQLite

extension EventLog {
    /// Brings the tables into the form of the configuration; tells what is known of each.
    ///
    /// A table that has another key, or that Kafka or a file can fill anew in its new form, starts empty.
    /// Of others what fits is kept.
    ///
    /// `tell` hears of each table that is not what it was.
    func openTables(
        _ configurations: [TableConfiguration],
        tell: (_ table: String, _ what: String) -> Void = { _, _ in }
    ) throws -> [StoredTable] {
        try pool.write { db in
            try checkNames(configurations, db)
            let known = try String.fetchAll(db, sql: "SELECT name FROM table_state ORDER BY name")
            for name in known where !configurations.contains(where: { $0.name == name }) {
                try Self.drop(name, db)
                tell(name, "table removed, because the configuration does not name it any more")
            }
            return try configurations.map { try Self.open($0, db, tell) }
        }
    }

    /// A stream outlives its rule, as long as it has events; a table can't take its place.
    private func checkNames(_ configurations: [TableConfiguration], _ db: Database) throws {
        let streams = try String.fetchSet(db, sql: "SELECT name FROM stream")
        guard let name = configurations.map(\.name).first(where: streams.contains) else { return }
        throw LogError.cannotOpen(
            path: path,
            reason: "it still has a stream '\(name)', of a rule that is gone; give the table "
                + "another name"
        )
    }

    /// Makes the name of a table that is gone free.
    static func drop(_ name: String, _ db: Database) throws {
        let definition = TableDefinition(named: name)
        for relation in [TableDefinition.Relation.live, .staging, .retired] {
            try db.execute(sql: definition.drop(relation))
        }
        try db.execute(sql: "DELETE FROM table_state WHERE name = ?", arguments: [name])
        try db.execute(sql: "DELETE FROM table_position WHERE name = ?", arguments: [name])
    }

    private static func open(
        _ configuration: TableConfiguration,
        _ db: Database,
        _ tell: (String, String) -> Void
    ) throws
        -> StoredTable
    {
        let wanted = TableDefinition(configuration)
        guard
            let row = try Row.fetchOne(
                db,
                sql: "SELECT * FROM table_state WHERE name = ?",
                arguments: [configuration.name]
            )
        else { return try create(wanted, TableState(), db) }
        let stored = try StoredTable(
            columns: TableDefinition.columns(row["columns"]),
            state: state(row),
            offsets: offsets(of: configuration.name, db)
        )
        let signature: String = row["definition"]
        let isSame =
            signature == wanted.signature
            && (configuration.columns.map { columns in
                columns.map { [$0.name, $0.type?.name] }
                    == stored.columns.map { [$0.name, $0.type?.name] }
            } ?? true)
        guard !isSame else {
            // A declared type says more than its name: how times are written.
            var stored = stored
            stored.columns = configuration.columns ?? stored.columns
            return stored
        }
        return try remake(configuration, wanted, stored, signature, db) {
            tell(configuration.name, $0)
        }
    }

    private static func create(
        _ definition: TableDefinition,
        _ state: TableState,
        _ db: Database
    ) throws -> StoredTable {
        let stored = StoredTable(columns: definition.columns, state: state, offsets: [])
        let relations = try unsafe TableRelations(db.connection(), definition)
        try relations.create(generation: stored.state.generation)
        let tables = try LogTables(db, [definition])
        try tables.write(TableWrite(table: 0, step: .state(stored.state)))
        return stored
    }

    /// Gives the table its new form.
    private static func remake(
        _ configuration: TableConfiguration,
        _ wanted: TableDefinition,
        _ stored: StoredTable,
        _ signature: String,
        _ db: Database,
        _ tell: (String) -> Void
    ) throws -> StoredTable {
        let key = TableDefinition(configuration).key.joined(separator: ",")
        let hasSameKey = signature.split(separator: ";").first.map { $0 == key } ?? false
        guard hasSameKey, configuration.session != nil else {
            try drop(configuration.name, db)
            tell("table begins empty, because the configuration has changed its form")
            return try create(wanted, TableState(), db)
        }
        // What came over MQTT does not come again: what fits is kept.
        tell("table remade, because the configuration has changed its form; new columns are null")
        let old = TableDefinition(named: configuration.name)
        try db.execute(sql: old.drop(.staging) + old.drop(.retired) + old.retire)
        var state = stored.state
        // The names of the old indexes are not free yet.
        state.generation += 1
        state.loading = nil
        let names = stored.columns.map(\.name)
        var wanted = wanted
        if configuration.columns == nil {
            // Columns that it has learned are its own.
            wanted.columns =
                stored.columns + wanted.columns.filter { !names.contains($0.name) }
        }
        let made = try create(wanted, state, db)
        let common = TableDefinition.list(wanted.columns.map(\.name).filter(names.contains))
        try db.execute(
            sql: """
                INSERT INTO \(wanted.relation(.live)) (\(common))
                    SELECT \(common) FROM \(wanted.relation(.retired));
                INSERT INTO \(wanted.positions(.live)) SELECT * FROM \(wanted.positions(.retired));
                \(wanted.drop(.retired))
                """
        )
        return made
    }

    private static func state(_ row: Row) -> TableState {
        func position(_ name: String) -> ChangePosition? {
            (row[name] as String?).map { ChangePosition($0) }
        }
        return TableState(
            generation: row["generation"],
            isReady: row["is_ready"],
            loading: position("loading"),
            hasLoadRows: row["has_load_rows"],
            lastLoad: position("last_load"),
            floor: position("floor"),
            firstHeardAt: Timestamp(milliseconds: row["first_heard_at"]),
            loadHeardAt: Timestamp(milliseconds: row["load_heard_at"]),
            heardAt: Timestamp(milliseconds: row["heard_at"]),
            staleSince: (row["stale_since"] as Int64?).map { Timestamp(milliseconds: $0) },
            mark: row["mark"]
        )
    }

    private static func offsets(of table: String, _ db: Database) throws -> [KafkaPosition] {
        try Row.fetchAll(
            db,
            sql: "SELECT topic, partition, offset FROM table_position WHERE name = ?",
            arguments: [table]
        )
        .map { KafkaPosition(topic: $0["topic"], partition: $0["partition"], offset: $0["offset"]) }
    }

    /// Where a table's feed goes on in Kafka.
    func offsets(of table: String) throws -> [KafkaPosition] {
        try pool.read { try Self.offsets(of: table, $0) }
    }

    /// The version of the file that was read last, and whether it was refused.
    func mark(of table: String) throws -> String {
        try pool.read { db in
            try String.fetchOne(
                db,
                sql: "SELECT mark FROM table_state WHERE name = ?",
                arguments: [table]
            ) ?? ""
        }
    }

    /// Brings the log's tables and those in memory together; gives the definitions that the log has.
    func recoverTables(
        of rules: CompiledRules,
        _ configuration: Configuration
    ) throws -> [TableDefinition] {
        let stored = try openTables(configuration.tables)
        try loadTables(rules.tables, stored)
        // What was compiled against other columns is compiled again.
        if !stored.isEmpty { rules.tables.columnsChanged() }
        return zip(configuration.tables, stored)
            .map { table, stored in
                var definition = TableDefinition(table)
                definition.columns = stored.columns
                return definition
            }
    }

    /// Gives the tables in memory the rows that the log has.
    func loadTables(_ store: TableStore, _ stored: [StoredTable]) throws {
        try pool.read { db in
            for (table, known) in zip(store.tables, stored) {
                try table.restore(known)
                var relations = [TableDefinition.Relation.live]
                if known.state.loading != nil { relations.append(.staging) }
                for relation in relations { try Self.copy(table, relation, known, db) }
            }
        }
    }

    private static func copy(
        _ table: ReferenceTable,
        _ relation: TableDefinition.Relation,
        _ stored: StoredTable,
        _ db: Database
    ) throws {
        let definition = table.definition
        let names = stored.columns.map(\.name)
        let key = TableDefinition.list(definition.key)
        let rows = try unsafe SQLiteStatement(
            db.connection(),
            "SELECT \(TableDefinition.list(names)) FROM \(definition.relation(relation))"
        )
        while try rows.step() {
            var row = [SignalValue?](repeating: .null, count: definition.columns.count)
            for column in names.indices { row[column] = rows.value(Int32(column)) }
            try table.relations.execute(
                TableWrite(table: table.index, relation: relation, step: .row(row))
            )
        }
        let places = try unsafe SQLiteStatement(
            db.connection(),
            "SELECT position, deleted_at, kept_from, \(key) FROM \(definition.positions(relation))"
        )
        while try places.step() {
            let step = TableWrite.Step.position(
                key: definition.key.indices.map { places.value(Int32($0 + 3)) },
                KeyPlace(places)
            )
            try table.relations.execute(
                TableWrite(table: table.index, relation: relation, step: step)
            )
        }
    }
}
