// SPDX-License-Identifier: Apache-2.0
import GRDB

/// The writer's statements, compiled once.
struct LogStatements {
    /// Appends an event, by stream.
    let inserts: [String: SQLiteStatement]
    /// Measures and deletes a range of offsets, by stream.
    let measures: [String: SQLiteStatement]
    let deletes: [String: SQLiteStatement]
    let updateStream: SQLiteStatement
    let upsertVehicle: SQLiteStatement
    let updateRecord: SQLiteStatement
    let updateVehiclesAsOf: SQLiteStatement
    let upsertAlert: SQLiteStatement
    let deleteAlert: SQLiteStatement
    let insertLedger: SQLiteStatement
    let oldestLedger: SQLiteStatement
    let deleteLedger: SQLiteStatement
    let voidLedger: SQLiteStatement
    let deleteSubscriptions: SQLiteStatement
    let insertSubscription: SQLiteStatement
    let moveCursor: SQLiteStatement
    let deadLetters: DeadLetterStatements
    let begin: SQLiteStatement
    let commit: SQLiteStatement

    init(_ db: Database, streams: [String]) throws {
        func make(_ sql: String) throws -> SQLiteStatement {
            try unsafe SQLiteStatement(db.connection(), sql)
        }
        var inserts: [String: SQLiteStatement] = [:]
        for stream in streams {
            inserts[stream] = try make(
                """
                INSERT INTO "\(stream)" (offset, event_time, arrival_time, key, topic, payload)
                VALUES (?, ?, ?, ?, ?, ?)
                """
            )
        }
        self.inserts = inserts
        var measures: [String: SQLiteStatement] = [:]
        var deletes: [String: SQLiteStatement] = [:]
        for stream in streams {
            measures[stream] = try make(
                """
                SELECT coalesce(sum(length(CAST(payload AS BLOB)) + length(CAST(key AS BLOB))
                    + length(CAST(topic AS BLOB))), 0)
                FROM "\(stream)" WHERE offset BETWEEN ? AND ?
                """
            )
            deletes[stream] = try make("DELETE FROM \"\(stream)\" WHERE offset BETWEEN ? AND ?")
        }
        self.measures = measures
        self.deletes = deletes
        updateStream = try make(
            "UPDATE stream SET first_offset = ?, next_offset = ?, bytes = ? WHERE name = ?"
        )
        upsertVehicle = try make(
            """
            INSERT INTO vehicle (id, source, event_time, arrival_time, signals, recorded_at,
                record_digest)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET source = excluded.source,
                event_time = excluded.event_time, arrival_time = excluded.arrival_time,
                signals = excluded.signals, recorded_at = excluded.recorded_at,
                record_digest = excluded.record_digest
            """
        )
        updateRecord = try make(
            "UPDATE vehicle SET recorded_at = ?, record_digest = ? WHERE id = ?"
        )
        updateVehiclesAsOf = try make("UPDATE snapshot SET vehicles_as_of = ?")
        upsertAlert = try make(
            """
            INSERT OR REPLACE INTO alert (vehicle, alert, phase, active_at, fired_at, ended_at)
            VALUES (?, ?, ?, ?, ?, ?)
            """
        )
        deleteAlert = try make("DELETE FROM alert WHERE vehicle = ? AND alert = ?")
        insertLedger = try make(
            "INSERT INTO redelivery (source, batch, entries) VALUES (?, ?, ?)"
        )
        oldestLedger = try make(
            """
            SELECT batch, length(entries) FROM redelivery
            WHERE source = ? ORDER BY batch LIMIT 1
            """
        )
        deleteLedger = try make("DELETE FROM redelivery WHERE source = ? AND batch = ?")
        voidLedger = try make("DELETE FROM redelivery WHERE source = ?")
        deleteSubscriptions = try make("DELETE FROM subscription WHERE source = ?")
        insertSubscription = try make("INSERT INTO subscription (source, filter) VALUES (?, ?)")
        moveCursor = try make(
            "INSERT OR REPLACE INTO cursor (sink, stream, offset) VALUES (?, ?, ?)"
        )
        deadLetters = try DeadLetterStatements(db)
        begin = try make("BEGIN IMMEDIATE")
        commit = try make("COMMIT")
    }
}
