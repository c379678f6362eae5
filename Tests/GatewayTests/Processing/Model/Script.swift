// SPDX-License-Identifier: Apache-2.0
// A random day of a small fleet, as structure and as bytes: the model reads the structure, the
// gateway the bytes.
@testable import Gateway

/// What happens, in the order in which it happens.
struct Script {
    enum Step {
        case message(ScriptMessage)
        /// A look at the clock; whether the source is heard.
        case clock(now: Int64, isHeard: Bool)
    }

    var steps: [Step] = []
}

/// One message as the fleet means it.
struct ScriptMessage {
    var vehicle: String
    var topic: String
    var payload: [UInt8]
    var arrival: Int64
    /// What the payload says; `nil` stands for something broken.
    var readings: [ScriptReading?]

    var test: TestMessage {
        TestMessage(topic, payload, arrival: Timestamp(milliseconds: arrival))
    }
}

/// One reading as the vehicle means it.
struct ScriptReading {
    enum Time {
        case at(Int64)
        case missing
        /// A clock that nobody should believe, and the flag it earns.
        case flagged(SignalValue, ClockFlag)
    }

    var time: Time
    var signals: [(name: String, value: SignalValue)]

    /// All of its signals: its event time is one, too.
    var all: [(name: String, value: SignalValue)] {
        switch time {
        case .at(let milliseconds): [("t", .int(milliseconds))] + signals
        case .missing: signals
        case .flagged(let value, _): [("t", value)] + signals
        }
    }

    func write(into json: inout JSONWriter) {
        json.raw("{")
        for (name, value) in all {
            json.member(name)
            json.value(value)
        }
        json.raw("}")
    }
}

extension Script {
    /// `seed` decides everything; a script without clocks is one long batch if one likes.
    init(seed: UInt64, steps count: Int, hasClocks: Bool) {
        var writer = ScriptWriter(random: SplitMix64(seed: seed))
        for _ in 0..<count {
            if hasClocks, writer.random.oneIn(8) {
                steps.append(writer.clock())
            } else {
                steps.append(.message(writer.message()))
            }
        }
    }
}

/// Makes up a script step by step; its time never goes back.
private struct ScriptWriter {
    var random: SplitMix64
    private var now = Timestamp.seconds(0).milliseconds

    init(random: SplitMix64) {
        self.random = random
    }

    /// At least a second apart: a vehicle whose source is not heard is looked at again after one.
    mutating func clock() -> Script.Step {
        now += Int64(random.int(1_000...6_000))
        return .clock(now: now, isHeard: !random.oneIn(4))
    }

    mutating func message() -> ScriptMessage {
        now += Int64(random.oneIn(20) ? random.int(5_000...60_000) : random.int(0...800))
        let vehicle = "car\(random.int(1...3))"
        if random.oneIn(12) { return broken(vehicle) }
        let isArray = random.oneIn(6)
        var readings: [ScriptReading?] = (0..<(isArray ? random.int(2...4) : 1))
            .map { _ in reading() }
        if isArray, random.oneIn(3) { readings[random.int(0...readings.count - 1)] = nil }
        return ScriptMessage(
            vehicle: vehicle,
            topic: "fleet/\(vehicle)/state",
            payload: payload(of: readings, isArray: isArray),
            arrival: now,
            readings: readings
        )
    }

    private func payload(of readings: [ScriptReading?], isArray: Bool) -> [UInt8] {
        var json = JSONWriter()
        if isArray { json.raw("[") }
        for reading in readings {
            json.separate()
            if let reading { reading.write(into: &json) } else { json.raw("7") }
        }
        if isArray { json.raw("]") }
        return json.bytes
    }

    private mutating func broken(_ vehicle: String) -> ScriptMessage {
        var payload = payload(of: [reading()], isArray: false)
        var topic = "fleet/\(vehicle)/state"
        switch random.int(0...4) {
        case 0: payload = []
        case 1: payload.removeLast(random.int(1...payload.count))
        case 2: payload.insert(0xFF, at: random.int(0...payload.count))
        case 3: payload = Array("[\"ü\"]".utf8)
        default: topic = "fleet/\(vehicle)"
        }
        return ScriptMessage(
            vehicle: topic.hasSuffix("state") ? vehicle : "",
            topic: topic,
            payload: payload,
            arrival: now,
            readings: [nil]
        )
    }

    private mutating func reading() -> ScriptReading {
        let names = ["speed", "temp", "coolant", "lights", "ignition", "door", "note", "extra"]
        let chosen = names.filter { _ in random.oneIn(3) }
        return ScriptReading(time: time(), signals: chosen.map { ($0, value(of: $0)) })
    }

    private mutating func time() -> ScriptReading.Time {
        switch random.int(0...39) {
        case 0: .flagged(.int(0), .past)
        case 1: .flagged(.int(now + 3_600_000), .future)
        case 2: .flagged(.text("soon"), .unreadable)
        case 3, 4: .missing
        case 5...8: .at(now - Int64(random.int(3_000...40_000)))
        case 9, 10: .at(now + Int64(random.int(0...3_000)))
        default: .at(now - Int64(random.int(0...1_500)))
        }
    }

    private mutating func value(of name: String) -> SignalValue {
        if random.oneIn(12) { return .null }
        return switch name {
        case "speed": random.oneIn(2) ? .int(Int64(random.int(0...150))) : .double(100.5)
        case "temp", "coolant": .int(Int64(random.int(-20...110)))
        case "note": .text(random.text(count: 5))
        default: .bool(random.oneIn(2))
        }
    }
}
