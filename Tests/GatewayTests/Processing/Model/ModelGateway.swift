// SPDX-License-Identifier: Apache-2.0
// The slow, obvious gateway: dictionaries, one reading after the other, every rule for every reading,
// every vehicle for every look at the clock. It shares no code with the real one but its values.
import Foundation

@testable import Gateway

/// A rule, once in SQL and once in Swift.
struct ModelRule: Sendable {
    var name: String
    var expression: String
    var pendingSeconds: Int64 = 0
    var keepSeconds: Int64 = 0
    /// The signals that an outlier shows.
    var reads: [String]
    var isTrue: @Sendable (ModelVehicle) -> Bool

    static let all = [
        ModelRule(name: "speeding", expression: "speed > 100", reads: ["speed"]) {
            ($0.number("speed") ?? 0) > 100
        },
        ModelRule(
            name: "lights_left_on",
            expression: "lights AND NOT ignition",
            pendingSeconds: 5,
            reads: ["lights", "ignition"]
        ) { $0.number("lights") == 1 && $0.number("ignition") == 0 },
        ModelRule(
            name: "overheating",
            expression: "temp > 90 OR coolant > 90",
            pendingSeconds: 3,
            keepSeconds: 4,
            reads: ["temp", "coolant"]
        ) { ($0.number("temp") ?? 0) > 90 || ($0.number("coolant") ?? 0) > 90 },
        ModelRule(
            name: "cold_and_fast",
            expression: "temp < 0 AND speed > 50",
            keepSeconds: 10,
            reads: ["temp", "speed"]
        ) { ($0.number("temp") ?? 0) < 0 && ($0.number("speed") ?? 0) > 50 },
        ModelRule(
            name: "odd_hours",
            expression: "CAST(event_time AS INTEGER) % 20 < 10 AND ignition",
            pendingSeconds: 2,
            reads: ["ignition"]
        ) { $0.eventTime / 1_000 % 20 < 10 && $0.number("ignition") == 1 },
        ModelRule(
            name: "open_door",
            expression: "coalesce(door, 0) = 1 AND speed > 3",
            keepSeconds: 3,
            reads: ["door", "speed"]
        ) { $0.number("door") == 1 && ($0.number("speed") ?? 0) > 3 },
    ]

    /// The rules as a file.
    static var file: String {
        let rules = all.map {
            """
              - alert: \($0.name)
                expr: \($0.expression)
                for: \($0.pendingSeconds)s
                keep_firing_for: \($0.keepSeconds)s
                annotations: {summary: '{{ vehicle }} {{ alert }} since {{ since }}'}
            """
        }
        return "groups:\n- name: g\n  rules:\n" + rules.joined(separator: "\n")
    }
}

/// What the model knows of one vehicle; times are milliseconds.
struct ModelVehicle {
    enum Alert {
        case pending(since: Int64)
        case firing(since: Int64)
        /// The condition is false since `end`, but the alert is kept.
        case ending(since: Int64, end: Int64)
    }

    var id: String
    var eventTime: Int64
    var heardAt: Int64
    var signals: [String: (value: SignalValue, time: Int64)] = [:]
    var alerts: [String: Alert] = [:]

    /// A signal as SQL sees it: true is 1, and what is null or was not seen is NULL.
    func number(_ name: String) -> Double? {
        switch signals[name]?.value {
        case .bool(let flag)?: flag ? 1 : 0
        case .int(let number)?: Double(number)
        case .double(let number)?: number
        default: nil
        }
    }

    /// What its clock shows while it is silent.
    func notionalTime(_ now: Int64) -> Int64 { eventTime + max(0, now - heardAt) }

    var firing: [String] {
        alerts.compactMap { name, alert in
            if case .pending = alert { nil } else { name }
        }
        .sorted()
    }
}

/// Plays a script and remembers what it tells.
struct ModelGateway {
    private(set) var told = Told()
    private var vehicles: [String: ModelVehicle] = [:]
    private let earliest: Int64 = 946_684_800_000

