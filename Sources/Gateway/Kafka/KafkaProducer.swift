// SPDX-License-Identifier: Apache-2.0
// The only place where Swift meets librdkafka's producer. Like an MQTT client it is made, used and
// thrown away; what it had not delivered is still in the log.
import Foundation
import KafkaShim

/// A producer, transactional or not; used by one thread at a time.
@safe final class KafkaProducer {
    /// How long one call waits before it is made again: also how long a stop may have to wait.
    static let callMilliseconds: Int32 = 1_000

    private let shim: OpaquePointer
    private let context: KafkaContext
    private var topics: [String: Topic] = [:]

    /// `wakeUp` is signalled when there is something to poll.
    init(
        _ properties: [KafkaProperty],
        delegate: any KafkaClientDelegate,
        wakeUp: WakeUp
    )
        throws(KafkaError)
    {
        let context = KafkaContext(delegate)
        self.context = context
        var callbacks = KafkaContext.callbacks
        var error = kafka_shim_error()
        let shim = unsafe withShimProperties(properties) { list, count in
            unsafe kafka_shim_producer_create(
                list,
                count,
                &callbacks,
                Unmanaged.passUnretained(context).toOpaque(),
                wakeUp.writeDescriptor,
                &error
            )
        }
        guard let shim = unsafe shim else { throw KafkaError(error) }
        unsafe self.shim = shim
        unsafe context.shim = shim
    }

    deinit {
        topics.removeAll()
        unsafe kafka_shim_destroy(shim)
    }

    /// Tells what has happened.
    func poll(milliseconds: Int32 = 0) {
        unsafe kafka_shim_poll(shim, milliseconds)
    }

    // Producing.

    /// Queues a row of the log as a record.
    ///
    /// The error is about the record, or says that the queue is full.
    func produce(
        _ row: borrowing LogRow,
        _ layout: SignalLayout,
        to topic: String,
        key: KafkaRecordKey,
        headers: KafkaHeaders,
        tag: Int64
    ) -> KafkaError? {
        let time = row.eventTime
        func send(_ key: UnsafeRawBufferPointer?) -> KafkaError? {
            unsafe row.withPayload { payload in
                // What the log holds goes out without a copy, unless it has to be changed.
                if layout == .flat {
                    return unsafe self.send(topic, key, payload, time, headers, tag)
                }
                return unsafe layout.apply(to: [UInt8](payload))
                    .withUnsafeBytes { unsafe self.send(topic, key, $0, time, headers, tag) }
            }
        }
        return switch key {
        case .vehicle: unsafe row.withKey { unsafe send($0) }
        case .topic: unsafe row.withTopic { unsafe send($0) }
        case .none: send(nil)
        }
    }

    /// Queues a record without a value.
    func produceEmpty(to topic: String, key: String, headers: KafkaHeaders) -> KafkaError? {
        var key = key
        return key.withUTF8 { key in
            unsafe send(
                topic,
                UnsafeRawBufferPointer(key),
                UnsafeRawBufferPointer(start: nil, count: 0),
                WallClock.now(),
                headers,
                0
            )
        }
    }

    /// Queues a record of bytes; without a value it is a tombstone.
    func produce(
        _ value: [UInt8]?,
        to topic: String,
        key: [UInt8],
        headers: KafkaHeaders
    ) -> KafkaError? {
        unsafe key.withUnsafeBytes { key in
            unsafe (value ?? [])
                .withUnsafeBytes { bytes in
                    let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
                    let bytes = unsafe value == nil ? none : bytes
                    return unsafe send(topic, key, bytes, WallClock.now(), headers, 0)
                }
        }
    }

    private func send(
        _ topic: String,
        _ key: UnsafeRawBufferPointer?,
        _ value: UnsafeRawBufferPointer,
        _ time: Timestamp,
        _ headers: KafkaHeaders,
        _ tag: Int64
    ) -> KafkaError? {
        var record = unsafe kafka_shim_record(
            key: key?.baseAddress,
            key_length: key?.count ?? 0,
            value: value.baseAddress,
            value_length: value.count,
            timestamp_ms: time.milliseconds,
            headers: headers.list,
            header_count: headers.count,
            tag: tag
        )
        let code = unsafe kafka_shim_produce(shim, handle(of: topic), &record)
        return code == 0 ? nil : KafkaError(code: code)
    }

    private func handle(of topic: String) -> OpaquePointer {
        if let known = topics[topic] { return unsafe known.handle }
        let new = unsafe Topic(topic, of: shim)
        topics[topic] = new
        return unsafe new.handle
    }

    /// What librdkafka knows of a topic; must go before the client.
    @safe private final class Topic {
        let handle: OpaquePointer

        init(_ name: String, of shim: OpaquePointer) {
            guard let handle = unsafe kafka_shim_topic_create(shim, name) else {
                preconditionFailure("the configuration lets no impossible topic through")
            }
            unsafe self.handle = handle
        }

        deinit {
            unsafe kafka_shim_topic_destroy(handle)
        }
    }

    /// Waits until all have arrived; false if some have not.
    func flush(milliseconds: Int32) -> Bool { unsafe kafka_shim_flush(shim, milliseconds) }

    // Transactions. A call that throws an error to retry goes on when it is made again.

    func initTransactions() throws(KafkaError) {
        try check { unsafe kafka_shim_init_transactions(shim, Self.callMilliseconds, &$0) }
    }

    func beginTransaction() throws(KafkaError) {
        try check { unsafe kafka_shim_begin_transaction(shim, &$0) }
    }

    /// The group's new positions, as a part of the transaction.
    func sendOffsets(_ positions: [KafkaPosition], group: String) throws(KafkaError) {
        try check { error in
            unsafe withShimPositions(positions) { list, count in
                unsafe kafka_shim_send_offsets(
                    shim,
                    group,
                    list,
                    count,
                    Self.callMilliseconds,
                    &error
                )
            }
        }
    }

    func commitTransaction() throws(KafkaError) {
        try check { unsafe kafka_shim_commit_transaction(shim, Self.callMilliseconds, &$0) }
    }

    func abortTransaction() throws(KafkaError) {
        try check { unsafe kafka_shim_abort_transaction(shim, Self.callMilliseconds, &$0) }
    }

    private func check(
        _ body: (inout kafka_shim_error) -> Bool
    ) throws(KafkaError) {
        var error = kafka_shim_error()
        guard body(&error) else { throw KafkaError(error) }
    }
}
