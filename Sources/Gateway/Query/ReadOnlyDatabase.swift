// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDBSQLite

/// The log's database, opened to be read by a person while a gateway writes it.
///
/// Four things keep it from writing: the file is opened read-only, `query_only` covers the temporary
/// schema too, an authorizer refuses what is not reading, and nothing can be attached or loaded. A
/// reader of a WAL takes no lock that the writer waits for; only checkpoints wait, so every statement
/// has a deadline. Belongs to one thread.
@safe final class ReadOnlyDatabase {
    /// What a query may take of this machine's memory, which it shares with the gateway.
    private static let heapBytesMax: Int64 = 256 << 20
    /// One value, or one statement.
    private static let valueBytesMax: Int32 = 16 << 20
    /// Recovery of the write-ahead file locks readers out for a moment.
    private static let busyMilliseconds: Int32 = 2_000

    let path: String
    let budget: QueryBudget
    /// Every stream of the log.
    let streams: [String]
    private let bounds: StreamBounds?
    private let authorizer: ReadOnlyAuthorizer
    private let connection: OpaquePointer

    /// Opens what is there; with bounds, the streams hold only what the bounds let through.
    init(path: String, budget: QueryBudget, bounds: StreamBounds? = nil) throws(QueryError) {
        let connection = try unsafe Self.open(path)
        do throws(QueryError) {
            streams = try unsafe Self.readStreams(connection, path)
            try unsafe Self.addViews(connection, path, streams: streams, bounds)
        } catch {
            unsafe sqlite3_close_v2(connection)
            throw error
        }
        unsafe self.connection = connection
        self.path = path
        self.budget = budget
        self.bounds = bounds
        authorizer = ReadOnlyAuthorizer(streams: bounds == nil ? [] : Set(streams))
        unsafe budget.install(on: connection)
        for function in ReadOnlyAuthorizer.tableFunctions {
            // SQLite may be built without one of them.
            _ = try? unsafe SQLiteStatement(connection, "SELECT 1 FROM \(function)")
        }
        // What follows is the user's.
        unsafe sqlite3_exec(connection, "PRAGMA query_only = ON", nil, nil, nil)
        unsafe authorizer.install(on: connection)
    }

    /// Every statement must be gone before.
    deinit {
        unsafe sqlite3_close_v2(connection)
        withExtendedLifetime((bounds, authorizer, budget)) {}
    }

    /// Bounds what SQLite takes in this whole process, which must be a prompt's and nothing else's.
    static func limitMemory() {
        sqlite3_hard_heap_limit64(heapBytesMax)
    }

    /// Compiles the first statement of a text and gives what stands behind it.
    func first(
        of sql: String
    )
        throws(QueryError) -> (statement: SQLiteStatement?, rest: String)
    {
        authorizer.reset()
        do throws(SQLiteFailure) {
            let found = try unsafe SQLiteStatement.first(connection, of: sql)
            guard found.statement?.parameterCount ?? 0 == 0 else {
                throw SQLiteFailure(code: SQLITE_ERROR, message: "there is no value for ?")
            }
            return found
        } catch {
            throw explain(error)
        }
    }

    /// Streams that the statement compiled last reads through their bounds.
    var followed: Set<String> { authorizer.followed }

    /// One row of a statement that runs.
    func step(_ statement: SQLiteStatement) throws(QueryError) -> Bool {
        try budget.check()
        do throws(SQLiteFailure) {
            return try statement.step()
        } catch {
            throw explain(error)
        }
    }

    /// Runs a statement of the program's own and gives its rows.
    func rows(_ sql: String) throws(QueryError) -> [[SQLValue]] {
        guard let statement = try first(of: sql).statement else { return [] }
        var rows: [[SQLValue]] = []
        while try step(statement) { rows.append(SQLValue.row(of: statement)) }
        return rows
    }

    /// Runs a statement of the program's own with values for its parameters, and gives its rows.
    func rows(_ sql: String, with values: [SignalValue?]) throws(QueryError) -> [[SQLValue]] {
        let statement = try self.statement(sql)
        for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
        var rows: [[SQLValue]] = []
        while try step(statement) { rows.append(SQLValue.row(of: statement)) }
        return rows
    }

    /// Lets a body see one state of the log; within the budget of one statement.
    func snapshot<Result>(_ body: () throws -> Result) throws -> Result {
        budget.begin()
        defer { budget.end() }
        // Nobody may begin a transaction here; a statement that is under way is one as well.
        let holder = try statement("SELECT name FROM main.stream")
        _ = try step(holder)
        defer { holder.reset() }
        return try body()
    }

