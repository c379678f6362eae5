// SPDX-License-Identifier: Apache-2.0
// What a gateway told about each vehicle, as lines that can be compared and read.
import Foundation

@testable import Gateway

/// The events of every vehicle, by stream, in their order.
///
/// Left out are the offset, the place and version of the rule, and the time of a summary of what
/// fires. Alerts that fire are sorted, and so are transitions of one moment: what is wrong with their
/// order is in `AlertTimelineTests` and `AlertRestartTests`.
struct Told: Equatable {
    typealias Transition = (rule: ModelRule, state: String, time: Int64, since: Int64)

    /// Groups of events, by stream and vehicle; one group is one moment.
    private var groups: [String: [[String]]] = [:]

    /// All lines, for messages of tests that fail.
    var lines: [String] {
        groups.keys.sorted()
            .flatMap { key in (groups[key] ?? []).flatMap { $0 }.map { "\(key): \($0)" } }
    }

    // The model's side.

    mutating func enriched(
        _ vehicle: ModelVehicle,
        eventTime: Int64,
        arrival: Int64,
        isLate: Bool,
        flag: ClockFlag?,
        signals: [(name: String, value: SignalValue)]
    ) {
        var event: [String: Any] = [
            "vehicle": vehicle.id, "event_time": eventTime, "arrival_time": arrival,
            "gateway": "depot", "source": "vehicles", "alerts": vehicle.firing,
            "signals": Dictionary(
                uniqueKeysWithValues: signals.map { ($0.name, Self.any($0.value)) }
            ),
        ]
        if isLate { event["late"] = true }
        if let flag { event["clock"] = flag.rawValue }
        groups["enriched \(vehicle.id)", default: []].append([Self.line(event)])
    }

    mutating func transitions(_ transitions: [Transition], of vehicle: ModelVehicle) {
        guard !transitions.isEmpty else { return }
        let lines = transitions.map { rule, state, time, since in
            let values = rule.reads.map { ($0, Self.any(vehicle.signals[$0]?.value ?? .null)) }
            return Self.line([
                "time": Self.iso(time), "alert": rule.name, "state": state, "vehicle": vehicle.id,
                "severity": "warning", "gateway": "depot", "since": Self.iso(since),
                "summary": "\(vehicle.id) \(rule.name) since \(Self.iso(since))",
                "values": Dictionary(uniqueKeysWithValues: values),
                "id": "\(rule.name)/\(vehicle.id)/\(since)/\(state)",
            ])
        }
        groups["outlier \(vehicle.id)", default: []].append(lines.sorted())
        let summary: [String: Any] = [
            "vehicle": vehicle.id, "gateway": "depot", "firing": vehicle.firing,
        ]
        groups["firing \(vehicle.id)", default: []].append([Self.line(summary)])
    }

    mutating func deadLetter(_ message: ScriptMessage) {
        var event = [
            "time": Self.iso(message.arrival), "source": "vehicles", "topic": message.topic,
        ]
        if let text = String(validating: message.payload, as: UTF8.self) {
            event["payload"] = text
        } else {
            event["payload_base64"] = Data(message.payload).base64EncodedString()
        }
        groups["dead_letter \(message.vehicle)", default: []].append([Self.line(event)])
    }

    // The gateway's side.

    /// Takes an event as it stands in the log.
    mutating func event(_ stream: String, key: String, payload: some Sequence<UInt8>) throws {
        let object = try JSONSerialization.jsonObject(with: Data(payload))
        var event = object as? [String: Any] ?? [:]
        for name in ["offset", "rule", "version", "kind", "reason", "position", "elements"] {
            event[name] = nil
        }
        if stream == StreamName.firing { event["time"] = nil }
        if let alerts = event["alerts"] as? [String] { event["alerts"] = alerts.sorted() }
        if let firing = event["firing"] as? [[String: Any]] {
            event["firing"] = firing.compactMap { $0["alert"] as? String }.sorted()
        }
        groups["\(stream) \(key)", default: []].append([Self.line(event)])
    }

    /// The same events in groups as large as another's.
    func grouped(as other: Told) -> Told {
        var result = self
        for (key, own) in groups {
            var rest = own.flatMap(\.self)[...]
            var regrouped: [[String]] = []
            for group in other.groups[key] ?? [] where !rest.isEmpty {
                regrouped.append(rest.prefix(group.count).sorted())
                rest = rest.dropFirst(group.count)
            }
            result.groups[key] = regrouped + rest.map { [$0] }
        }
        return result
    }

    /// The first line that two differ in.
    func firstDifference(from other: Told) -> String? {
        for key in Set(groups.keys).union(other.groups.keys).sorted() {
            let (left, right) = (groups[key] ?? [], other.groups[key] ?? [])
            for index in 0..<max(left.count, right.count) {
                let mine = index < left.count ? "\(left[index])" : "nothing"
                let theirs = index < right.count ? "\(right[index])" : "nothing"
                if mine != theirs { return "\(key) #\(index):\n\(mine)\nand not\n\(theirs)" }
            }
        }
        return nil
    }

    // Lines.

    private static func line(_ event: [String: Any]) -> String {
        let data = try? JSONSerialization.data(
            withJSONObject: event,
            options: [.sortedKeys, .withoutEscapingSlashes]
        )
        return data.map { String(decoding: $0, as: UTF8.self) } ?? "no JSON: \(event)"
    }

    private static func any(_ value: SignalValue) -> Any {
        switch value {
        case .null: NSNull()
        case .bool(let flag): flag
        case .int(let number): number
        case .unsigned(let number): number
        case .double(let number): number
        case .text(let text): text
        }
    }

    private static func iso(_ milliseconds: Int64) -> String {
        Timestamp(milliseconds: milliseconds).iso8601
    }
}
