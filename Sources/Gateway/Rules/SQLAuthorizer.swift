// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// A column of a table.
struct SQLColumn: Hashable, Sendable {
    var table: String
    var name: String
}

/// Watches what a statement reads while SQLite compiles it, and refuses everything else
/// (https://www.sqlite.org/c3ref/set_authorizer.html).
final class SQLAuthorizer {
    private static let refusedFunctions: Set<String> = [
        "random", "randomblob", "load_extension", "changes", "total_changes", "last_insert_rowid",
        "current_date", "current_time", "current_timestamp", "zeroblob", "readfile", "writefile",
    ]

    /// What was read, each once, in order.
    private(set) var columns: [SQLColumn] = []
    /// Why something was refused.
    private(set) var denied: String?
    private let tables: Set<String>

    /// Lets statements read these tables.
    init(tables: Set<String>) {
        self.tables = tables
    }

    /// The authorizer must outlive its installation.
    func install(on connection: OpaquePointer) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_set_authorizer(
            connection,
            { context, action, first, second, _, _ in
                guard let context = unsafe context else { return SQLITE_DENY }
                let authorizer = unsafe Unmanaged<SQLAuthorizer>.fromOpaque(context)
                    .takeUnretainedValue()
                let table = unsafe first.map { unsafe String(cString: $0) } ?? ""
                let column = unsafe second.map { unsafe String(cString: $0) } ?? ""
                return authorizer.decide(action, table, column)
            },
            context
        )
    }

    static func remove(from connection: OpaquePointer) {
        unsafe sqlite3_set_authorizer(connection, nil, nil)
    }

    private func decide(_ action: Int32, _ first: String, _ second: String) -> Int32 {
        switch action {
        case SQLITE_SELECT, SQLITE_RECURSIVE:
            return SQLITE_OK
        case SQLITE_READ where tables.contains(first):
            let column = SQLColumn(table: first, name: second)
            if !second.isEmpty, !columns.contains(column) { columns.append(column) }
            return SQLITE_OK
        case SQLITE_READ where second.isEmpty && !first.hasPrefix("sqlite_"):
            // `count(*)` reads no column, whatever it counts.
            return SQLITE_OK
        case SQLITE_FUNCTION where !Self.refusedFunctions.contains(second.lowercased()):
            return SQLITE_OK
        case SQLITE_FUNCTION:
            denied = "function \(second)() is not allowed: the same data must give the same answer"
        default:
            denied =
                tables == ["vehicle"]
                ? "an expression may only read the vehicle's columns"
                : "only \(tables.sorted().joined(separator: ", ")) may be read"
        }
        return SQLITE_DENY
    }
}
