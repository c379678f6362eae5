// SPDX-License-Identifier: Apache-2.0
// What the log knows of dead letters beside the stream, whose rows never change.
import GRDB

/// What a commit notes about dead letters.
struct DeadLetterMarks {
    /// The alarm about their number, when it changes.
    enum Alarm {
        case fires(Timestamp)
        case resolves
    }

    /// Offsets of those that the batch has processed again.
    var replayed: [Int64] = []
    var time = Timestamp.distantPast
    var alarm: Alarm?
}

/// Writes these marks, and forgets them with the letters.
struct DeadLetterStatements {
    private let insertReplayed: SQLiteStatement
    private let deleteReplayed: SQLiteStatement
    private let insertAlarm: SQLiteStatement
    private let deleteAlarm: SQLiteStatement

    init(_ db: Database) throws {
        func make(_ sql: String) throws -> SQLiteStatement {
            try unsafe SQLiteStatement(db.connection(), sql)
        }
        // A second time is an error: the whole batch must fail rather than take effect twice.
        insertReplayed = try make("INSERT INTO replayed (offset, time) VALUES (?, ?)")
        deleteReplayed = try make("DELETE FROM replayed WHERE offset <= ?")
        insertAlarm = try make("INSERT INTO dead_letter_alarm (since) VALUES (?)")
        deleteAlarm = try make("DELETE FROM dead_letter_alarm")
    }

    func write(_ marks: DeadLetterMarks) throws(SQLiteFailure) {
        for offset in marks.replayed {
            insertReplayed.bind(1, offset)
            insertReplayed.bind(2, marks.time.milliseconds)
            try insertReplayed.run()
        }
        switch marks.alarm {
        case nil: break
        case .fires(let since):
            insertAlarm.bind(1, since.milliseconds)
            try insertAlarm.run()
        case .resolves:
            try deleteAlarm.run()
        }
    }

    /// Dead letters up to an offset are deleted.
    func forget(through offset: Int64) throws(SQLiteFailure) {
        deleteReplayed.bind(1, offset)
        try deleteReplayed.run()
    }
}

extension EventLog {
    /// Since when there are too many dead letters; `nil` when there are not.
    func deadLetterAlarm() throws -> Timestamp? {
        try pool.read { db in
            try Int64.fetchOne(db, sql: "SELECT since FROM dead_letter_alarm")
                .map { Timestamp(milliseconds: $0) }
        }
    }
}
