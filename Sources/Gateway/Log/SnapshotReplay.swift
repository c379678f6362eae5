// SPDX-License-Identifier: Apache-2.0
// The vehicle table is a snapshot. Every reading stands in the enriched stream with its event time,
// so merging the events behind the snapshot gives exactly the state that was in memory.
import GRDB

/// Merges enriched events into vehicles again.
struct SnapshotReplay {
    private let signals: SignalTable
    private let sourceIndices: [String: Int]
    private let parser: JSONParser

    init(signals: SignalTable, sourceIndices: [String: Int], depthMax: Int) {
        self.signals = signals
        self.sourceIndices = sourceIndices
        parser = JSONParser(depthMax: depthMax + 3)
    }

    /// Brings vehicles up to date; `order` names them in the order of their first appearance.
    func merge(
        _ db: Database,
        into vehicles: inout [String: Vehicle],
        _ order: inout [String]
    )
        throws
    {
        let asOf = try EventLog.vehiclesAsOf(db)
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT key, event_time, arrival_time, payload FROM enriched
                WHERE offset > ? ORDER BY offset
                """,
            arguments: [asOf]
        )
        while let row = try rows.next() {
            let key: String = row["key"]
            let eventTime = Timestamp(milliseconds: row["event_time"])
            let arrival = Timestamp(milliseconds: row["arrival_time"])
            let vehicle: Vehicle
            if let known = vehicles[key] {
                vehicle = known
            } else {
                vehicle = Vehicle(id: key, source: 0, eventTime: eventTime, heardAt: arrival)
                vehicles[key] = vehicle
                order.append(key)
            }
            vehicle.isDirty = true
            vehicle.advance(eventTime: eventTime, heardAt: arrival)
            try merge(row["payload"], at: eventTime, into: vehicle)
        }
    }

    private func merge(_ payload: String, at time: Timestamp, into vehicle: Vehicle) throws {
        let document = try parser.parse(payload)
        guard document.count == 1 else { return }
        // Of several rows of one reading, the vehicle holds the first.
        var isFirstRow = true
        for leaf in document.leaves(of: 0) where parser.path(element: 0, leaf: leaf) == "row" {
            isFirstRow = document.value(at: leaf) == .int(0)
        }
        for leaf in document.leaves(of: 0) {
            let path = parser.path(element: 0, leaf: leaf)
            guard let value = document.value(at: leaf) else { continue }
            if path == "source", case .text(let name) = value {
                vehicle.source = sourceIndices[name] ?? 0
            } else if isFirstRow, let name = path.rest(behind: "enrichment."),
                let signal = signals.id(ofName: name)
            {
                _ = vehicle.merge(signal, value, at: time)
            } else if let name = path.rest(behind: "signals."),
                let signal = signals.id(ofPayload: name)
            {
                _ = vehicle.merge(signal, value, at: time)
            }
        }
    }
}
