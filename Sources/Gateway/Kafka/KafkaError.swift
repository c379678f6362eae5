// SPDX-License-Identifier: Apache-2.0
// Every error that librdkafka can raise, sorted in one place by its own flags.
import KafkaShim

/// What went wrong on the way to Kafka, and what is to be done about it.
struct KafkaError: Error, Equatable, CustomStringConvertible {
    /// What the one who called has to do.
    enum Remedy: Equatable {
        /// The same call again: it goes on where it was.
        case retry
        /// Abort the transaction; the same events in a new one.
        case abort
        /// This client is at its end. A new one may do better.
        case replaceClient
        /// Another producer has taken our place. Trying again would only throw it out in turn.
        case stop
    }

    /// librdkafka's code: below 0 its own, above 0 a broker's (Kafka protocol, "Error codes").
    var code: Int32
    var message: String
    var isFatal = false
    var isRetriable = false
    var requiresAbort = false
    /// It came when our transaction was so old that the broker had ended it.
    var isOverdue = false

    var remedy: Remedy {
        // A broker that ends a transaction for its age shuts its producer out in the same way.
        if isFenced { return isOverdue ? .replaceClient : .stop }
        if isFatal { return .replaceClient }
        if requiresAbort { return .abort }
        return isRetriable ? .retry : .replaceClient
    }

    /// A producer with our transactional id and a newer epoch has been seen.
    private var isFenced: Bool {
        code == KAFKA_SHIM_FENCED || code == KAFKA_SHIM_PRODUCER_FENCED
            || (code == KAFKA_SHIM_INVALID_PRODUCER_EPOCH && isFatal)
    }

    /// The record itself is what Kafka won't take, however often it is sent.
    var isAboutRecord: Bool {
        [
            KAFKA_SHIM_MSG_SIZE_TOO_LARGE, KAFKA_SHIM_RECORD_LIST_TOO_LARGE,
            KAFKA_SHIM_INVALID_TIMESTAMP, KAFKA_SHIM_INVALID_RECORD,
        ]
        .contains(code)
    }

    /// The same error inside a transaction: it can't be committed without the record.
    var aborting: KafkaError {
        var error = self
        error.requiresAbort = true
        return error
    }

    /// librdkafka's bounded queue has no room: what is in it must leave first.
    var isQueueFull: Bool { code == KAFKA_SHIM_QUEUE_FULL }

    /// Nobody has answered; why is told elsewhere.
    var isSilence: Bool { code == KAFKA_SHIM_TIMED_OUT || code == KAFKA_SHIM_TRANSPORT }

    /// It is about a consumer group, which a client that only assigns partitions does without.
    var isAboutGroup: Bool { code == KAFKA_SHIM_GROUP_AUTHORIZATION_FAILED }

    /// No broker of the cluster can be reached.
    var isAllBrokersDown: Bool { code == KAFKA_SHIM_ALL_BROKERS_DOWN }

    var description: String {
        let name = unsafe String(cString: kafka_shim_error_name(code))
        return message.isEmpty
            ? unsafe "\(String(cString: kafka_shim_error_text(code))) (\(name))"
            : "\(message) (\(name))"
    }
}

extension KafkaError {
    /// An error of which only the code is known.
    init(code: Int32) {
        self.init(code: code, message: "")
    }

    init(_ error: kafka_shim_error) {
        var error = error
        let text = unsafe withUnsafeBytes(of: &error.text) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        self.init(
            code: error.code,
            message: text,
            isFatal: error.is_fatal,
            isRetriable: error.is_retriable,
            requiresAbort: error.requires_abort
        )
    }
}
