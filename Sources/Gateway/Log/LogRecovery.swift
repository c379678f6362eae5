// SPDX-License-Identifier: Apache-2.0
// What a start, and a start after a failed commit, takes back from the log.
import Foundation
import GRDB

/// An alert as the log has it.
struct StoredAlert {
    var vehicle: String
    var alert: String
    var instance: AlertInstance
}

extension EventLog {
    /// Gives a new processor the state that was committed last.
    ///
    /// Alerts whose rule is gone come back in the result: their end must still be told.
    func recover(
        into processor: Processor,
        sources: [SourceConfiguration]
    ) throws
        -> [StoredAlert]
    {
        let parser = JSONParser(depthMax: 3)
        let sourceIndices = Dictionary(
            uniqueKeysWithValues: sources.enumerated().map { ($1.name, $0) }
        )
        let ruleIndices = Dictionary(
            uniqueKeysWithValues: processor.engine.rules.enumerated().map { ($1.name, $0) }
        )
        return try pool.read { db in
            var vehicles: [String: Vehicle] = [:]
            var order: [String] = []
            var (known, orphans) = try Self.alerts(db, ruleIndices)
            let rows = try Row.fetchCursor(db, sql: "SELECT * FROM vehicle ORDER BY id")
            while let row = try rows.next() {
                let vehicle = Vehicle(
                    id: row["id"],
                    source: sourceIndices[row["source"]] ?? 0,
                    eventTime: Timestamp(milliseconds: row["event_time"]),
                    heardAt: Timestamp(milliseconds: row["arrival_time"])
                )
                vehicle.recordedAt = Timestamp(milliseconds: row["recorded_at"])
                vehicle.recordDigest = UInt64(bitPattern: row["record_digest"])
                try vehicle.decodeSignals(row["signals"], names: processor.signals, parser: parser)
                guard vehicles.updateValue(vehicle, forKey: vehicle.id) == nil else { continue }
                order.append(vehicle.id)
            }
            try Self.recoverSparkplug(db, sourceIndices, into: processor.sparkplug)
            let replay = SnapshotReplay(
                signals: processor.signals,
                sourceIndices: sourceIndices,
                depthMax: processor.depthMax
            )
            try replay.merge(db, into: &vehicles, &order)
            for id in order {
                guard let vehicle = vehicles[id] else { continue }
                vehicle.alerts = (known.removeValue(forKey: id) ?? []).sorted { $0.rule < $1.rule }
                processor.restore(vehicle)
            }
            processor.schemas?.restore(try LogSchemas.groups(db))
            orphans.sort { ($0.vehicle, $0.alert) < ($1.vehicle, $1.alert) }
            return orphans
        }
    }

    private static func alerts(
        _ db: Database,
        _ ruleIndices: [String: Int]
    ) throws
        -> (known: [String: [AlertInstance]], orphans: [StoredAlert])
    {
        var known: [String: [AlertInstance]] = [:]
        var orphans: [StoredAlert] = []
        for row in try Row.fetchAll(
            db,
            sql: "SELECT * FROM alert ORDER BY vehicle, active_at, alert"
        ) {
            let alert: String = row["alert"]
            let vehicle: String = row["vehicle"]
            let instance = AlertInstance(
                rule: ruleIndices[alert] ?? -1,
                phase: AlertInstance.Phase(rawValue: row["phase"]) ?? .pending,
                activeAt: Timestamp(milliseconds: row["active_at"]),
                firedAt: (row["fired_at"] as Int64?).map { Timestamp(milliseconds: $0) },
                endedAt: (row["ended_at"] as Int64?).map { Timestamp(milliseconds: $0) }
            )
            if instance.rule >= 0 {
                known[vehicle, default: []].append(instance)
            } else {
                orphans.append(StoredAlert(vehicle: vehicle, alert: alert, instance: instance))
            }
        }
        return (known, orphans)
    }

    /// The last enriched event that the vehicle table takes into account.
    static func vehiclesAsOf(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT vehicles_as_of FROM snapshot") ?? 0
    }

    /// Tells this log from every other, whose offsets mean other events.
    func identity() throws -> String {
        try pool.read { db in
            try String.fetchOne(db, sql: "SELECT log_id FROM identity") ?? ""
        }
    }

    /// All filters of a source, as the broker has confirmed them.
    func subscriptions(source: String) throws -> Set<String> {
        try pool.read { db in
            try String.fetchSet(
                db,
                sql: "SELECT filter FROM subscription WHERE source = ?",
                arguments: [source]
            )
        }
    }

    /// The redelivery ledger of a source: committed batches, oldest first.
    func ledgerBatches(source: String) throws -> [[UInt8]] {
        try pool.read { db in
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT entries FROM redelivery WHERE source = ? ORDER BY batch",
                arguments: [source]
            )
            return rows.map { Array($0["entries"] as Data) }
        }
    }
}
