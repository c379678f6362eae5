// SPDX-License-Identifier: Apache-2.0
// The only place where Swift meets librdkafka's producer. Like an MQTT client it is made, used and
// thrown away; what it had not delivered is still in the log.
import Foundation
import KafkaShim

/// Hears what happens to a producer, on the thread that polls it.
protocol KafkaProducerDelegate: AnyObject {
    /// A record has arrived, or never will.
    func delivered(tag: Int64, error: KafkaError?)
    /// Something is wrong that no call has told.
    func failed(_ error: KafkaError)
    func measured(_ statistics: KafkaStatistics)
    /// The cluster wants a bearer token.
    func token() throws(KafkaTokenError) -> KafkaToken
    /// A line of librdkafka's log.
    func logged(_ text: String, isWarning: Bool)
}

/// Where a group stands in one topic.
struct KafkaPosition: Equatable, Sendable {
    var topic: String
    var partition: Int32 = 0
    /// The offset of the next record; `nil` when nothing was committed.
    var offset: Int64?
    /// What was committed beside it.
    var metadata = ""
}

/// A producer, transactional or not; used by one thread at a time.
@safe final class KafkaProducer {
    /// How long one call waits before it is made again: also how long a stop may have to wait.
    static let callMilliseconds: Int32 = 1_000

    private let shim: OpaquePointer
    private let context: Context
    private var topics: [String: OpaquePointer] = unsafe [:]

