// SPDX-License-Identifier: Apache-2.0
@testable import Gateway

/// A message for a processor under test.
struct TestMessage {
    var topic: String
    var payload: [UInt8]
    var arrival: Timestamp
    var source = 0
    /// Set when it is a dead letter that is processed again.
    var replay: DeadLetterReplay?

    init(_ topic: String, _ payload: [UInt8], arrival: Timestamp, source: Int = 0) {
        self.topic = topic
        self.payload = payload
        self.arrival = arrival
        self.source = source
    }

    init(_ topic: String, _ payload: String, arrival: Timestamp, source: Int = 0) {
        self.init(topic, Array(payload.utf8), arrival: arrival, source: source)
    }
}

extension MessageBatch {
    /// Appends a message as a session would.
    mutating func append(_ message: TestMessage, patterns: [TopicPattern]) {
        let topic = Topic(name: message.topic, patterns: patterns)
        unsafe message.payload.withUnsafeBytes { payload in
            unsafe append(
                source: message.source,
                topic: topic,
                payload: payload,
                qos: 1,
                packetID: 1,
                arrival: message.arrival,
                replay: message.replay
            )
        }
    }
}

extension Timestamp {
    /// A whole number of seconds after a fixed moment of the year 2026, where most tests play.
    static func seconds(_ seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: 1_767_600_000_000 + seconds * 1_000)
    }

    /// The opposite of `seconds`.
    var testSeconds: Double { Double(milliseconds - 1_767_600_000_000) / 1_000 }
}
