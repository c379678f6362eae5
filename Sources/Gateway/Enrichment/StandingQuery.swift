// SPDX-License-Identifier: Apache-2.0

/// A SELECT that is evaluated for reading after reading, and keeps up with the tables' columns.
final class StandingQuery {
    let text: String
    private(set) var query: ReadingQuery
    /// `"name":` by result column, as it stands in an event.
    let encodedKeys: [[UInt8]]
    private(set) var failures = QueryFailures()
    private let compiler: QueryCompiler
    /// With which version of the tables it can't be compiled, and why.
    private var misfit: (version: Int, failure: SQLiteFailure)?

    init(text: String, query: ReadingQuery, compiler: QueryCompiler) {
        self.text = text
        self.query = query
        self.compiler = compiler
        encodedKeys = query.columns.map { name in
            var json = JSONWriter()
            json.key(name)
            return json.bytes
        }
    }

    /// Gives each row for a reading, in order, until `body` returns false; tells whether it went well.
    ///
    /// `version` is the tables': when their columns have changed, the SELECT is compiled again.
    func run(_ context: ReadingContext, version: Int, _ body: ([SignalValue]) -> Bool) -> Bool {
        do throws(SQLiteFailure) {
            if query.version != version { try recompile(version) }
            try query.run(context, body)
            return true
        } catch {
            failures.note(error)
            return false
        }
    }

    /// What the SELECT returns must stay as it is.
    private func recompile(_ version: Int) throws(SQLiteFailure) {
        if let misfit, misfit.version == version { throw misfit.failure }
        do throws(SQLiteFailure) {
            query = try recompiled()
        } catch {
            misfit = (version, error)
            throw error
        }
    }

    private func recompiled() throws(SQLiteFailure) -> ReadingQuery {
        let made = try compiler.compile(text)
        guard made.columns == query.columns else {
            throw SQLiteFailure(
                code: 0,
                message:
                    "returns other columns since a table has new ones; name them instead of '*'"
            )
        }
        return made
    }
}

/// How often a SELECT failed while running, and the last reason.
struct QueryFailures {
    private(set) var count = 0
    private(set) var reason = ""

    mutating func note(_ failure: SQLiteFailure) {
        count += 1
        reason = failure.message
    }
}
