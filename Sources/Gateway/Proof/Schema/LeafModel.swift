// SPDX-License-Identifier: Apache-2.0
// The obvious way to flatten a document, written from docs/flattening.md and apart from the decoder: Foundation
// reads the JSON, and a recursion walks through it.
import Foundation

/// What becomes of a document, as the configuration of its maker has it.
struct LeafModel {
    /// The values of each name.
    ///
    /// There are several when members of one object collide: Foundation does not tell which stood last in
    /// the text, so each of them is right.
    typealias Leaves = [String: [SignalValue]]

    /// One reading that a document must give.
    struct Reading {
        var vehicle: String
        var leaves: Leaves
    }

    /// All that a document must give.
    struct Expectation {
        var readings: [Reading] = []
        var isDeadLetter = false
    }

    private let topics: [TopicConfiguration]
    private var catalogue: [String: SignalConfiguration] = [:]

    init(_ configuration: Configuration) {
        topics = configuration.sources.flatMap(\.topics)
        for signal in configuration.signals {
            for path in signal.paths { catalogue[path] = signal }
        }
    }

    /// The topic entry that takes a topic.
    func entry(of topic: String) -> TopicConfiguration? {
        topics.first { $0.pattern.match(topic) != nil }
    }

    func expect(topic: String, payload: [UInt8]) throws -> Expectation {
        var expectation = Expectation()
        guard let entry = entry(of: topic), let levels = entry.pattern.match(topic) else {
            throw DepotError(description: "no pattern of the example takes \(topic)")
        }
        let root = try JSONSerialization.jsonObject(
            with: Data(payload),
            options: .fragmentsAllowed
        )
        for element in elements(of: root, entry) {
            guard let leaves = leaves(of: element, entry, signal: levels["signal"]),
                let vehicle = vehicle(of: leaves, entry, levels)
            else {
                expectation.isDeadLetter = true
                continue
            }
            expectation.readings.append(Reading(vehicle: vehicle, leaves: named(leaves)))
        }
        return expectation
    }

    private func vehicle(
        of leaves: Leaves,
        _ entry: TopicConfiguration,
        _ levels: [String: String]
    )
        -> String?
    {
        guard let path = entry.vehiclePath else { return levels["vehicle"] }
        guard let value = leaves[path]?.last, value != .null, !value.text.isEmpty else {
            return nil
        }
        return value.text
    }

    // What gives a reading each.

    private func elements(of root: Any, _ entry: TopicConfiguration) -> [Any] {
        let elements = root as? [Any] ?? [root]
        guard let path = entry.arrays.first(where: { $0.mode == .explode })?.path else {
            return elements
        }
        return elements.flatMap { exploded($0, path) }
    }

    /// Copies of a value in which one element each stands where the array was.
    private func exploded(_ value: Any, _ path: String) -> [Any] {
        guard let object = value as? [String: Any] else { return [value] }
        for (key, member) in object {
            var rest = object
            rest[key] = nil
            let inner: [Any]
            if key == path, let elements = member as? [Any] {
                if elements.isEmpty { return [rest] }
                inner = elements
            } else if path.hasPrefix("\(key).") {
                inner = exploded(member, String(path.dropFirst(key.count + 1)))
            } else {
                continue
            }
            return inner.map { element in
                var whole = rest
                whole[key] = element
                return whole
            }
        }
        return [value]
    }

    // Leaves.

    /// The leaves by their paths; `nil` of what can't be a reading.
    private func leaves(of element: Any, _ entry: TopicConfiguration, signal: String?) -> Leaves? {
        var leaves: Leaves = [:]
        if entry.format == .object {
            guard element is [String: Any] else { return nil }
            flatten(element, [], entry, into: &leaves)
        } else {
            guard let signal else { return nil }
            flatten(element, [signal], entry, into: &leaves)
        }
        return leaves
    }

    private func flatten(
        _ value: Any,
        _ levels: [String],
        _ entry: TopicConfiguration,
        into leaves: inout Leaves
    ) {
        if let object = value as? [String: Any] {
            for (key, member) in object { flatten(member, levels + [key], entry, into: &leaves) }
        } else if let elements = value as? [Any] {
            let key = pivotKey(at: levels.joined(separator: "."), entry)
            for (index, element) in elements.enumerated() {
                var own: Leaves = [:]
                var object = element as? [String: Any]
                if let key, let name = object?[key].flatMap({ Self.pivotName($0) }) {
                    object?[key] = nil
                    flatten(object ?? [:], levels + [name], entry, into: &own)
                } else {
                    flatten(element, levels + ["\(index)"], entry, into: &own)
                }
                // Of two elements with one name, the later counts.
                leaves.merge(own) { $1 }
            }
        } else if let scalar = SignalValue(foundation: value) {
            leaves[levels.joined(separator: "."), default: []].append(scalar)
        }
    }

    /// What the array at a path is pivoted by; the entry with the fewest wildcards decides.
    private func pivotKey(at path: String, _ entry: TopicConfiguration) -> String? {
        let levels = path.split(separator: ".", omittingEmptySubsequences: false)
        let fitting = entry.arrays.filter { array in
            let parts = array.path.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == levels.count
                && zip(parts, levels).allSatisfy { $0 == "*" || $0 == $1 }
        }
        guard let best = fitting.min(by: { $0.wildcardCount < $1.wildcardCount }),
            case .pivot(let key) = best.mode
        else { return nil }
        return key
    }

    private static func pivotName(_ value: Any) -> String? {
        switch SignalValue(foundation: value) {
        case .text(let text): text
        case .int(let number): "\(number)"
        case .unsigned(let number): "\(number)"
        default: nil
        }
    }

    // The catalogue.

    private func named(_ leaves: Leaves) -> Leaves {
        var named: Leaves = [:]
        for (path, values) in leaves {
            guard let signal = catalogue[path] else {
                named[path, default: []] += values
                continue
            }
            named[signal.name, default: []] += values.map { value in
                if let replaced = signal.values[value.text] { return replaced }
                return signal.type.map { Self.converted(value, to: $0) } ?? value
            }
        }
        return named
    }

    private static func converted(_ value: SignalValue, to type: SignalType) -> SignalValue {
        let text = value.text
        if value == .null { return .null }
        switch (type, value) {
        case (.text, _): return .text(text)
        case (.bool, _):
            if ["true", "on", "yes", "open", "1"].contains(text.lowercased()) {
                return .bool(true)
            }
            let isOff = ["false", "off", "no", "closed", "0"].contains(text.lowercased())
            return isOff ? .bool(false) : .null
        case (.int, .bool(let flag)): return .int(flag ? 1 : 0)
        case (.int, .double(let number)): return .int(Int64(number.rounded()))
        case (.int, _): return Int64(text).map { .int($0) } ?? .null
        case (.float, .bool): return .null
        case (.float, _): return Double(text).map { .double($0) } ?? .null
        }
    }
}

extension SignalValue {
    /// A scalar as Foundation reads it; `nil` for arrays and objects.
    init?(foundation value: Any) {
        switch value {
        case is NSNull: self = .null
        case let text as String: self = .text(text)
        case let number as NSNumber:
            // On Linux true is the number 1 in all but this.
            let encoding = unsafe UInt8(bitPattern: number.objCType.pointee)
            switch UnicodeScalar(encoding) {
            case "c", "B": self = .bool(number.boolValue)
            case "d", "f": self = .double(number.doubleValue)
            case "Q":
                let whole = number.uint64Value
                self = Int64(exactly: whole).map { .int($0) } ?? .unsigned(whole)
            default: self = .int(number.int64Value)
            }
        default: return nil
        }
    }
}
