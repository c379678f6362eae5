// SPDX-License-Identifier: Apache-2.0
// Whether a join can be right. Changes travel beside readings, in any order, so while they travel there is
// more than one right answer; the judge knows the bounds of each key by itself:
//
//   - Lower: where the key stood in gateway.db before the reading was published. What the gateway has
//     committed it joins with, and it never goes back.
//   - Upper: the changes that had been sent for the first time when the reading arrived, and half a second
//     more, because the arrival is noted before the batch is read.
//
// A key may be in the state of its lower bound, or in that of any newer change that was sent. Of a deleted
// reservation it is what was known of it that is closed: as long as changes from before the delete are
// under way, that may be an older version of it.
//
// The join must be one that a choice of states gives: the device in one of its states; its car in one of
// its own; a reservation that in one of its states is that car's and holds at the reading's event time,
// unless another one that holds in every one of its states begins before it; or none, unless one holds in
// every one of its states. When nothing is under way each key has one state, and the join must be the
// model's to the letter.

/// Judges joins by the model.
struct JoinJudge {
    /// By how much an arrival that is noted may lie before the reading of its batch ends.
    static let slackMilliseconds: Int64 = 500

    let model: TableModel

    /// What was known to be applied when a reading was published.
    struct Bounds: Equatable, Sendable {
        /// By table and key, the version of the last change that the gateway has committed.
        var applied: [[SignalValue: Int64]] = [[:], [:], [:]]
        /// By table and key, the version of the row that it has.
        var rows: [[SignalValue: Int64]] = [[:], [:], [:]]
        /// By table, the version of the last snapshot that has taken effect.
        var floors: [Int64] = [0, 0, 0]
        /// Everything that was sent had been applied; nothing is under way but repetitions.
        var isComplete = false
    }

    struct Verdict: Equatable {
        /// There was but one right answer.
        var isExact = true
        /// What is wrong.
        var fault: String?
    }

    func judge(
        _ join: Join,
        of vehicle: String,
        at time: Int64,
        arrival: Int64,
        _ bounds: Bounds
    ) -> Verdict {
        let sight = Sight(model, bounds, before: arrival + Self.slackMilliseconds)
        var verdict = Verdict()
        let devices = sight.states(.device, .text(vehicle))
        verdict.isExact = devices.count == 1
        guard devices.contains(join.device) else {
            verdict.fault = "device: \(describe(join.device)), not \(describe(devices))"
            return verdict
        }
        let car = join.device?.car ?? .null
        let cars = car == .null ? [nil] : sight.states(.car, car)
        if cars.count > 1 { verdict.isExact = false }
        guard cars.contains(join.car) else {
            verdict.fault = "car: \(describe(join.car)), not \(describe(cars))"
            return verdict
        }
        guard join.car != nil else {
            if join.reservation != nil { verdict.fault = "a reservation without a car" }
            return verdict
        }
        judgeReservation(join.reservation, of: car, at: time, sight, &verdict)
        return verdict
    }

    private func judgeReservation(
        _ joined: SourceRow?,
        of car: SignalValue,
        at time: Int64,
        _ sight: Sight,
        _ verdict: inout Verdict
    ) {
        func holds(_ row: SourceRow?) -> Bool {
            row.map { $0.car == car && $0.holds(at: time) } ?? false
        }
        var isPossible = joined == nil
        for key in model.reservations(of: car) {
            let states = sight.states(.reservation, key)
            guard states.contains(where: holds) else { continue }
            if states.count > 1 { verdict.isExact = false }
            if let joined, key == joined.key {
                isPossible = states.contains(joined) && holds(joined)
            } else if states.allSatisfy(holds), precedesAlways(states, joined) {
                verdict.fault = "\(describe(joined)), but \(describe(states)) holds"
            }
        }
        guard !isPossible else { return }
        let states = joined.map { sight.states(.reservation, $0.key) } ?? []
        verdict.fault = "reservation: \(describe(joined)), not one that holds: \(describe(states))"
    }

    /// Whether a reservation that holds comes before the joined one whatever state it is in.
    private func precedesAlways(_ states: [SourceRow?], _ joined: SourceRow?) -> Bool {
        guard let joined else { return true }
        return states.allSatisfy { $0.map { $0.starts < joined.starts } ?? false }
    }

    private func describe(_ row: SourceRow?) -> String {
        row.map { $0.values.map(\.text).joined(separator: "/") } ?? "none"
    }

    private func describe(_ rows: [SourceRow?]) -> String {
        rows.map(describe).joined(separator: " or ")
    }
}

/// The states that keys may be in when a reading is processed.
private struct Sight {
    private let model: TableModel
    private let bounds: JoinJudge.Bounds
    private let limit: Int64

    init(_ model: TableModel, _ bounds: JoinJudge.Bounds, before limit: Int64) {
        self.model = model
        self.bounds = bounds
        self.limit = limit
    }

    /// At least one; each once.
    func states(_ table: SourceTable, _ key: SignalValue) -> [SourceRow?] {
        let all = model.states(table, key)
        if bounds.isComplete { return [all.last?.row] }
        let lower = max(bounds.applied[table.rawValue][key] ?? 0, bounds.floors[table.rawValue])
        var found: [SourceRow?] = []
        func add(_ row: SourceRow?) { if !found.contains(row) { found.append(row) } }
        let before = all.last { $0.version <= lower }
        for state in (before.map { [$0] } ?? [])
            + all.filter({ $0.version > lower && isSent($0.version) })
        {
            guard let time = state.deletedAt, table == .reservation else {
                add(state.row)
                continue
            }
            for row in closed(all, by: state, at: time, key) { add(row) }
        }
        if before == nil { add(nil) }
        return found
    }

    /// What may be kept of a reservation that is deleted.
    private func closed(
        _ all: [TableModel.State],
        by delete: TableModel.State,
        at time: Int64,
        _ key: SignalValue
    ) -> [SourceRow?] {
        let table = SourceTable.reservation.rawValue
        let known = bounds.rows[table][key]
        var kept: [SourceRow?] =
            all.filter { state in
                guard state.version < delete.version, state.row != nil else { return false }
                return known.map { $0 <= state.version } ?? true
            }
            .map { $0.row?.closed(at: time) }
        // The delete may have come first, when there was nothing to keep.
        if known == nil { kept.append(nil) }
        return kept
    }

    private func isSent(_ version: Int64) -> Bool {
        model.sentAt[version].map { $0 <= limit } ?? false
    }
}
