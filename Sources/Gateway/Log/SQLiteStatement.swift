// SPDX-License-Identifier: Apache-2.0
// The statement layer that rules and the log share where GRDB's own costs an allocation per value.
import GRDB
import GRDBSQLite

extension Database {
    /// SQLite's own handle, for statements of ours.
    func connection() throws(SQLiteFailure) -> OpaquePointer {
        guard let connection = unsafe sqliteConnection else {
            throw SQLiteFailure(code: SQLITE_MISUSE, message: "the connection is closed")
        }
        return unsafe connection
    }
}

/// What SQLite says went wrong.
struct SQLiteFailure: Error, Equatable, CustomStringConvertible {
    /// SQLite's extended result code.
    var code: Int32
    var message: String
    /// The byte of the statement at which compiling stopped.
    var offset: Int?

    var description: String { "SQLite error \(code): \(message)" }

    /// The disk, or the quota, is full.
    var isFull: Bool { code & 0xFF == SQLITE_FULL }

    init(code: Int32, message: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    init(_ connection: OpaquePointer?) {
        code = unsafe sqlite3_extended_errcode(connection)
        message = unsafe String(cString: sqlite3_errmsg(connection))
        let position = unsafe sqlite3_error_offset(connection)
        offset = position < 0 ? nil : Int(position)
    }
}

/// A prepared statement of one connection; used on that connection's thread only.
@safe final class SQLiteStatement {
    private let connection: OpaquePointer
    private let statement: OpaquePointer

    /// Compiles one statement that will be used many times.
    init(_ connection: OpaquePointer, _ sql: String) throws(SQLiteFailure) {
        var statement: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard unsafe sqlite3_prepare_v3(connection, sql, -1, flags, &statement, nil) == SQLITE_OK
        else {
            throw unsafe SQLiteFailure(connection)
        }
        guard let statement = unsafe statement else {
            throw SQLiteFailure(code: SQLITE_MISUSE, message: "the statement is empty")
        }
        unsafe self.connection = connection
        unsafe self.statement = statement
    }

    private init(_ connection: OpaquePointer, compiled statement: OpaquePointer) {
        unsafe self.connection = connection
        unsafe self.statement = statement
    }

    /// Compiles the first statement of a text, and gives what stands behind it; `nil` when there is
    /// nothing but space and comments.
    static func first(
        _ connection: OpaquePointer,
        of sql: String
    )
        throws(SQLiteFailure) -> (statement: SQLiteStatement?, rest: String)
    {
        var statement: OpaquePointer?
        var end = 0
        let code = unsafe sql.withCString { text in
            var tail: UnsafePointer<CChar>?
            let code = unsafe sqlite3_prepare_v2(connection, text, -1, &statement, &tail)
            if let tail = unsafe tail { end = unsafe text.distance(to: tail) }
            return code
        }
        guard code == SQLITE_OK else { throw unsafe SQLiteFailure(connection) }
        let rest = String(decoding: sql.utf8.dropFirst(end), as: UTF8.self)
        guard let statement = unsafe statement else { return (nil, rest) }
        return (unsafe SQLiteStatement(connection, compiled: statement), rest)
    }

    deinit {
        unsafe sqlite3_finalize(statement)
    }

    var columnCount: Int { unsafe Int(sqlite3_column_count(statement)) }

    var parameterCount: Int { unsafe Int(sqlite3_bind_parameter_count(statement)) }

    /// The name of a result's column, counted from 0.
    func columnName(_ column: Int32) -> String {
        unsafe sqlite3_column_name(statement, column).map { unsafe String(cString: $0) } ?? ""
    }

    // Parameters, counted from 1.

    func bind(_ index: Int32, _ value: Int64) {
        unsafe sqlite3_bind_int64(statement, index, value)
    }

    func bind(_ index: Int32, _ value: Double) {
        unsafe sqlite3_bind_double(statement, index, value)
    }

    func bindNull(_ index: Int32) {
        unsafe sqlite3_bind_null(statement, index)
    }

    func bind(_ index: Int32, _ text: String) {
        let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        var text = text
        text.withUTF8 { utf8 in
            unsafe utf8.withMemoryRebound(to: CChar.self) { bytes in
                _ = unsafe sqlite3_bind_text(
                    statement,
                    index,
                    bytes.baseAddress,
                    Int32(bytes.count),
                    transient
                )
            }
        }
    }

    /// Binds bytes without copying them: they must stay where they are until `reset`.
    func bindStatic(_ index: Int32, _ bytes: UnsafeRawBufferPointer, isText: Bool) {
        guard let start = bytes.baseAddress, unsafe !bytes.isEmpty else {
            if isText { bind(index, "") } else { unsafe sqlite3_bind_zeroblob(statement, index, 0) }
            return
        }
        if isText {
            unsafe sqlite3_bind_text(
                statement,
                index,
                start.assumingMemoryBound(to: CChar.self),
                Int32(bytes.count),
                nil
            )
        } else {
            unsafe sqlite3_bind_blob(statement, index, start, Int32(bytes.count), nil)
        }
    }

    func bind(_ index: Int32, _ value: SignalValue?) {
        switch value {
        case nil, .null?: bindNull(index)
        case .bool(let flag)?: bind(index, Int64(flag ? 1 : 0))
        case .int(let number)?: bind(index, number)
        case .unsigned(let number)?: bind(index, Double(number))
        case .double(let number)?: bind(index, number)
        case .text(let text)?: bind(index, text)
        }
    }

    // Execution.

    /// Whether there is a row.
    func step() throws(SQLiteFailure) -> Bool {
        switch unsafe sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw unsafe SQLiteFailure(connection)
        }
    }

    /// Runs a statement that returns nothing, and makes it ready for the next run.
    func run() throws(SQLiteFailure) {
        defer { reset() }
        while try step() {}
    }

    func reset() {
        unsafe sqlite3_reset(statement)
    }

    // Columns of the current row, counted from 0.

    func int(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(statement, column) }

    func double(_ column: Int32) -> Double { unsafe sqlite3_column_double(statement, column) }

    /// SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB or SQLITE_NULL.
    func type(_ column: Int32) -> Int32 { unsafe sqlite3_column_type(statement, column) }

    func isNull(_ column: Int32) -> Bool {
        unsafe sqlite3_column_type(statement, column) == SQLITE_NULL
    }

    /// The value as SQLite has it; true and false are 1 and 0.
    func value(_ column: Int32) -> SignalValue {
        switch unsafe sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .int(int(column))
        case SQLITE_FLOAT: return unsafe .double(sqlite3_column_double(statement, column))
        case SQLITE_NULL: return .null
        default: return .text(text(column))
        }
    }

    /// The table that a column's values come from; `nil` when they are computed.
    func origin(_ column: Int32) -> String? {
        unsafe sqlite3_column_table_name(statement, column).map { unsafe String(cString: $0) }
    }

    /// SQL's truth: a number other than zero.
    func isTrue(_ column: Int32) -> Bool { unsafe sqlite3_column_double(statement, column) != 0 }

    /// Bytes of a text or blob.
    func count(_ column: Int32) -> Int { unsafe Int(sqlite3_column_bytes(statement, column)) }

    func text(_ column: Int32) -> String {
        unsafe withBytes(column) { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// Lends the bytes of a column until the next step.
    func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let start = unsafe sqlite3_column_blob(statement, column)
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }
}
