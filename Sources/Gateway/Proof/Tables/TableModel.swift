// SPDX-License-Identifier: Apache-2.0
// What the gateway's tables ought to hold: the obvious thing, a list of states for each key, in the true
// order of the source. It shares no code with the tables that it judges.

/// The states of each key of one fleet's tables, and which row is joined when.
struct TableModel: Sendable {
    /// What a key has been since a version; `nil` when it has no row.
    struct State: Equatable, Sendable {
        var version: Int64
        var row: SourceRow?
        /// The row was deleted at this time.
        var deletedAt: Int64?
    }

    private var states: [[SignalValue: [State]]] = [[:], [:], [:]]
    /// Every reservation that has ever been one of a car.
    private var reservations: [SignalValue: Set<SignalValue>] = [:]
    private var times: [Int64: Int64] = [:]
    /// When each version was sent first; set by whoever sends it.
    var sentAt: [Int64: Int64] = [:]
    /// The newest snapshot of each table.
    private(set) var snapshots: [Int64] = [0, 0, 0]

    // What happens.

    mutating func apply(_ change: SourceChange) {
        times[change.time] = change.version
        if let before = change.before, let after = change.after, before.key != after.key {
            // The row goes on under its new key, so nothing is kept under the old one.
            note(change.table, before.key, State(version: change.version, row: nil))
        }
        if let after = change.after {
            note(change.table, after.key, State(version: change.version, row: after))
            if change.table == .reservation {
                reservations[after.car, default: []].insert(after.key)
            }
        } else if let before = change.before {
            let kept = change.table == .reservation ? before.closed(at: change.time) : nil
            note(
                change.table,
                before.key,
                State(version: change.version, row: kept, deletedAt: change.time)
            )
        }
    }

    /// A snapshot has what is in the source, and so nothing of deleted rows.
    mutating func apply(_ snapshot: SourceSnapshot) {
        times[snapshot.time] = snapshot.version
        snapshots[snapshot.table.rawValue] = snapshot.version
        let keys = Set(snapshot.rows.map(\.key))
        for key in states[snapshot.table.rawValue].keys where !keys.contains(key) {
            guard current(snapshot.table, key) != nil else { continue }
            note(snapshot.table, key, State(version: snapshot.version, row: nil))
        }
    }

    private mutating func note(_ table: SourceTable, _ key: SignalValue, _ state: State) {
        states[table.rawValue][key, default: []].append(state)
    }

    // What is known.

    func version(at time: Int64) -> Int64? { times[time] }

    func states(_ table: SourceTable, _ key: SignalValue) -> [State] {
        states[table.rawValue][key] ?? []
    }

    func current(_ table: SourceTable, _ key: SignalValue) -> SourceRow? {
        states(table, key).last?.row
    }

    /// All rows that there are, by key.
    func rows(of table: SourceTable) -> [SignalValue: SourceRow] {
        states[table.rawValue].compactMapValues { $0.last?.row }
    }

    func reservations(of car: SignalValue) -> Set<SignalValue> { reservations[car] ?? [] }

    /// The one true join, when everything that has happened is known.
    func asOf(_ vehicle: String, _ time: Int64) -> Join {
        var join = Join(device: current(.device, .text(vehicle)))
        guard let car = join.device?.car else { return join }
        join.car = current(.car, car)
        guard join.car != nil else { return join }
        join.reservation = reservations(of: car)
            .compactMap { current(.reservation, $0) }
            .filter { $0.car == car && $0.holds(at: time) }
            .min { ($0.starts, $0.version) < ($1.starts, $1.version) }
        return join
    }
}

/// What a reading is joined with.
struct Join: Equatable, Sendable {
    var device: SourceRow?
    var car: SourceRow?
    var reservation: SourceRow?
}