    /// A statement of the program's own that runs often.
    func statement(_ sql: String) throws(QueryError) -> SQLiteStatement {
        do throws(SQLiteFailure) {
            return try unsafe SQLiteStatement(connection, sql)
        } catch {
            throw explain(error)
        }
    }

    private func explain(_ failure: SQLiteFailure) -> QueryError {
        // SQLite has several codes for this, depending on what was refused and when.
        if let denied = authorizer.denied { return .refused(denied) }
        return switch failure.code & 0xFF {
        case SQLITE_INTERRUPT:
            QuerySignals.isCancelled
                ? .interrupted : .timedOut(milliseconds: budget.milliseconds)
        case SQLITE_READONLY:
            .refused(ReadOnlyAuthorizer.onlyReads)
        default:
            .failed(failure)
        }
    }
}

// Opening.

extension ReadOnlyDatabase {
    private static func open(_ path: String) throws(QueryError) -> OpaquePointer {
        guard FileManager.default.fileExists(atPath: path) else {
            throw .cannotOpen(path: path, reason: missing(path))
        }
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let connection = unsafe opened else {
            let failure = unsafe SQLiteFailure(opened)
            unsafe sqlite3_close_v2(opened)
            throw .cannotOpen(path: path, reason: advice(failure, path))
        }
        unsafe sqlite3_extended_result_codes(connection, 1)
        unsafe sqlite3_busy_timeout(connection, busyMilliseconds)
        unsafe sqlite3_enable_load_extension(connection, 0)
        // Otherwise a mistyped name in double quotes would be a text (SQLite quirk 8).
        unsafe _disableDoubleQuotedStringLiterals(connection)
        unsafe sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 0)
        unsafe sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, valueBytesMax)
        guard unsafe QueryFunctions.installISO(on: connection) == SQLITE_OK else {
            preconditionFailure("SQLite takes no function")
        }
        return unsafe connection
    }

    /// The first read: SQLite opens the files only here.
    private static func readStreams(
        _ connection: OpaquePointer,
        _ path: String
    ) throws(QueryError) -> [String] {
        do throws(SQLiteFailure) {
            let statement = try unsafe SQLiteStatement(
                connection,
                "SELECT name FROM main.stream ORDER BY name"
            )
            var names: [String] = []
            while try statement.step() { names.append(statement.text(0)) }
            return names
        } catch {
            throw .cannotOpen(path: path, reason: advice(error, path))
        }
    }

    private static func addViews(
        _ connection: OpaquePointer,
        _ path: String,
        streams: [String],
        _ bounds: StreamBounds?
    ) throws(QueryError) {
        var views = QueryViews.convenience
        if let bounds {
            guard unsafe QueryFunctions.install(bounds, on: connection) == SQLITE_OK else {
                preconditionFailure("SQLite takes no function")
            }
            for stream in streams { views[stream] = QueryViews.bounded(stream) }
        }
        do throws(SQLiteFailure) {
            let taken = try unsafe SQLiteStatement(
                connection,
                "SELECT count(*) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE"
            )
            for (name, select) in views {
                taken.bind(1, name)
                defer { taken.reset() }
                // Only the streams' views are meant to stand before a table.
                if !streams.contains(name), try taken.step(), taken.int(0) > 0 { continue }
                try unsafe SQLiteStatement(connection, QueryViews.create(name, as: select)).run()
            }
        } catch {
            throw .cannotOpen(path: path, reason: error.message)
        }
    }

    private static func missing(_ path: String) -> String {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if FileManager.default.fileExists(atPath: folder), unsafe access(folder, X_OK) != 0 {
            return "this user may not look into \(folder); \(asGateway)"
        }
        return "it is not there. Has a gateway run with this configuration? See "
            + "gateway.data_directory, or name the file with --database"
    }

    private static let asGateway =
        "run this as the gateway's user (sudo -u gateway gateway …)"

    /// Why opening failed, and what to do.
    private static func advice(_ failure: SQLiteFailure, _ path: String) -> String {
        guard unsafe access(path, R_OK) == 0 else {
            return "this user may not read it; \(asGateway)"
        }
        switch failure.code & 0xFF {
        case SQLITE_NOTADB:
            return "it is not a database"
        case SQLITE_CANTOPEN, SQLITE_READONLY:
            // https://www.sqlite.org/wal.html#read_only_databases
            return "SQLite reads it by way of \(path)-wal and \(path)-shm. This user may not read "
                + "them, or they are not there because no gateway runs, and this user may not make "
                + "them; \(asGateway), or while a gateway runs"
        case SQLITE_ERROR where failure.message.contains("no such table"):
            return "it is not a gateway's log"
        default:
            return failure.message
        }
    }
}
