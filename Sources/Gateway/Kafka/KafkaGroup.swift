// SPDX-License-Identifier: Apache-2.0
import KafkaShim

/// Asks what a consumer group has committed; made for the question and thrown away.
@safe final class KafkaGroup {
    private let shim: OpaquePointer
    private let context: KafkaContext

    init(_ properties: [KafkaProperty], delegate: any KafkaClientDelegate) throws(KafkaError) {
        let context = KafkaContext(delegate)
        self.context = context
        unsafe shim = try context.makeConsumer(properties)
    }

    deinit {
        unsafe kafka_shim_destroy(shim)
    }

    /// How many partitions a topic has; `nil` when it does not exist.
    ///
    /// Asking does not make it.
    func partitionCount(of topic: String, milliseconds: Int32) throws(KafkaError) -> Int? {
        var error = kafka_shim_error()
        var count: Int32 = 0
        unsafe kafka_shim_poll(shim, 0)
        guard unsafe kafka_shim_partition_count(shim, topic, milliseconds, &count, &error) else {
            unsafe kafka_shim_poll(shim, 0)
            throw KafkaError(error)
        }
        if -count == KAFKA_SHIM_UNKNOWN_TOPIC_OR_PART { return nil }
        guard count > 0 else { throw KafkaError(code: -count) }
        return Int(count)
    }

    /// Where the group stands in these topics, once no transaction hangs over it.
    func committed(_ topics: [String], milliseconds: Int32) throws(KafkaError) -> [KafkaPosition] {
        var error = kafka_shim_error()
        var found: [KafkaPosition] = []
        let isDone = unsafe withShimPositions(topics.map { KafkaPosition(topic: $0) }) {
            list,
            count in
            let isDone = unsafe kafka_shim_committed(
                shim,
                list,
                count,
                milliseconds,
                &error
            )
            found = topics.enumerated().map { unsafe KafkaPosition(topic: $1, list[$0]) }
            return isDone
        }
        guard isDone else { throw KafkaError(error) }
        return found
    }
}
