// SPDX-License-Identifier: Apache-2.0

/// The whole gateway in one word.
enum HealthState: String, Sendable {
    /// Everything works.
    case ok
    /// A sink is away: its events wait in the log, and intake goes on. Or a table's feed is: joins see
    /// the rows that came last. Or there are too many dead letters.
    case degraded
    /// A source is away or the log can't be written: messages don't come in.
    case unready
    /// The intake loop stands still; only a restart helps.
    case stalled
}

/// The state of all parts at one moment, and what follows from it.
struct HealthReport: Equatable, Sendable {
    let secondsSinceProgress: Double
    let log: PartState
    let sources: [String: PartState]
    let sinks: [String: PartState]
    var tables: [String: PartState] = [:]
    /// Down when there are too many.
    var deadLetters = PartState.up

    /// Whether the intake loop makes progress; if not, the process should be restarted.
    var isAlive: Bool {
        secondsSinceProgress <= Health.intakeStallSecondsMax
    }

    /// Whether messages come in and are kept: intake moves, all sessions are up, the log is good.
    ///
    /// A sink that is away doesn't count: the log holds what it misses. Nor does a table's feed: its rows
    /// are there.
    var isReady: Bool {
        isAlive && log == .up && sources.values.allSatisfy { $0 == .up }
    }

    /// The report in one word.
    var state: HealthState {
        if !isAlive { return .stalled }
        if !isReady { return .unready }
        let others = [sinks, tables].joined()
        let isWell = deadLetters == .up && others.allSatisfy { $0.value == .up }
        return isWell ? .ok : .degraded
    }

    /// The report as one JSON object, with its keys always in the same order.
    func json() -> String {
        // Tenths are enough, and short; the loop reports once a second.
        let seconds = (secondsSinceProgress * 10).rounded() / 10
        var text = "{\"status\":\"\(state.rawValue)\""
        text += ",\"intake\":{\"status\":\"\(isAlive ? "up" : "down")\""
        text += ",\"seconds_since_progress\":\(seconds)"
        if !isAlive {
            let limit = Int(Health.intakeStallSecondsMax)
            text += ",\"reason\":\"the intake loop made no progress for more than \(limit) s\""
        }
        text += "},\"log\":"
        appendPart(log, to: &text)
        text += ",\"sources\":"
        appendParts(sources, to: &text)
        text += ",\"sinks\":"
        appendParts(sinks, to: &text)
        if !tables.isEmpty {
            text += ",\"tables\":"
            appendParts(tables, to: &text)
        }
        if case .down(let reason) = deadLetters {
            text += ",\"dead_letters\":{\"status\":\"growing\",\"reason\":"
            text.appendJSONString(reason)
            text += "}"
        }
        text += "}\n"
        return text
    }

    private func appendParts(_ parts: [String: PartState], to text: inout String) {
        text += "{"
        for (index, part) in parts.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { text += "," }
            text.appendJSONString(part.key)
            text += ":"
            appendPart(part.value, to: &text)
        }
        text += "}"
    }

    private func appendPart(_ part: PartState, to text: inout String) {
        switch part {
        case .up:
            text += "{\"status\":\"up\"}"
        case .down(let reason):
            text += "{\"status\":\"down\",\"reason\":"
            text.appendJSONString(reason)
            text += "}"
        }
    }
}
