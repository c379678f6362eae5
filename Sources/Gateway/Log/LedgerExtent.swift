// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB

/// How far the redelivery ledger of one source reaches in the log.
///
/// It is bounded by what the broker may send again, however many commits that took.
struct LedgerExtent {
    private var lastBatch: Int64 = 0
    private var messages: Int64 = 0

    /// The ledgers of all sources.
    static func all(_ db: Database) throws -> [String: LedgerExtent] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT source, max(batch) AS batch, sum(length(entries)) AS bytes
                FROM redelivery GROUP BY source
                """
        )
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                var extent = LedgerExtent()
                extent.lastBatch = row["batch"]
                extent.messages = row["bytes"] / Int64(RedeliveryLedger.entryBytes)
                return (row["source"], extent)
            }
        )
    }

    /// Appends a batch and deletes the oldest that are not needed any more.
    mutating func append(
        _ entries: [UInt8],
        of source: String,
        _ statements: LogStatements
    )
        throws(SQLiteFailure)
    {
        lastBatch += 1
        messages += Int64(entries.count / RedeliveryLedger.entryBytes)
        let insert = statements.insertLedger
        insert.bind(1, source)
        insert.bind(2, lastBatch)
        let result = unsafe entries.withUnsafeBytes { bytes in
            unsafe insert.bindStatic(3, bytes, isText: false)
            return Result { () throws(SQLiteFailure) in try insert.run() }
        }
        try result.get()
        while messages > RedeliveryLedger.reach,
            let oldest = try oldestBatch(of: source, statements),
            messages - oldest.messages >= RedeliveryLedger.reach
        {
            statements.deleteLedger.bind(1, source)
            statements.deleteLedger.bind(2, oldest.batch)
            try statements.deleteLedger.run()
            messages -= oldest.messages
        }
    }

    private func oldestBatch(
        of source: String,
        _ statements: LogStatements
    )
        throws(SQLiteFailure) -> (batch: Int64, messages: Int64)?
    {
        let statement = statements.oldestLedger
        statement.bind(1, source)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return (statement.int(0), statement.int(1) / Int64(RedeliveryLedger.entryBytes))
    }
}
