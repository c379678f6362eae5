// SPDX-License-Identifier: Apache-2.0
// What stands in gateway.db, read with SQL from outside while the gateway runs, dies and runs again.
import Foundation
import GRDB

/// A reader of the log of a proof of tables.
final class TablesWitness {
    /// One enriched event.
    struct Enriched {
        var number: Int
        var vehicle: String
        var eventTime: Int64
        var arrival: Int64
        var join: Join
    }

    private let queue: DatabaseQueue
    private var lastOffset: Int64 = 0

    init(directory: String) throws {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        queue = try DatabaseQueue(
            path: directory + "/" + EventLog.fileName,
            configuration: configuration
        )
    }

    /// Where every key of a fleet stands.
    func bounds(_ fleet: TablesFleet) throws -> JoinJudge.Bounds {
        var bounds = JoinJudge.Bounds()
        try queue.read { db in
            for table in SourceTable.allCases {
                let name = TablesFleet.tableName(table, fleet.transport)
                let place = table.rawValue
                let floor = try Int64.fetchOne(
                    db,
                    sql: "SELECT CAST(floor AS INTEGER) FROM table_state WHERE name = ?",
                    arguments: [name]
                )
                bounds.floors[place] = floor.flatMap { version(fleet, $0) } ?? 0
                let applied = try Row.fetchCursor(
                    db,
                    sql: "SELECT id, CAST(position AS INTEGER) FROM \"\(name).position\""
                )
                while let row = try applied.next() {
                    bounds.applied[place][Self.value(row, 0)] = version(fleet, row[1])
                }
                let rows = try Row.fetchCursor(db, sql: "SELECT id, version FROM \"\(name)\"")
                while let row = try rows.next() { bounds.rows[place][Self.value(row, 0)] = row[1] }
            }
        }
        return bounds
    }

    /// No two changes have one time, so it names the change.
    private func version(_ fleet: TablesFleet, _ microseconds: Int64) -> Int64? {
        fleet.model.version(at: microseconds / 1_000)
    }

    /// All rows of a table.
    func rows(of table: SourceTable, _ fleet: TablesFleet) throws -> [SignalValue: SourceRow] {
        let name = TablesFleet.tableName(table, fleet.transport)
        let list = table.columns.joined(separator: ", ")
        return try queue.read { db in
            var rows: [SignalValue: SourceRow] = [:]
            let cursor = try Row.fetchCursor(db, sql: "SELECT \(list) FROM \"\(name)\"")
            while let row = try cursor.next() {
                let values = table.columns.indices.map { column in
                    Self.millisecondsIfTime(Self.value(row, column), table.columns[column])
                }
                rows[values[0]] = SourceRow(values: values)
            }
            return rows
        }
    }

    /// Enriched events that have come since the last call.
    func newEnriched() throws -> [Enriched] {
        try queue.read { db in
            var found: [Enriched] = []
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT offset, key, event_time, arrival_time, payload FROM enriched
                    WHERE offset > ? ORDER BY offset
                    """,
                arguments: [lastOffset]
            )
            while let row = try rows.next() {
                lastOffset = row[0]
                let payload: String = row[4]
                let json = try JSONSerialization.jsonObject(with: Data(payload.utf8))
                guard let event = json as? [String: Any],
                    let signals = event["signals"] as? [String: Any],
                    let number = signals["seq"] as? Int,
                    let enrichment = event["enrichment"] as? [String: Any]
                else { throw DepotError(description: "not an enriched event: \(payload)") }
                found.append(
                    Enriched(
                        number: number,
                        vehicle: row[1],
                        eventTime: row[2],
                        arrival: row[3],
                        join: Join(
                            device: Self.row(.device, in: enrichment),
                            car: Self.row(.car, in: enrichment),
                            reservation: Self.row(.reservation, in: enrichment)
                        )
                    )
                )
            }
            return found
        }
    }

    /// Messages that were refused, with the reasons of some.
    func deadLetters() throws -> (count: Int, some: [String]) {
        try queue.read { db in
            (
                try Int.fetchOne(db, sql: "SELECT count(*) FROM dead_letter") ?? 0,
                try String.fetchAll(db, sql: "SELECT payload FROM dead_letter LIMIT 3")
            )
        }
    }

    // Values.

    private static func row(_ table: SourceTable, in enrichment: [String: Any]) -> SourceRow? {
        let values = table.columns.map { column -> SignalValue in
            switch enrichment["\(table.name)_\(column)"] {
            case let text as String: return .text(text)
            case let number as NSNumber where SourceTable.times.contains(column):
                return millisecondsIfTime(.double(number.doubleValue), column)
            case let number as NSNumber: return .int(number.int64Value)
            default: return .null
            }
        }
        return values[0] == .null ? nil : SourceRow(values: values)
    }

    private static func value(_ row: Row, _ column: Int) -> SignalValue {
        switch (row[column] as DatabaseValue).storage {
        case .null, .blob: .null
        case .int64(let number): .int(number)
        case .double(let number): .double(number)
        case .string(let text): .text(text)
        }
    }

    /// Tables have seconds where the source has milliseconds.
    private static func millisecondsIfTime(_ value: SignalValue, _ column: String) -> SignalValue {
        guard SourceTable.times.contains(column), case .double(let seconds) = value else {
            return value
        }
        return .int(Int64((seconds * 1_000).rounded()))
    }
}
