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

/// Where a change event stood that did not come over MQTT.
struct RecordPlace: Sendable {
    enum Kind: Sendable {
        case change
        /// A key whose row is gone; it has no payload (Kafka's log compaction).
        case tombstone
        /// A whole table follows, and replaces what is there.
        case loadBegins
        case loadEnds
        /// The topic was made anew: its offsets say nothing about those of before.
        case beganAnew
        /// What was there when the feed began has come.
        case caughtUp
    }

    var kind = Kind.change
    var partition: Int32 = 0
    /// Below 0: the feed has no offsets.
    var offset: Int64 = -1
    /// Of a row of a file: the line in which it begins, from 1.
    var line: Int?
    var time: Timestamp?
    /// Where its key is in the batch's bytes.
    var key: Range<Int>?
    /// Of a load that ends: tells this version of the file from others.
    var mark = ""
    /// Why the feed could make no row of it, which makes it a dead letter.
    var failure: String?
}

/// One message: bytes as they arrived.
struct Message {
    /// The index of its source in the configuration; feeds of tables are counted behind them.
    let source: Int
    let topic: Topic
    /// Where its payload is in the batch's bytes.
    let payload: Range<Int>
    let qos: UInt8
    let packetID: UInt16
    let arrival: Timestamp
    /// The index of its place among the batch's records; -1 for MQTT.
    var record = -1
    /// The dead letter that it was; `nil` when it has just arrived.
    var replay: DeadLetterReplay?

    /// Whether an element of its array is to take effect: of a dead letter only what has not.
    func takes(_ element: Int) -> Bool { replay?.takes(element) ?? true }
}

/// Messages that are processed and committed together, with their payloads in one buffer.
struct MessageBatch {
    private(set) var messages: [Message] = []
    private var records: [RecordPlace] = []
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
        arrival: Timestamp,
        replay: DeadLetterReplay? = nil
    ) {
        let range = unsafe store(payload)
        messages.append(
            Message(
                source: source,
                topic: topic,
                payload: range,
                qos: qos,
                packetID: packetID,
                arrival: arrival,
                replay: replay
            )
        )
    }

    /// Appends a change event of a feed; its payload and key are copied once, here.
    mutating func append(feed: Int, topic: Topic, record: FeedRecord, arrival: Timestamp) {
        var place = record.place
        if let key = record.key {
            place.key = unsafe key.withUnsafeBytes { unsafe store($0) }
        }
        let range = unsafe record.payload.withUnsafeBytes { unsafe store($0) }
        records.append(place)
        messages.append(
            Message(
                source: feed,
                topic: topic,
                payload: range,
                qos: 1,
                packetID: 0,
                arrival: arrival,
                record: records.count - 1
            )
        )
    }

    /// Where a change event stood; `nil` when it came over MQTT.
    func record(of message: Message) -> RecordPlace? {
        message.record >= 0 ? records[message.record] : nil
    }

    private mutating func store(_ content: UnsafeRawBufferPointer) -> Range<Int> {
        if !bytes.isEmpty { bytes.removeLast(JSONParser.padding) }
        let start = bytes.count
        unsafe bytes.append(contentsOf: content)
        let range = start..<bytes.count
        bytes.append(contentsOf: repeatElement(0, count: JSONParser.padding))
        return range
    }

    mutating func removeAll() {
        messages.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }
}
