// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// Lets statements read and do nothing else, and notes which streams they follow
/// (https://www.sqlite.org/c3ref/set_authorizer.html).
final class ReadOnlyAuthorizer {
    /// Pragmas that tell something about a table or the program, whatever their argument.
    private static let tellingPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
        "foreign_key_list", "database_list", "function_list", "collation_list", "pragma_list",
        "module_list", "compile_options", "data_version",
    ]
    /// What SQLite connects when a statement first names it, which looks like writing the schema.
    static let tableFunctions =
        ["json_each", "json_tree", "dbstat"] + tellingPragmas.map { "pragma_\($0)" }
    /// Pragmas that tell something as long as they have no argument, and set it otherwise.
    private static let settingPragmas: Set<String> = [
        "journal_mode", "page_count", "page_size", "freelist_count", "encoding", "user_version",
        "schema_version", "application_id", "query_only", "synchronous", "auto_vacuum",
    ]
    static let onlyReads = "this prompt only reads; the gateway is the only writer of its log"
    private static let refusedFunctions: Set<String> = ["load_extension", "fts3_tokenizer"]

    /// Why something was refused since the last `reset`.
    private(set) var denied: String?
    /// Streams whose events are bounded by views of the same names, and that were read through them.
    private(set) var followed: Set<String> = []
    private let streams: Set<String>

    /// `streams` are those that views of their names stand before.
    init(streams: Set<String> = []) {
        self.streams = streams
    }

    /// Forgets what an earlier statement read.
    func reset() {
        denied = nil
        followed = []
    }

    /// The authorizer must outlive the connection.
    func install(on connection: OpaquePointer) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_set_authorizer(
            connection,
            { context, action, first, second, database, view in
                guard let context = unsafe context else { return SQLITE_DENY }
                let authorizer = unsafe Unmanaged<ReadOnlyAuthorizer>.fromOpaque(context)
                    .takeUnretainedValue()
                func text(_ argument: UnsafePointer<CChar>?) -> String? {
                    unsafe argument.map { unsafe String(cString: $0) }
                }
                return unsafe authorizer.decide(
                    action,
                    text(first),
                    text(second),
                    database: text(database),
                    view: text(view)
                )
            },
            context
        )
    }

    private func decide(
        _ action: Int32,
        _ first: String?,
        _ second: String?,
        database: String?,
        view: String?
    ) -> Int32 {
        switch action {
        case SQLITE_SELECT, SQLITE_RECURSIVE:
            return SQLITE_OK
        case SQLITE_READ:
            // The bound of a view is a column of the table, read on the view's behalf.
            if let first, streams.contains(first), database == "temp" || view == first {
                followed.insert(first)
            }
            return SQLITE_OK
        case SQLITE_FUNCTION where !Self.refusedFunctions.contains(second?.lowercased() ?? ""):
            return SQLITE_OK
        case SQLITE_PRAGMA where Self.isTelling(first?.lowercased() ?? "", argument: second):
            return SQLITE_OK
        default:
            denied = Self.reason(action, first ?? "", second ?? "")
            return SQLITE_DENY
        }
    }

    private static func isTelling(_ pragma: String, argument: String?) -> Bool {
        tellingPragmas.contains(pragma) || settingPragmas.contains(pragma) && argument == nil
    }

    private static func reason(_ action: Int32, _ first: String, _ second: String) -> String {
        switch action {
        case SQLITE_ATTACH, SQLITE_DETACH:
            "this prompt reads the gateway's database and no other"
        case SQLITE_PRAGMA:
            "PRAGMA \(first) is not among those that only tell something"
        case SQLITE_FUNCTION:
            "the function \(second)() is not allowed"
        case SQLITE_TRANSACTION, SQLITE_SAVEPOINT:
            "each statement is a transaction of its own, because one that is left open would keep "
                + "the gateway's write-ahead file from being emptied"
        default:
            onlyReads
        }
    }
}
