// SPDX-License-Identifier: Apache-2.0
// Vehicle rows for people who ask. Each read is one short transaction on a reading connection: it
// waits for nobody, and holds back no checkpoint for longer than it takes to copy some hundred rows.
import GRDB
import GRDBSQLite

/// A vehicle's row, with the alerts that fire for it at the moment of the same transaction.
struct VehicleRow: Equatable, Sendable {
    var id: String
    var source: String
    var eventTime: Timestamp
    var heardAt: Timestamp
    /// As `Vehicle.encodeSignals` wrote them.
    var signals: String
    var firing: [String] = []

    /// The row as a vehicle whose signals are in a table of the caller's.
    func vehicle(names: SignalTable, parser: JSONParser) throws(JSONError) -> Vehicle {
        let vehicle = Vehicle(id: id, source: 0, eventTime: eventTime, heardAt: heardAt)
        try vehicle.decodeSignals(signals, names: names, parser: parser)
        return vehicle
    }
}

/// Rows that follow each other in the order of their ids.
struct VehicleChunk: Sendable {
    var rows: [VehicleRow] = []
    /// No vehicle comes behind them.
    var isLast = true
}

extension EventLog {
    private static let columns = "id, source, event_time, arrival_time, signals"

    /// Up to `count` vehicles, or about `bytesMax` of them, behind an id; ids compare bytewise.
    func vehicleRows(
        after id: String?,
        count: Int,
        bytesMax: Int
    ) async throws -> VehicleChunk {
        try await pool.read { db in
            // One more than asked for tells whether there is one more.
            let statement = try unsafe SQLiteStatement(
                db.connection(),
                "SELECT \(Self.columns) FROM vehicle \(id == nil ? "" : "WHERE id > ?2") "
                    + "ORDER BY id LIMIT ?1"
            )
            statement.bind(1, Int64(count + 1))
            if let id { statement.bind(2, id) }
            var chunk = VehicleChunk()
            var bytes = 0
            while try statement.step() {
                guard chunk.rows.count < count, bytes < bytesMax else {
                    chunk.isLast = false
                    break
                }
                let row = Self.vehicleRow(statement)
                bytes += row.signals.utf8.count
                chunk.rows.append(row)
            }
            try Self.addFiring(to: &chunk.rows, db)
            return chunk
        }
    }

    /// One vehicle, if it is known.
    func vehicleRow(id: String) async throws -> VehicleRow? {
        try await pool.read { db in
            let statement = try unsafe SQLiteStatement(
                db.connection(),
                "SELECT \(Self.columns) FROM vehicle WHERE id = ?1"
            )
            statement.bind(1, id)
            var rows = try statement.step() ? [Self.vehicleRow(statement)] : []
            try Self.addFiring(to: &rows, db)
            return rows.first
        }
    }

    /// Some ids before and some behind one, in their order: what a mistyped id may have meant.
    func vehicleIDs(around id: String, count: Int) async throws -> [String] {
        try await pool.read { db in
            var found: [String] = []
            for clause in ["id < ?1 ORDER BY id DESC", "id > ?1 ORDER BY id"] {
                let statement = try unsafe SQLiteStatement(
                    db.connection(),
                    "SELECT id FROM vehicle WHERE \(clause) LIMIT ?2"
                )
                statement.bind(1, id)
                statement.bind(2, Int64(count))
                while try statement.step() { found.append(statement.text(0)) }
            }
            return found
        }
    }

    // GRDB's own rows would end an id at its first NUL.
    private static func vehicleRow(_ statement: SQLiteStatement) -> VehicleRow {
        VehicleRow(
            id: statement.text(0),
            source: statement.text(1),
            eventTime: Timestamp(milliseconds: statement.int(2)),
            heardAt: Timestamp(milliseconds: statement.int(3)),
            signals: statement.text(4)
        )
    }

    /// Reads what fires for a run of vehicles: one range of the table's key.
    private static func addFiring(to rows: inout [VehicleRow], _ db: Database) throws {
        guard let first = rows.first, let last = rows.last else { return }
        let statement = try unsafe SQLiteStatement(
            db.connection(),
            """
            SELECT vehicle, alert FROM alert
            WHERE phase = 'firing' AND vehicle BETWEEN ?1 AND ?2 ORDER BY vehicle, alert
            """
        )
        statement.bind(1, first.id)
        statement.bind(2, last.id)
        var firing: [String: [String]] = [:]
        while try statement.step() {
            firing[statement.text(0), default: []].append(statement.text(1))
        }
        for index in rows.indices { rows[index].firing = firing[rows[index].id] ?? [] }
    }
}
