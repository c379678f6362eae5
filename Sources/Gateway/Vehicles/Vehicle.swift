// SPDX-License-Identifier: Apache-2.0

/// The merged latest value of every signal of one vehicle, each with its event time.
final class Vehicle {
    let id: String
    /// The source whose reading came last; silence counts only while that source is heard.
    var source: Int
    /// The latest event time, and when the gateway heard it: the vehicle's own clock.
    private(set) var eventTime: Timestamp
    private(set) var heardAt: Timestamp
    /// Alerts that are pending or firing; an inactive alert has no entry.
    var alerts: [AlertInstance] = []
    /// Changed since its row was last written.
    var isDirty = false
    /// Recovered and not looked at since: its next reading concerns every rule.
    var needsEvaluation = false
    /// When its current record was told last, and what that said.
    var recordedAt = Timestamp.distantPast
    var recordDigest: UInt64 = 0
    /// Its current record may have changed since.
    var isRecordPending = false
    /// The group that its schema counts for; `nil` when it has to be looked at anew.
    var schemaGroup: String?
    /// When the timer queue will look at this vehicle, if it will.
    var scheduledAt: Timestamp?

    // Three columns, sorted by signal: compact, and a look-up is a few comparisons.
    private(set) var signals: [SignalID] = []
    private(set) var values: [SignalValue] = []
    private(set) var times: [Timestamp] = []

    init(id: String, source: Int, eventTime: Timestamp, heardAt: Timestamp) {
        self.id = id
        self.source = source
        self.eventTime = eventTime
        self.heardAt = heardAt
    }

    func value(of signal: SignalID) -> SignalValue? {
        let position = position(of: signal)
        guard position < signals.count, signals[position] == signal else { return nil }
        return values[position]
    }

    /// What merging one value did.
    enum MergeResult {
        /// Older than what the vehicle holds: nothing changed.
        case late
        /// A newer time for the same value.
        case unchanged
        case changed
    }

    /// Takes a value unless a newer one is held.
    func merge(_ signal: SignalID, _ value: SignalValue, at time: Timestamp) -> MergeResult {
        let position = position(of: signal)
        guard position < signals.count, signals[position] == signal else {
            signals.insert(signal, at: position)
            values.insert(value, at: position)
            times.insert(time, at: position)
            return .changed
        }
        guard time >= times[position] else { return .late }
        times[position] = time
        guard values[position] != value else { return .unchanged }
        values[position] = value
        return .changed
    }

    /// Moves the vehicle's clock forward; never back.
    func advance(eventTime: Timestamp, heardAt: Timestamp) {
        guard eventTime >= self.eventTime else { return }
        self.eventTime = eventTime
        self.heardAt = heardAt
    }

    /// What the vehicle's clock shows when the gateway's shows `now`, if it stays silent.
    func notionalTime(at now: Timestamp) -> Timestamp {
        eventTime + max(0, now - heardAt)
    }

    private func position(of signal: SignalID) -> Int {
        var low = 0
        var high = signals.count
        while low < high {
            let middle = (low + high) / 2
            if signals[middle] < signal { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
