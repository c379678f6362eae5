// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// Watches what a statement reads while SQLite compiles it, and refuses everything else
/// (https://www.sqlite.org/c3ref/set_authorizer.html).
final class RuleAuthorizer {
    private static let refusedFunctions: Set<String> = [
        "random", "randomblob", "load_extension", "changes", "total_changes", "last_insert_rowid",
        "current_date", "current_time", "current_timestamp", "zeroblob", "readfile", "writefile",
    ]

    /// The columns of `vehicle` that were read, each once, in order.
    private(set) var columns: [String] = []
    /// Why something was refused.
    private(set) var denied: String?

    func begin() {
        columns = []
        denied = nil
    }

    /// The authorizer must outlive its installation.
    func install(on connection: OpaquePointer) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_set_authorizer(
            connection,
            { context, action, first, second, _, _ in
                guard let context = unsafe context else { return SQLITE_DENY }
                let authorizer = unsafe Unmanaged<RuleAuthorizer>.fromOpaque(context)
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
        case SQLITE_READ where first == "vehicle":
            if !second.isEmpty, !columns.contains(second) { columns.append(second) }
            return SQLITE_OK
        case SQLITE_READ where second.isEmpty && !first.hasPrefix("sqlite_"):
            // `count(*)` reads no column, whatever it counts.
            return SQLITE_OK
        case SQLITE_FUNCTION where !Self.refusedFunctions.contains(second.lowercased()):
            return SQLITE_OK
        case SQLITE_FUNCTION:
            denied = "function \(second)() is not allowed: the same data must give the same answer"
        default:
            denied = "an expression may only read the vehicle's columns"
        }
        return SQLITE_DENY
    }
}
