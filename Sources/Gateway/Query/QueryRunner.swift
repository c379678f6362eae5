// SPDX-License-Identifier: Apache-2.0

/// Runs statements one after the other and writes what they give.
final class QueryRunner {
    let database: ReadOnlyDatabase
    private let output: ResultOutput
    private let format: ResultFormat
    private var hasWritten = false

    init(database: ReadOnlyDatabase, output: ResultOutput, format: ResultFormat) {
        self.database = database
        self.output = output
        self.format = format
    }

    /// Runs every statement of a text; the first that fails is the last.
    func run(_ sql: String) throws(QueryError) {
        var rest = sql
        while !rest.isEmpty {
            database.budget.begin()
            defer { database.budget.end() }
            let (statement, behind) = try database.first(of: rest)
            rest = behind
            if let statement { try run(statement) }
        }
    }

    private func run(_ statement: SQLiteStatement) throws(QueryError) {
        let names = (0..<Int32(statement.columnCount)).map { statement.columnName($0) }
        guard !names.isEmpty else {
            while try database.step(statement) {}
            return
        }
        if hasWritten, format == .table { try output.write("\n") }
        hasWritten = true
        let writer = format.writer(to: output, columns: names)
        let failure = try stream(statement, to: writer)
        // The snapshot is given back before the reader takes the last rows.
        statement.reset()
        if failure == .interrupted { output.discard() } else { try flush(writer, failure) }
        if let failure { throw failure }
    }

    /// Writes all rows; gives why SQLite stopped, and throws why writing did.
    private func stream(
        _ statement: SQLiteStatement,
        to writer: any ResultWriter
    )
        throws(QueryError) -> QueryError?
    {
        while true {
            do throws(QueryError) {
                guard try database.step(statement) else { return nil }
            } catch {
                return error
            }
            do throws(QueryError) {
                try writer.write(SQLValue.row(of: statement))
            } catch {
                output.discard()
                throw error
            }
        }
    }

    /// What was found before a failure is shown, too.
    private func flush(_ writer: any ResultWriter, _ failure: QueryError?) throws(QueryError) {
        guard failure != nil else { return try writer.finish() }
        database.budget.begin()
        try writer.pause()
    }
}