    /// `wakeUp` is signalled when there is something to poll.
    init(
        _ properties: [KafkaProperty],
        delegate: any KafkaProducerDelegate,
        wakeUp: WakeUp
    )
        throws(KafkaError)
    {
        let context = Context(delegate)
        self.context = context
        var callbacks = Self.callbacks
        var error = kafka_shim_error()
        let shim = unsafe withShimProperties(properties) { list in
            unsafe kafka_shim_producer_create(
                list.baseAddress!,
                list.count,
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
        unsafe topics.values.forEach { unsafe kafka_shim_topic_destroy($0) }
        unsafe kafka_shim_destroy(shim)
    }

    /// What the callbacks know; outlives the C object, which `deinit` destroys first.
    @safe private final class Context {
        weak var delegate: (any KafkaProducerDelegate)?
        var shim: OpaquePointer?

        init(_ delegate: any KafkaProducerDelegate) {
            self.delegate = delegate
        }

        func answerToken() {
            guard let delegate, let shim = unsafe shim else { return }
            do throws(KafkaTokenError) {
                let token = try delegate.token()
                var text = [CChar](repeating: 0, count: 512)
                let isTaken = unsafe kafka_shim_set_token(
                    shim,
                    token.value,
                    token.expiresAt.milliseconds,
                    token.principal,
                    &text,
                    text.count
                )
                if !isTaken { unsafe kafka_shim_refuse_token(shim, text) }
            } catch {
                unsafe kafka_shim_refuse_token(shim, error.description)
            }
        }
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
        to topic: String,
        key: KafkaRecordKey,
        headers: KafkaHeaders,
        tag: Int64
    ) -> KafkaError? {
        let handle = unsafe handle(of: topic)
        let timestamp = row.eventTime.milliseconds
        func send(_ key: UnsafeRawBufferPointer?) -> Int32 {
            unsafe row.withPayload { payload in
                var record = unsafe kafka_shim_record(
                    key: key?.baseAddress,
                    key_length: key?.count ?? 0,
                    value: payload.baseAddress,
                    value_length: payload.count,
                    timestamp_ms: timestamp,
                    headers: headers.list,
                    header_count: headers.count,
                    tag: tag
                )
                return unsafe kafka_shim_produce(shim, handle, &record)
            }
        }
        let code =
            switch key {
            case .vehicle: unsafe row.withKey { unsafe send($0) }
            case .topic: unsafe row.withTopic { unsafe send($0) }
            case .none: send(nil)
            }
        return code == 0 ? nil : KafkaError(code: code)
    }

    private func handle(of topic: String) -> OpaquePointer {
        if let known = unsafe topics[topic] { return unsafe known }
        guard let handle = unsafe kafka_shim_topic_create(shim, topic) else {
            preconditionFailure("the configuration lets no impossible topic through")
        }
        unsafe topics[topic] = handle
        return unsafe handle
    }

    /// Records whose fate is not known.
    var inFlightCount: Int { unsafe Int(kafka_shim_in_flight(shim)) }

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
            unsafe withShimPositions(positions) { list in
                unsafe kafka_shim_send_offsets(
                    shim,
                    group,
                    list.baseAddress!,
                    list.count,
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

    /// What a group has committed for these topics, once no transaction hangs over it.
    func committed(_ topics: [String], group: String) throws(KafkaError) -> [KafkaPosition] {
        var found: [KafkaPosition] = []
        try check { error in
            unsafe withShimPositions(topics.map { KafkaPosition(topic: $0) }) { list in
                let isDone = unsafe kafka_shim_committed(
                    shim,
                    group,
                    list.baseAddress!,
                    list.count,
                    Self.callMilliseconds,
                    &error
                )
                found = unsafe zip(topics, list).map { unsafe KafkaPosition(topic: $0, $1) }
                return isDone
            }
        }
        return found
    }

    private func check(
        _ body: (inout kafka_shim_error) -> Bool
    ) throws(KafkaError) {
        var error = kafka_shim_error()
        guard body(&error) else { throw KafkaError(error) }
    }

    // Callbacks of the shim.

    private static var callbacks: kafka_shim_callbacks {
        unsafe kafka_shim_callbacks(
            delivered: { context, tag, code in
                unsafe KafkaProducer.delegate(context)?
                    .delivered(tag: tag, error: code == 0 ? nil : KafkaError(code: code))
            },
            failed: { context, error in
                unsafe KafkaProducer.delegate(context)?.failed(KafkaError(error.pointee))
            },
            measured: { context, json, length in
                let bytes = unsafe UnsafeRawBufferPointer(start: json, count: length)
                guard let statistics = unsafe KafkaStatistics(json: bytes) else { return }
                unsafe KafkaProducer.delegate(context)?.measured(statistics)
            },
            token_needed: { context in
                unsafe Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().answerToken()
            },
            logged: { context, level, text in
                // Syslog's levels (RFC 5424): 4 is a warning, 5 a notice.
                unsafe KafkaProducer.delegate(context)?
                    .logged(String(cString: text), isWarning: level <= 4)
            }
        )
    }

    private static func delegate(
        _ context: UnsafeMutableRawPointer
    ) -> (any KafkaProducerDelegate)? {
        unsafe Unmanaged<Context>.fromOpaque(context).takeUnretainedValue().delegate
    }
}

extension KafkaPosition {
    fileprivate init(topic: String, _ position: kafka_shim_position) {
        var position = unsafe position
        self.topic = topic
        partition = unsafe position.partition
        offset = unsafe position.offset < 0 ? nil : position.offset
        metadata = unsafe withUnsafeBytes(of: &position.metadata) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// Lends settings, of which there is at least one, in C's form.
private func withShimProperties<Result>(
    _ properties: [KafkaProperty],
    _ body: (UnsafeBufferPointer<kafka_shim_property>) -> Result
) -> Result {
    let list = unsafe properties.map {
        unsafe kafka_shim_property(name: copyCString($0.name), value: copyCString($0.value))
    }
    defer {
        for index in unsafe list.indices {
            unsafe free(UnsafeMutablePointer(mutating: list[index].name))
            unsafe free(UnsafeMutablePointer(mutating: list[index].value))
        }
    }
    return unsafe list.withUnsafeBufferPointer(body)
}

/// Lends positions, of which there is at least one, in C's form.
private func withShimPositions<Result>(
    _ positions: [KafkaPosition],
    _ body: (UnsafeMutableBufferPointer<kafka_shim_position>) -> Result
) -> Result {
    var list = unsafe positions.map { position in
        var shimPosition = unsafe kafka_shim_position()
        unsafe shimPosition.topic = unsafe UnsafePointer(copyCString(position.topic))
        unsafe shimPosition.partition = position.partition
        unsafe shimPosition.offset = position.offset ?? -1
        unsafe withUnsafeMutableBytes(of: &shimPosition.metadata) { bytes in
            unsafe bytes.copyBytes(from: position.metadata.utf8.prefix(bytes.count - 1))
        }
        return unsafe shimPosition
    }
    defer {
        for index in unsafe list.indices {
            unsafe free(UnsafeMutablePointer(mutating: list[index].topic))
        }
    }
    return unsafe list.withUnsafeMutableBufferPointer { unsafe body($0) }
}
