// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDBSQLite

/// An SQLite in memory where users' SQL runs: it finds no file and no clock, and is interrupted when
/// it takes too long.
///
/// Belongs to one thread.
@safe final class SQLSandbox {
    private static let stepsPerCallback: Int32 = 1_000

    private let connection: OpaquePointer
    private let budget: StepBudget

    /// `limits.ruleStepsMax` bounds what one evaluation may take.
    init(limits: LimitsConfiguration) throws(SQLiteFailure) {
        var connection: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX
        guard
            unsafe sqlite3_open_v2(":memory:", &connection, flags, ClocklessVFS.name) == SQLITE_OK,
            let connection = unsafe connection
        else {
            throw unsafe SQLiteFailure(connection)
        }
        unsafe self.connection = connection
        // Otherwise a mistyped name in double quotes would be a text (SQLite quirk 8).
        unsafe _disableDoubleQuotedStringLiterals(connection)
        // https://www.sqlite.org/c3ref/limit.html
        unsafe sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, 1 << 20)
        unsafe sqlite3_limit(connection, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000)
        unsafe sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 0)
        budget = StepBudget(steps: limits.ruleStepsMax / Int(Self.stepsPerCallback))
        unsafe budget.install(on: connection, every: Self.stepsPerCallback)
    }

    /// Every statement must be gone before.
    deinit {
        unsafe sqlite3_close_v2(connection)
    }

    /// From here on the budget of one evaluation is spent.
    func beginEvaluation() { budget.refill() }

    /// What follows is the gateway's own and takes as long as it takes.
    func endEvaluation() { budget.lift() }

    func statement(_ sql: String) throws(SQLiteFailure) -> SQLiteStatement {
        try unsafe SQLiteStatement(connection, sql)
    }

    /// The relations of a table in this database.
    func relations(_ definition: TableDefinition) -> TableRelations {
        unsafe TableRelations(connection, definition)
    }

    /// What a statement that only reads these tables would read, or why it can't be compiled.
    func probe(_ sql: String, reading tables: Set<String>) throws(SQLiteFailure) -> SQLProbe {
        let authorizer = SQLAuthorizer(tables: tables)
        unsafe authorizer.install(on: connection)
        defer { unsafe SQLAuthorizer.remove(from: connection) }
        var statement: OpaquePointer?
        var tail: UnsafePointer<CChar>?
        var isWhole = false
        let code = unsafe sql.withCString { text in
            let code = unsafe sqlite3_prepare_v2(connection, text, -1, &statement, &tail)
            while let next = unsafe tail, unsafe isspace(Int32(next.pointee)) != 0 {
                unsafe tail = next + 1
            }
            if let tail = unsafe tail { isWhole = unsafe tail.pointee == 0 }
            return code
        }
        defer { unsafe sqlite3_finalize(statement) }
        guard code == SQLITE_OK else {
            var failure = unsafe SQLiteFailure(connection)
            if let denied = authorizer.denied { failure.message = denied }
            throw failure
        }
        guard unsafe sqlite3_bind_parameter_count(statement) == 0 else {
            throw SQLiteFailure(code: SQLITE_ERROR, message: "must not hold parameters")
        }
        return SQLProbe(
            columns: authorizer.columns,
            results: unsafe (0..<sqlite3_column_count(statement))
                .map {
                    unsafe sqlite3_column_name(statement, $0).map { unsafe String(cString: $0) }
                        ?? ""
                },
            isWhole: isWhole
        )
    }

    func execute(_ sql: String) throws(SQLiteFailure) {
        guard unsafe sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else {
            throw unsafe SQLiteFailure(connection)
        }
    }
}

/// What compiling a statement has told.
struct SQLProbe {
    /// What it reads, each once, in the order in which it first names them.
    var columns: [SQLColumn]
    /// The names of its result's columns.
    var results: [String]
    /// Nothing stands behind the statement.
    var isWhole: Bool
}

/// Interrupts an evaluation that takes too many steps.
private final class StepBudget {
    private let callbacksMax: Int
    private var callbacksLeft = Int.max

    init(steps: Int) {
        callbacksMax = max(1, steps)
    }

    func refill() {
        callbacksLeft = callbacksMax
    }

    func lift() {
        callbacksLeft = .max
    }

    /// The budget must outlive the connection.
    func install(on connection: OpaquePointer, every steps: Int32) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_progress_handler(
            connection,
            steps,
            { context in
                guard let context = unsafe context else { return 1 }
                let budget = unsafe Unmanaged<StepBudget>.fromOpaque(context).takeUnretainedValue()
                budget.callbacksLeft -= 1
                return budget.callbacksLeft <= 0 ? 1 : 0
            },
            context
        )
    }
}
