// SPDX-License-Identifier: Apache-2.0
// The current record of each vehicle: told when it has changed, and not more often than it is wanted.

extension Processor {
    /// Current records that are told at once at most: a start has one for each vehicle.
    private static let recordsMax = 500

    /// A vehicle has changed: its record is looked at when its interval is over.
    func expectRecord(of vehicle: Vehicle) {
        guard recordInterval != nil, !vehicle.isRecordPending else { return }
        vehicle.isRecordPending = true
        recordCandidates.append(vehicle)
    }

    /// The records that have changed and are due, with the vehicles that they are of.
    ///
    /// What a record says without its times decides whether it has changed.
    func currentRecords(at now: Timestamp) -> (outcome: Outcome, vehicles: [Vehicle]) {
        outcome.removeAll()
        var told: [Vehicle] = []
        var waiting: [Vehicle] = []
        for vehicle in recordCandidates {
            guard told.count < Self.recordsMax, now - vehicle.recordedAt >= recordInterval ?? 0
            else {
                waiting.append(vehicle)
                continue
            }
            vehicle.isRecordPending = false
            if tellRecord(of: vehicle, at: now) { told.append(vehicle) }
        }
        recordCandidates = waiting
        return (outcome, told)
    }

    private func tellRecord(of vehicle: Vehicle, at now: Timestamp) -> Bool {
        let start = outcome.bytes.count
        outcome.bytes.currentRecord(
            vehicle,
            source: configuration.sources[vehicle.source].name,
            firing: vehicle.alerts.filter { $0.phase == .firing }
                .map { engine.rules[$0.rule].name },
            names: signals,
            enrichment: rules.enrichmentSignals
        )
        let digest = Self.digest(outcome.bytes.bytes[start...])
        guard digest != vehicle.recordDigest else { return false }
        vehicle.recordDigest = digest
        vehicle.recordedAt = now
        outcome.current.append(
            Event(
                offset: takeOffset(StreamName.current),
                eventTime: vehicle.eventTime,
                arrival: now,
                key: vehicle.id,
                topic: "",
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
        return true
    }

    /// FNV-1a of a record behind its times.
    private static func digest(_ record: ArraySlice<UInt8>) -> UInt64 {
        let mark = Array(#","source":"#.utf8)
        let start = record.firstRange(of: mark)?.lowerBound ?? record.startIndex
        return record[start...]
            .reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01B3 }
    }
}
