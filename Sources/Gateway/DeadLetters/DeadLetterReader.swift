// SPDX-License-Identifier: Apache-2.0
// The dead-letter stream as a person reads it, whether the gateway runs or not.

/// Reads dead letters a page at a time, so that no read holds back a checkpoint of the gateway.
final class DeadLetterReader {
    private static let pageRows: Int64 = 200

    private let forward: SQLiteStatement
    private let backward: SQLiteStatement
    private let database: ReadOnlyDatabase

    init(path: String) throws(QueryError) {
        database = try ReadOnlyDatabase(path: path, budget: QueryBudget(milliseconds: 30_000))
        // A log that no gateway of this version has opened yet has no such table.
        let marks = try database.rows("SELECT 1 FROM main.sqlite_schema WHERE name = 'replayed'")
        let time =
            marks.isEmpty
            ? "NULL" : "(SELECT time FROM main.replayed AS r WHERE r.offset = d.offset)"
        let select = """
            SELECT d.offset, d.arrival_time, d.key, d.payload, \(time)
            FROM main.dead_letter AS d WHERE d.offset
            """
        forward = try database.statement("\(select) > ? ORDER BY d.offset LIMIT ?")
        backward = try database.statement("\(select) < ? ORDER BY d.offset DESC LIMIT ?")
    }

    /// The dead letter at an offset; `nil` when the log does not hold it.
    func letter(at offset: Int64) throws(QueryError) -> StoredDeadLetter? {
        let page = try page(forward, from: offset - 1, count: 1)
        return page.first.flatMap { $0.offset == offset ? $0 : nil }
    }

    /// Shows all dead letters, the oldest first.
    func visit(_ body: (StoredDeadLetter) throws(QueryError) -> Void) throws(QueryError) {
        var last: Int64 = 0
        while true {
            let page = try page(forward, from: last, count: Self.pageRows)
            guard let end = page.last else { return }
            for letter in page { try body(letter) }
            last = end.offset
        }
    }

    /// What a filter lets through, the newest last; of more than `limit` the newest.
    ///
    /// `map` makes of each what the caller keeps.
    func select<Kept>(
        _ filter: DeadLetterFilter,
        limit: Int = .max,
        _ map: (StoredDeadLetter) -> Kept
    ) throws(QueryError) -> [Kept] {
        var kept: [Kept] = []
        var first = Int64.max
        while kept.count < limit {
            let page = try page(backward, from: first, count: Self.pageRows)
            guard let end = page.last else { break }
            for letter in page where kept.count < limit && filter.takes(letter) {
                kept.append(map(letter))
            }
            first = end.offset
        }
        return kept.reversed()
    }

    private func page(
        _ statement: SQLiteStatement,
        from offset: Int64,
        count: Int64
    ) throws(QueryError) -> [StoredDeadLetter] {
        statement.bind(1, offset)
        statement.bind(2, count)
        defer { statement.reset() }
        var letters: [StoredDeadLetter] = []
        while try database.step(statement) {
            letters.append(
                StoredDeadLetter(
                    offset: statement.int(0),
                    arrival: Timestamp(milliseconds: statement.int(1)),
                    vehicle: statement.text(2),
                    json: unsafe statement.withBytes(3) { unsafe [UInt8]($0) },
                    replayedAt: statement.isNull(4)
                        ? nil : Timestamp(milliseconds: statement.int(4))
                )
            )
        }
        return letters
    }
}
