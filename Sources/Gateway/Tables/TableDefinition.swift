// SPDX-License-Identifier: Apache-2.0
// How a table lies in SQLite, in memory and in the log alike:
//
//   car              its rows and nothing else: what people and joins read
//   car.position     for each key, where its newest change stood; of deleted rows also when that came
//                    and from which change the row is that is kept of them
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
        var names = configuration.key
        for name in configuration.indexes.flatMap(\.self) where !names.contains(name) {
            names.append(name)
        }
        columns = configuration.columns ?? names.map { ColumnConfiguration(name: $0) }
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

    private var rowsBody: String {
        "(\(columns.map(Self.column).joined(separator: ", ")), "
            + "PRIMARY KEY (\(Self.list(key)))) WITHOUT ROWID"
    }

    private var placesBody: String {
        let keys = key.compactMap { name in columns.first { $0.name == name } }
        return "(\(keys.map(Self.column).joined(separator: ", ")), position TEXT NOT NULL, "
            + "deleted_at INTEGER, kept_from TEXT, PRIMARY KEY (\(Self.list(key)))) WITHOUT ROWID"
    }

    /// Makes a relation with its indexes, whose names are told apart by the generation.
    func create(_ relation: Relation, generation: Int64) -> String {
        let rows = self.relation(relation)
        let places = positions(relation)
        func index(_ name: String, _ target: String, _ columns: String) -> String {
            "CREATE INDEX \(Self.quoted("\(self.name).\(generation).\(name)")) ON \(target) \(columns);"
        }
        var sql = """
            CREATE TABLE \(rows) \(rowsBody);
            CREATE TABLE \(places) \(placesBody);
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
        UPDATE \(positions(relation)) SET kept_from = CAST(kept_from AS INTEGER) || '  '
            WHERE kept_from GLOB '* kafka/*';
        """
    }

    func addColumn(_ column: ColumnConfiguration, to relation: Relation) -> String {
        "ALTER TABLE \(self.relation(relation)) ADD COLUMN \(Self.column(column));"
    }

    /// Makes a relation anew with these columns, and gives it the rows: SQLite can't change a type.
    ///
    /// Its indexes are gone.
    func remake(_ relation: Relation, from old: TableDefinition) -> String {
        let copied = Self.list(old.columns.map(\.name))
        let (rows, places) = (self.relation(relation), positions(relation))
        let made = Self.quoted(name + ".remade")
        return """

            CREATE TABLE \(made) \(rowsBody);
            INSERT INTO \(made) (\(copied)) SELECT \(copied) FROM \(rows);
            DROP TABLE \(rows);
            ALTER TABLE \(made) RENAME TO \(rows);
            CREATE TABLE \(made) \(placesBody);
            INSERT INTO \(made) SELECT * FROM \(places);
            DROP TABLE \(places);
            ALTER TABLE \(made) RENAME TO \(places);
            """

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
    ///
    /// With `isIndexed` off no index is used for the times (https://www.sqlite.org/optoverview.html,
    /// section 3).
    func asOf(_ time: String, isIndexed: Bool = true) -> String? {
        guard let validity else { return nil }
        let sign = isIndexed ? "" : "+"
        let (from, to) = (sign + Self.quoted(validity[0]), sign + Self.quoted(validity[1]))
        return "\(Self.quoted(name)) AS NOT MATERIALIZED (SELECT * FROM main.\(Self.quoted(name)) "
            + "WHERE \(from) <= \(time) AND (\(to) IS NULL OR \(time) < \(to)))"
    }

    private static func column(_ column: ColumnConfiguration) -> String {
        quoted(column.name) + (column.type.map { " " + $0.affinity } ?? "")
    }

    static func list(_ names: [String]) -> String { names.map(quoted).joined(separator: ", ") }

    static func quoted(_ name: String) -> String { RuleCompiler.quoted(name) }
}