    init(playing script: Script) {
        for step in script.steps {
            switch step {
            case .message(let message): take(message)
            case .clock(let now, let isHeard): if isHeard { look(now) }
            }
        }
    }

    private mutating func take(_ message: ScriptMessage) {
        for reading in message.readings {
            if let reading {
                take(reading, message)
            } else {
                told.deadLetter(message)
            }
        }
    }

    private mutating func take(_ reading: ScriptReading, _ message: ScriptMessage) {
        let arrival = message.arrival
        var flag: ClockFlag?
        var eventTime = arrival
        if case .at(let milliseconds) = reading.time { eventTime = milliseconds }
        if case .flagged(_, let why) = reading.time { flag = why }
        var vehicle =
            vehicles[message.vehicle]
            ?? ModelVehicle(id: message.vehicle, eventTime: eventTime, heardAt: arrival)
        if flag != nil { eventTime = vehicle.notionalTime(arrival) }

        let time = max(eventTime, vehicle.eventTime)
        pass(time, &vehicle)
        if eventTime >= vehicle.eventTime {
            (vehicle.eventTime, vehicle.heardAt) = (eventTime, arrival)
        }
        var isLate = false
        for (name, value) in reading.all {
            if let held = vehicle.signals[name], held.time > eventTime {
                isLate = true
            } else {
                vehicle.signals[name] = (value, eventTime)
            }
        }
        decide(time, &vehicle)
        told.enriched(
            vehicle,
            eventTime: eventTime,
            arrival: arrival,
            isLate: isLate,
            flag: flag,
            signals: reading.all
        )
        vehicles[vehicle.id] = vehicle
    }

    private mutating func look(_ now: Int64) {
        for (id, vehicle) in vehicles {
            var vehicle = vehicle
            pass(vehicle.notionalTime(now), &vehicle)
            vehicles[id] = vehicle
        }
    }

    /// What is due by a time happens at its own time.
    private mutating func pass(_ time: Int64, _ vehicle: inout ModelVehicle) {
        var transitions: [Told.Transition] = []
        for rule in ModelRule.all {
            switch vehicle.alerts[rule.name] {
            case .pending(let since)? where time >= since + rule.pendingSeconds * 1_000:
                vehicle.alerts[rule.name] = .firing(since: since)
                transitions.append((rule, "firing", since + rule.pendingSeconds * 1_000, since))
            case .ending(let since, let end)? where time >= end + rule.keepSeconds * 1_000:
                vehicle.alerts[rule.name] = nil
                transitions.append((rule, "resolved", end + rule.keepSeconds * 1_000, since))
            default: break
            }
        }
        told.transitions(transitions, of: vehicle)
    }

    /// Every rule is asked.
    private mutating func decide(_ time: Int64, _ vehicle: inout ModelVehicle) {
        var transitions: [Told.Transition] = []
        for rule in ModelRule.all {
            switch (rule.isTrue(vehicle), vehicle.alerts[rule.name]) {
            case (true, nil):
                let isAtOnce = rule.pendingSeconds == 0
                vehicle.alerts[rule.name] = isAtOnce ? .firing(since: time) : .pending(since: time)
                if isAtOnce { transitions.append((rule, "firing", time, time)) }
            case (true, .ending(let since, _)?):
                vehicle.alerts[rule.name] = .firing(since: since)
            case (false, .pending?):
                vehicle.alerts[rule.name] = nil
            case (false, .firing(let since)?) where rule.keepSeconds > 0:
                vehicle.alerts[rule.name] = .ending(since: since, end: time)
            case (false, .firing(let since)?):
                vehicle.alerts[rule.name] = nil
                // A firing in silence may be ahead of the reading that ends it.
                let fired = since + rule.pendingSeconds * 1_000
                transitions.append((rule, "resolved", max(time, fired), since))
            default: break
            }
        }
        told.transitions(transitions, of: vehicle)
    }
}
