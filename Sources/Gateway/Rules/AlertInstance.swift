// SPDX-License-Identifier: Apache-2.0
// The state machine of one alert for one vehicle. It runs on event time only: whoever calls it
// says what time it is.
//
//     inactive ──true──▶ pending ──held for `for`──▶ firing ──false, kept for──▶ resolved = inactive
//         ▲                 │false                      ▲  │                         │
//         └─────────────────┘                           └──┘true again               ▼ (emitted)

/// A change of an alert that the world is told about.
enum AlertTransition: Equatable, Sendable {
    case fired(at: Timestamp)
    case resolved(at: Timestamp)
}

/// An alert that is pending or firing for one vehicle.
struct AlertInstance: Equatable, Sendable {
    enum Phase: String, Sendable {
        case pending
        case firing
    }

    /// The rule's index.
    var rule: Int
    var phase: Phase
    /// When the condition became true.
    var activeAt: Timestamp
    /// When the alert fired.
    var firedAt: Timestamp?
    /// When the condition became false while `keep_firing_for` keeps the alert.
    var endedAt: Timestamp?

    /// When time alone will change this alert.
    func deadline(_ rule: AlertRule) -> Timestamp? {
        switch phase {
        case .pending: activeAt + rule.forMilliseconds
        case .firing: endedAt.map { $0 + rule.keepFiringMilliseconds }
        }
    }

    /// Time passes: a deadline that has come takes effect at its own time.
    mutating func advance(to time: Timestamp, _ rule: AlertRule) -> AlertTransition? {
        guard let deadline = deadline(rule), time >= deadline else { return nil }
        switch phase {
        case .pending:
            phase = .firing
            firedAt = deadline
            return .fired(at: deadline)
        case .firing:
            return .resolved(at: deadline)
        }
    }

    /// What a false condition does to it.
    enum End: Equatable {
        /// It was pending: it never was.
        case vanishes
        /// It goes on firing until its deadline.
        case keeps
        case resolves
    }

    /// The condition is false at `time`.
    mutating func end(at time: Timestamp, _ rule: AlertRule) -> End {
        guard phase == .firing else { return .vanishes }
        guard rule.keepFiringMilliseconds > 0 else { return .resolves }
        if endedAt == nil { endedAt = time }
        return .keeps
    }
}
