// SPDX-License-Identifier: Apache-2.0
// A consumer that reads the partitions it is told to, from the offsets it is told. It belongs to no
// group and commits nothing: where it stands is its owner's business.
import KafkaShim

/// Reads partitions of one topic; used by one thread at a time.
@safe final class KafkaConsumer {
    /// What a call has brought.
    enum Event {
        case record(FeedRecord)
        /// All that there is of a partition has been read.
        case end(partition: Int32)
        /// The partition has nothing at our offset, and is not read until the next assignment.
        case outOfRange(partition: Int32)
    }

    private let topic: String
    private let shim: OpaquePointer
    private let context: KafkaContext

    init(
        _ topic: String,
        _ properties: [KafkaProperty],
        delegate: any KafkaClientDelegate
    ) throws(KafkaError) {
        let context = KafkaContext(delegate)
        self.topic = topic
        self.context = context
        unsafe shim = try context.makeConsumer(properties)
    }

    deinit {
        unsafe kafka_shim_destroy(shim)
    }

    // Asking. What the client has to tell meanwhile is told by `consume`.

    /// How many partitions the topic has; `nil` when it does not exist.
    ///
    /// Asking does not make it.
    func partitionCount(milliseconds: Int32) throws(KafkaError) -> Int? {
        var error = kafka_shim_error()
        var count: Int32 = 0
        guard unsafe kafka_shim_partition_count(shim, topic, milliseconds, &count, &error) else {
            throw KafkaError(error)
        }
        if -count == KAFKA_SHIM_UNKNOWN_TOPIC_OR_PART { return nil }
        guard count > 0 else { throw KafkaError(code: -count) }
        return Int(count)
    }

    /// The offsets that a partition has: from the first that is kept up to the next that can be read
    /// when it comes.
    func extent(of partition: Int32, milliseconds: Int32) throws(KafkaError) -> Range<Int64> {
        var error = kafka_shim_error()
        var low: Int64 = 0
        var high: Int64 = 0
        guard
            unsafe kafka_shim_watermarks(
                shim,
                topic,
                partition,
                milliseconds,
                &low,
                &high,
                &error
            )
        else { throw KafkaError(error) }
        return low..<max(low, high)
    }

    // Reading.

    /// Reads these partitions, of which there is at least one, from these offsets on.
    func assign(_ offsets: [Int32: Int64]) throws(KafkaError) {
        let positions = offsets.map {
            KafkaPosition(topic: topic, partition: $0.key, offset: $0.value)
        }
        var error = kafka_shim_error()
        let isDone = unsafe withShimPositions(positions) { list, count in
            unsafe kafka_shim_assign(shim, list, count, &error)
        }
        guard isDone else { throw KafkaError(error) }
    }

    /// Waits for what comes next, and hears what has happened to the client.
    func consume(milliseconds: Int32) throws(KafkaError) -> Event? {
        var error = kafka_shim_error()
        defer { context.received = nil }
        let result = unsafe kafka_shim_consume(shim, milliseconds, KafkaContext.receive, &error)
        guard result >= 0 else { throw KafkaError(error) }
        return context.received
    }
}

extension KafkaConsumer.Event {
    /// Copies what the shim has lent.
    init(_ message: kafka_shim_message) {
        let partition = unsafe message.partition
        switch unsafe message.code {
        case KAFKA_SHIM_PARTITION_EOF: self = .end(partition: partition)
        case KAFKA_SHIM_AUTO_OFFSET_RESET: self = .outOfRange(partition: partition)
        default: self = unsafe .record(FeedRecord(message))
        }
    }
}

extension FeedRecord {
    fileprivate init(_ message: kafka_shim_message) {
        place.partition = unsafe message.partition
        place.offset = unsafe message.offset
        if unsafe message.timestamp_ms >= 0 {
            place.time = Timestamp(milliseconds: unsafe message.timestamp_ms)
        }
        if let start = unsafe message.key {
            key = unsafe Array(UnsafeRawBufferPointer(start: start, count: message.key_length))
        }
        guard let start = unsafe message.value else {
            place.kind = .tombstone
            return
        }
        payload = unsafe Array(UnsafeRawBufferPointer(start: start, count: message.value_length))
    }
}
