// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// Stops a statement that takes too long, or that the user has interrupted.
///
/// SQLite asks while it works (https://www.sqlite.org/c3ref/progress_handler.html). Results that
/// nobody takes (`| less`) are waited for under the same deadline: the statement holds its snapshot
/// of the database meanwhile, and with it the write-ahead file.
final class QueryBudget {
    private static let stepsPerCallback: Int32 = 1_000

    let milliseconds: Int64
    private var deadline: UInt64 = .max

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// From here on the time of one statement runs.
    func begin() {
        deadline = WallClock.monotonicNanoseconds() + UInt64(milliseconds) * 1_000_000
    }

    /// What follows is the program's own.
    func end() {
        deadline = .max
    }

    var isSpent: Bool { WallClock.monotonicNanoseconds() > deadline }

    /// Why what runs must stop, if it must.
    func check() throws(QueryError) {
        if QuerySignals.isCancelled { throw .interrupted }
        if isSpent { throw .timedOut(milliseconds: milliseconds) }
    }

    /// The budget must outlive the connection.
    func install(on connection: OpaquePointer) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_progress_handler(
            connection,
            Self.stepsPerCallback,
            { context in
                guard let context = unsafe context else { return 1 }
                let budget = unsafe Unmanaged<QueryBudget>.fromOpaque(context).takeUnretainedValue()
                return QuerySignals.isCancelled || budget.isSpent ? 1 : 0
            },
            context
        )
    }
}
