// SPDX-License-Identifier: Apache-2.0
// How a table lies in SQLite, in memory and in the log alike:
//
//   car              its rows and nothing else: what people and joins read
//   car.position     for each key, where the change stood that made the row, also of deleted rows
//   car.staging      the next snapshot while it comes in, with a .position of its own
//   car.retired      the last one, until it is deleted chunk by chunk

/// Names, columns and indexes of one table.
struct TableDefinition: Equatable, Sendable {
    /// Which of a table's relations.
    enum Relation: String, Sendable {
        case live = ""
        case staging = ".staging"
        case retired = ".retired"
    }

    let name: String
    var key: [String]
    var columns: [ColumnConfiguration]
    var indexes: [[String]]
    var validity: [String]?

    init(_ configuration: TableConfiguration) {
        name = configuration.name
        key = configuration.key
        columns =
            configuration.columns ?? configuration.key.map { ColumnConfiguration(name: $0) }
        validity = configuration.validity.map { [$0.from, $0.to] }
        indexes = configuration.indexes
    }

    /// A table of which only the name is known.
    init(named name: String) {
        self.name = name
        key = []
        columns = []
        indexes = []
    }

    var keyPositions: [Int] {
        key.compactMap { name in columns.firstIndex { $0.name == name } }
    }

    func position(of column: String) -> Int? { columns.firstIndex { $0.name == column } }

    // SQL.

    func relation(_ relation: Relation) -> String { Self.quoted(name + relation.rawValue) }

    func positions(_ relation: Relation) -> String {
        Self.quoted(name + relation.rawValue + ".position")
    }

    /// Makes a relation with its indexes, whose names are told apart by the generation.
    func create(_ relation: Relation, generation: Int64) -> String {
        let rows = self.relation(relation)
        let places = positions(relation)
        let keys = Self.list(key)
        let keyColumns = columns.filter { key.contains($0.name) }
        func index(_ name: String, _ target: String, _ columns: String) -> String {
            "CREATE INDEX \(Self.quoted("\(self.name).\(generation).\(name)")) ON \(target) \(columns);"
        }
        var sql = """
            CREATE TABLE \(rows) (\(columns.map(Self.column).joined(separator: ", ")), \
            PRIMARY KEY (\(keys))) WITHOUT ROWID;
            CREATE TABLE \(places) (\(keyColumns.map(Self.column).joined(separator: ", ")), \
            position TEXT NOT NULL, deleted_at INTEGER, PRIMARY KEY (\(keys))) WITHOUT ROWID;
            """
        for (number, columns) in indexes.enumerated() {
            // Joins of a table with validity look for a row and a time: backwards from there, the row
            // that holds mostly comes first, and those that are over are not looked at.
            let time = validity.map { ", \(Self.quoted($0[0])) DESC" } ?? ""
            sql += index("\(number)", rows, "(\(Self.list(columns))\(time))")
        }
        if let validity {
            sql += index("over", rows, "(\(Self.quoted(validity[1])))")
        }
        return sql
            + index("deleted", places, "(deleted_at) WHERE deleted_at IS NOT NULL")
    }

    func drop(_ relation: Relation) -> String {
        """
        DROP TABLE IF EXISTS \(self.relation(relation));
        DROP TABLE IF EXISTS \(positions(relation));
        """
    }

    /// The live relation makes room.
    var retire: String {
        """
        ALTER TABLE \(relation(.live)) RENAME TO \(relation(.retired));
        ALTER TABLE \(positions(.live)) RENAME TO \(positions(.retired));
        """
    }

    /// The staging relation takes the place of the live one.
    var swap: String {
        drop(.retired) + retire + """
            ALTER TABLE \(relation(.staging)) RENAME TO \(relation(.live));
            ALTER TABLE \(positions(.staging)) RENAME TO \(positions(.live));
            """
    }

    /// Leaves of a Kafka place only its time; other sources' places hold whatever the topic.
    func forgetOffsets(_ relation: Relation) -> String {
        """
        UPDATE \(positions(relation)) SET position = CAST(position AS INTEGER) || '  '
            WHERE position GLOB '* kafka/*';
        """
    }

    /// Copies into staging what a snapshot's rows have brought into the live relation already.
    func stageNewer(_ microseconds: Int64) -> String {
        let isNewer = "deleted_at IS NULL AND CAST(position AS INTEGER) >= \(microseconds)"
        let keys = Self.list(key)
        return """
            INSERT OR REPLACE INTO \(relation(.staging)) SELECT * FROM \(relation(.live))
                WHERE (\(keys)) IN (SELECT \(keys) FROM \(positions(.live)) WHERE \(isNewer));
            INSERT OR REPLACE INTO \(positions(.staging)) SELECT * FROM \(positions(.live))
                WHERE \(isNewer);
            """
    }

    func addColumn(_ column: ColumnConfiguration, to relation: Relation) -> String {
        "ALTER TABLE \(self.relation(relation)) ADD COLUMN \(Self.column(column));"
    }

    // What is not needed any more, by key: two parameters, a limit and a number of rows.

    var forgottenDeletes: String {
        "SELECT \(Self.list(key)) FROM \(positions(.live)) WHERE deleted_at < ? LIMIT ?"
    }

    var rowsThatAreOver: String? {
        validity.map {
            "SELECT \(Self.list(key)) FROM \(relation(.live)) WHERE \(Self.quoted($0[1])) < ? LIMIT ?"
        }
    }

    var keyCondition: String {
        key.map { "\(Self.quoted($0)) = ?" }.joined(separator: " AND ")
    }

    /// What the SELECT of an enrichment sees under the table's name: rows that hold at a time.
    func asOf(_ time: String) -> String? {
        guard let validity else { return nil }
        let (from, to) = (Self.quoted(validity[0]), Self.quoted(validity[1]))
        return "\(Self.quoted(name)) AS NOT MATERIALIZED (SELECT * FROM main.\(Self.quoted(name)) "
            + "WHERE \(from) <= \(time) AND (\(to) IS NULL OR \(time) < \(to)))"
    }

    private static func column(_ column: ColumnConfiguration) -> String {
        quoted(column.name) + (column.type.map { " " + $0.affinity } ?? "")
    }

    static func list(_ names: [String]) -> String { names.map(quoted).joined(separator: ", ") }

    static func quoted(_ name: String) -> String { RuleCompiler.quoted(name) }
}
