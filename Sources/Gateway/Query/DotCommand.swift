// SPDX-License-Identifier: Apache-2.0

/// What the prompt understands beside SQL.
enum DotCommand: Equatable {
    case tables
    case schema(String)
    case help
    case quit
    case unknown(String)

    static let names = [".help", ".quit", ".schema", ".tables"]

    /// Reads a line that begins with a dot.
    init(_ line: String) {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        switch (words.first, words.count) {
        case (".tables", 1): self = .tables
        case (".schema", 2): self = .schema(words[1])
        case (".help", 1): self = .help
        case (".quit", 1), (".exit", 1): self = .quit
        default: self = .unknown(line)
        }
    }

    static let helpText = """
        SELECT …;        a statement ends with a semicolon and may have several lines
        .tables          what there is to read
        .schema NAME     how a table or view is made
        .help            this text
        .quit            the end; so does Ctrl-D

        Times are milliseconds since 1970; iso(event_time) makes them readable. Payloads are JSON:
        payload ->> '$.reason'. The views vehicles and signal show the fleet as it is. Ctrl-C stops a
        statement, Tab completes names. Nothing can be written here.
        """
}

extension QueryRunner {
    /// The streams, tables and views, a line each.
    func tablesText() throws(QueryError) -> String {
        let entries = try Catalogue(database).entries
        let streams = Set(database.streams)
        let groups = [
            ("streams", entries.filter { streams.contains($0.name) }),
            ("tables", entries.filter { !streams.contains($0.name) && !$0.isView }),
            ("views", entries.filter { !streams.contains($0.name) && $0.isView }),
        ]
        return groups.filter { !$1.isEmpty }
            .map { title, entries in
                title.padding(to: 9) + entries.map(\.name).joined(separator: "  ")
            }
            .joined(separator: "\n")
    }

    /// The statement that made a table or view.
    func schemaText(_ name: String) throws(QueryError) -> String {
        let plain = name.replacing("\"", with: "").replacing("'", with: "''")
        let rows = try database.rows(
            """
            SELECT sql FROM temp.sqlite_schema WHERE name = '\(plain)' COLLATE NOCASE
            UNION ALL SELECT sql FROM main.sqlite_schema WHERE tbl_name = '\(plain)' COLLATE NOCASE
                AND sql IS NOT NULL
            """
        )
        guard !rows.isEmpty else { throw .refused("there is no table or view \(name)") }
        return rows.compactMap { $0[0].text.map { "\($0);" } }.joined(separator: "\n")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}
