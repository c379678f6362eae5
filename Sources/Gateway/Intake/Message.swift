// SPDX-License-Identifier: Apache-2.0

/// A topic as it arrived, matched once against its source's patterns and then reused.
final class Topic: Sendable {
    let name: String
    /// Which of the source's topics it is; `nil` when it matches none.
    let configurationIndex: Int?
    let vehicle: String?
    let signal: String?

    init(name: String, patterns: [TopicPattern]) {
        self.name = name
        for (index, pattern) in patterns.enumerated() {
            guard let fields = pattern.match(name) else { continue }
            configurationIndex = index
            vehicle = fields["vehicle"]
            signal = fields["signal"]
            return
        }
        configurationIndex = nil
        vehicle = nil
        signal = nil
    }
}

/// One message: bytes as they arrived.
struct Message {
    /// The index of its source in the configuration.
    let source: Int
    let topic: Topic
    /// Where its payload is in the batch's bytes.
    let payload: Range<Int>
    let qos: UInt8
    let packetID: UInt16
    let arrival: Timestamp
}

/// Messages that are processed and committed together, with their payloads in one buffer.
struct MessageBatch {
    private(set) var messages: [Message] = []
    /// All payloads, each followed by enough bytes for the parser to read past its end.
    private(set) var bytes: [UInt8] = []

    var isEmpty: Bool { messages.isEmpty }

    /// Appends a message; its payload is copied once, here.
    mutating func append(
        source: Int,
        topic: Topic,
        payload: UnsafeRawBufferPointer,
        qos: UInt8,
        packetID: UInt16,
        arrival: Timestamp
    ) {
        if !bytes.isEmpty { bytes.removeLast(JSONParser.padding) }
        let start = bytes.count
        unsafe bytes.append(contentsOf: payload)
        let range = start..<bytes.count
        bytes.append(contentsOf: repeatElement(0, count: JSONParser.padding))
        messages.append(
            Message(
                source: source,
                topic: topic,
                payload: range,
                qos: qos,
                packetID: packetID,
                arrival: arrival
            )
        )
    }

    mutating func removeAll() {
        messages.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }
}
