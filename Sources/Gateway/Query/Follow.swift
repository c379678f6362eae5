// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Evaluates a select on live events until it is stopped.
///
/// For the statement, each stream holds only the events since the last evaluation: a temporary view
/// of the stream's name, with the bounds of `StreamBounds`, stands before the table. The gateway is
/// another process and can't wake us, so `data_version` is looked at every 100 ms; it changes with
/// each commit of somebody else and costs a look into shared memory.
final class Follow {
    private static let lookMilliseconds: Int32 = 100

    private let database: ReadOnlyDatabase
    private let bounds: StreamBounds
    private let output: ResultOutput
    private let writer: any ResultWriter
    private let statement: SQLiteStatement
    private let dataVersion: SQLiteStatement
    private let heads: SQLiteStatement
    private let followed: [String]
    private let report: (String) -> Void

    /// Prepares to follow; `report` is told of events that were removed before they were read.
    init(
        _ sql: String,
        path: String,
        fromBeginning: Bool,
        format: ResultFormat,
        output: ResultOutput,
        budget: QueryBudget,
        report: @escaping (String) -> Void
    ) throws(QueryError) {
        bounds = StreamBounds()
        self.output = output
        self.report = report
        database = try ReadOnlyDatabase(path: path, budget: budget, bounds: bounds)
        (statement, followed) = try Self.compile(sql, database)
        dataVersion = try database.statement("PRAGMA main.data_version")
        heads = try database.statement(
            "SELECT name, first_offset, next_offset - 1 FROM main.stream"
        )
        let names = (0..<Int32(statement.columnCount))
            .map { [statement] in statement.columnName($0) }
        writer = format.writer(to: output, columns: names)
        for (stream, extent) in try readHeads() {
            let start = fromBeginning ? extent.lowerBound - 1 : extent.upperBound
            bounds.start(stream, after: start)
        }
    }

    private static func compile(
        _ sql: String,
        _ database: ReadOnlyDatabase
    )
        throws(QueryError) -> (SQLiteStatement, [String])
    {
        let (found, rest) = try database.first(of: sql)
        let followed = database.followed.sorted()
        guard let statement = found, statement.columnCount > 0 else {
            throw .cannotFollow("there is no SELECT")
        }
        guard try database.first(of: rest).statement == nil else {
            throw .cannotFollow("one statement can be followed, not several")
        }
        guard !followed.isEmpty else {
            throw .cannotFollow(
                "the statement reads no stream, so nothing ever comes to it; the streams are "
                    + database.streams.joined(separator: ", ")
            )
        }
        return (statement, followed)
    }

    /// Evaluates until Ctrl-C, or until nobody reads the results any more.
    func run() throws(QueryError) {
        var version: Int64 = -1
        var hasMore = true
        do throws(QueryError) {
            while true {
                database.budget.end()
                try database.budget.check()
                let current = try readVersion()
                guard hasMore || current != version else {
                    if !output.isOpen(after: Self.lookMilliseconds) { return }
                    continue
                }
                version = current
                hasMore = try evaluate()
            }
        } catch .interrupted, .outputClosed {
            return
        }
    }

    /// Evaluates what has come, at most one piece of each stream; tells whether there is more.
    func evaluate() throws(QueryError) -> Bool {
        var hasMore = false
        for (stream, extent) in try readHeads() where followed.contains(stream) {
            let missed = bounds.extend(stream, first: extent.lowerBound, last: extent.upperBound)
            if missed > 0 {
                report("\(missed) event(s) of \(stream) were removed before they were read")
            }
            hasMore = hasMore || bounds.upto(stream) < extent.upperBound
        }
        guard followed.contains(where: bounds.hasEvents) else { return hasMore }
        database.budget.begin()
        defer { statement.reset() }
        while try database.step(statement) { try writer.write(SQLValue.row(of: statement)) }
        statement.reset()
        try writer.pause()
        bounds.advance()
        return hasMore
    }

    /// First and last offset of every stream; the range ends below its start when it is empty.
    private func readHeads() throws(QueryError) -> [(String, Extent)] {
        defer { heads.reset() }
        var found: [(String, Extent)] = []
        while try database.step(heads) {
            found.append(
                (heads.text(0), Extent(lowerBound: heads.int(1), upperBound: heads.int(2)))
            )
        }
        return found
    }

    private func readVersion() throws(QueryError) -> Int64 {
        defer { dataVersion.reset() }
        return try database.step(dataVersion) ? dataVersion.int(0) : 0
    }

    /// What a stream holds; unlike a range it may be empty at any place.
    private struct Extent {
        var lowerBound: Int64
        var upperBound: Int64
    }
}
