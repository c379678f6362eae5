// SPDX-License-Identifier: Apache-2.0

/// The tables and views of a database, for completion and `.tables`.
struct Catalogue {
    /// A table or view.
    struct Entry: Equatable {
        var name: String
        var isView: Bool
        var columns: [String]
    }

    var entries: [Entry]

    init(entries: [Entry]) {
        self.entries = entries
    }

    /// What a person asks for: neither SQLite's own tables nor the companions of reference tables,
    /// which have a dot in their name (`car.staging`).
    init(_ database: ReadOnlyDatabase) throws(QueryError) {
        database.budget.begin()
        defer { database.budget.end() }
        let rows = try database.rows(
            """
            SELECT o.name, o.type, c.name FROM (
                SELECT name, type FROM main.sqlite_schema
                UNION SELECT name, type FROM temp.sqlite_schema
            ) AS o, pragma_table_info(o.name) AS c
            WHERE o.type IN ('table', 'view') AND o.name NOT LIKE '%.%'
                AND o.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                AND o.name NOT LIKE 'grdb\\_%' ESCAPE '\\'
            ORDER BY o.name, c.cid
            """
        )
        entries = []
        for row in rows {
            guard let name = row[0].text, let column = row[2].text else { continue }
            if entries.last?.name != name {
                entries.append(Entry(name: name, isView: row[1].text == "view", columns: []))
            }
            entries[entries.count - 1].columns.append(column)
        }
    }

    /// The columns of a table, however its name is written.
    func columns(of table: String) -> [String]? {
        entries.first { $0.name.lowercased() == table.lowercased() }?.columns
    }
}
