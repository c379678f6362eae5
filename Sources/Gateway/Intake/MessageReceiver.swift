// SPDX-License-Identifier: Apache-2.0
// The road of each message from libmosquitto's memory into the batch: its topic is matched once and
// remembered, its payload is copied once.
import CoreMetrics

/// Takes what one broker sends, and recognises what was committed before.
struct MessageReceiver {
    /// Topics that are remembered with their matches; then the memory starts anew.
    private static let topicsMax = 100_000

    private let source: Int
    private let patterns: [TopicPattern]
    private let limits: LimitsConfiguration
    private let metrics: SourceMetrics
    private var topics: [UInt64: Topic] = [:]
    /// Where messages go; the session lends it the loop's batch while it reads.
    var batch = MessageBatch()
    var ledger = RedeliveryLedger()
    /// How many messages the batch may hold when the read ends.
    private var messagesEnd = 0
    private(set) var lastMessageAt = Timestamp.distantPast
    private var counts = (messages: 0, bytes: 0, unprotected: 0, redelivered: 0)

    init(
        source: Int,
        patterns: [TopicPattern],
        limits: LimitsConfiguration,
        ledgerBatches: [[UInt8]],
        metrics: SourceMetrics
    ) {
        self.source = source
        self.patterns = patterns
        self.limits = limits
        self.metrics = metrics
        ledger.restore(ledgerBatches)
    }

    /// A read begins, which may add so many messages to the batch.
    mutating func begin(messagesMax: Int) {
        let room = limits.batchMessagesMax - batch.messages.count
        messagesEnd = batch.messages.count + min(room, messagesMax)
    }

    var isFull: Bool {
        batch.messages.count >= messagesEnd || batch.bytes.count >= limits.batchBytesMax
    }

    /// The topic of a message; it allocates nothing when the topic is known.
    mutating func topic(_ bytes: UnsafeRawBufferPointer) -> Topic {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices {
            hash = unsafe (hash ^ UInt64(bytes[index])) &* 0x0100_0000_01B3
        }
        if let known = topics[hash], unsafe known.name.utf8.elementsEqual(bytes) { return known }
        if topics.count >= Self.topicsMax { topics.removeAll() }
        let topic = Topic(
            name: unsafe String(decoding: bytes, as: UTF8.self),
            patterns: patterns
        )
        topics[hash] = topic
        return topic
    }

    /// Appends a message to the batch, unless it took effect before.
    mutating func receive(
        _ message: borrowing MQTTMessage,
        _ topic: Topic,
        isKnown: Bool,
        at now: Timestamp
    ) {
        lastMessageAt = now
        var isRedelivered = isKnown
        if message.qos > 0 {
            let entry = RedeliveryLedger.Entry(
                packetID: message.packetID,
                digest: message.digest
            )
            // Known or not, it is recorded: its PUBACK leaves with the batch's.
            let isCommitted = ledger.recognise(entry, isDuplicate: message.isDuplicate ?? false)
            isRedelivered = isRedelivered || isCommitted
        }
        guard !isRedelivered else {
            counts.redelivered += 1
            return
        }
        if message.qos == 0 { counts.unprotected += 1 }
        let payload = unsafe message.payload
        counts.messages += 1
        counts.bytes += payload.count
        unsafe batch.append(
            source: source,
            topic: topic,
            payload: payload,
            qos: message.qos,
            packetID: message.packetID,
            arrival: now
        )
    }

    /// Tells the metrics what came since the last time.
    mutating func report() {
        guard counts.messages > 0 || counts.redelivered > 0 else { return }
        metrics.messages.increment(by: Int64(counts.messages))
        metrics.bytes.increment(by: Int64(counts.bytes))
        if counts.unprotected > 0 {
            metrics.unprotectedMessages.increment(by: Int64(counts.unprotected))
        }
        if counts.redelivered > 0 {
            metrics.redeliveredMessages.increment(by: Int64(counts.redelivered))
        }
        counts = (0, 0, 0, 0)
    }
}
