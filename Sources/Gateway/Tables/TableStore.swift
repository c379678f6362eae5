// SPDX-License-Identifier: Apache-2.0
// All tables, in one SQLite in memory where users' SELECTs join them. The log has the same rows on disk;
// a start reads them back.

/// What a batch did to one table, for the metrics.
struct TableCounts: Equatable {
    var upserts = 0
    var deletes = 0
    /// Older than what the table has, or the same again.
    var ignored = 0
    var loads = 0
    /// Changes of other tables, and what changes no row.
    var others = 0

    var isEmpty: Bool { self == TableCounts() }
}

/// A column that is new, or whose type is.
struct ColumnNews {
    var column: ColumnConfiguration
    var before: ColumnType?
    var isNew: Bool
}

/// The tables of the configuration; belongs to the intake thread.
final class TableStore {
    let sandbox: SQLSandbox
    let tables: [ReferenceTable]
    /// Grows when columns change: what was compiled against them must be compiled again.
    private(set) var version = 0

    init(_ configuration: Configuration, parser: JSONParser) throws(SQLiteFailure) {
        let sandbox = try SQLSandbox(limits: configuration.limits)
        self.sandbox = sandbox
        var tables: [ReferenceTable] = []
        for (index, table) in configuration.tables.enumerated() {
            tables.append(
                try ReferenceTable(
                    table,
                    index: index,
                    sandbox: sandbox,
                    limits: configuration.limits,
                    parser: parser
                )
            )
        }
        self.tables = tables
    }

    var names: Set<String> { Set(tables.map(\.name)) }

    /// Columns have changed.
    func columnsChanged() { version += 1 }

}

extension TableConfiguration {
    var isFile: Bool {
        if case .file = feed { true } else { false }
    }
}
