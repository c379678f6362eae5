// SPDX-License-Identifier: Apache-2.0
// What librdkafka is told. Its settings are documented in its CONFIGURATION.md.
import Foundation
import KafkaShim

extension KafkaConfiguration {
    /// The settings of a lane's producer; the user's own come last.
    func producerProperties(
        clientID: String,
        transactionalID: String?,
        window: Int,
        reportsAll: Bool
    ) -> [KafkaProperty] {
        var list = connectionProperties(clientID: clientID)
        func add(_ name: String, _ value: some CustomStringConvertible) {
            list.append(KafkaProperty(name: name, value: "\(value)"))
        }
        add("enable.idempotence", true)
        add("compression.type", compression.rawValue)
        // The log is the buffer: librdkafka holds what one window needs.
        add("queue.buffering.max.messages", window)
        add("queue.buffering.max.kbytes", 65_536)
        // What Java's producers do: one key, one partition, whoever writes.
        add("partitioner", "murmur2_random")
        if let transactionalID {
            add("transactional.id", transactionalID)
            add("transaction.timeout.ms", transactionTimeoutMilliseconds)
            // A commit says that all are delivered, so only failures need a word of their own. But
            // reports wake the flush that a commit waits for, which saves it some ten milliseconds.
            add("delivery.report.only.error", !reportsAll)
            // Filled as fast as the log is read, and flushed by the commit.
            add("linger.ms", 5)
        } else {
            // Never given up: a record that timed out would leave a gap in its vehicle's order.
            add("message.timeout.ms", 0)
            add("linger.ms", lingerMilliseconds)
        }
        return list + properties
    }

    /// The settings of the consumer that asks what the group has committed.
    func groupProperties(clientID: String) -> [KafkaProperty] {
        connectionProperties(clientID: clientID) + [
            KafkaProperty(name: "group.id", value: group),
            // An offset of a transaction that is not finished is no answer.
            KafkaProperty(name: "isolation.level", value: "read_committed"),
            KafkaProperty(name: "enable.auto.commit", value: "false"),
        ] + properties
    }

    /// The settings of the consumer that feeds a table.
    ///
    /// The user's own come before those that the feed relies on.
    func consumerProperties(clientID: String) -> [KafkaProperty] {
        var list = connectionProperties(clientID: clientID)
        func add(_ name: String, _ value: some CustomStringConvertible) {
            list.append(KafkaProperty(name: name, value: "\(value)"))
        }
        // One answer for all partitions, and what is fetched ahead: bounds of memory. When the queue is
        // full, 2.0.2 waits a second before it fetches again, so it is larger than one answer.
        add("fetch.max.bytes", 4 << 20)
        add("queued.max.messages.kbytes", 16_384)
        add("fetch.error.backoff.ms", 200)
        list += properties
        // librdkafka wants a name, but nobody joins this group and nothing is committed to it.
        add("group.id", clientID)
        add("enable.auto.commit", false)
        add("enable.auto.offset.store", false)
        // A change that its transaction takes back never was.
        add("isolation.level", "read_committed")
        // Transaction markers and aborted records take offsets: only librdkafka knows the end.
        add("enable.partition.eof", true)
        // An offset that is not there is told, and the feed says so before it begins again.
        add("auto.offset.reset", "error")
        // While the log takes nothing, nobody would read the statistics, and they would pile up.
        add("statistics.interval.ms", 0)
        return list
    }

    /// How to reach the cluster and who to be there.
    func connectionProperties(clientID: String) -> [KafkaProperty] {
        var list: [KafkaProperty] = []
        func add(_ name: String, _ value: some CustomStringConvertible) {
            list.append(KafkaProperty(name: name, value: "\(value)"))
        }
        add("bootstrap.servers", brokers.joined(separator: ","))
        add("client.id", clientID)
        add("statistics.interval.ms", 1_000)
        add("socket.keepalive.enable", true)
        add("reconnect.backoff.ms", min(1_000, reconnectMinMilliseconds))
        // A broker that is back is found within a second; it is one connection that is tried.
        add("reconnect.backoff.max.ms", min(1_000, reconnectMaxMilliseconds))
        add("topic.metadata.propagation.max.ms", 5_000)
        add("security.protocol", (sasl == nil ? "" : "sasl_") + (tls == nil ? "plaintext" : "ssl"))
        if let tls {
            add("ssl.endpoint.identification.algorithm", "https")
            if let file = tls.caFile { add("ssl.ca.location", file) }
            if let file = tls.certificateFile { add("ssl.certificate.location", file) }
            if let file = tls.keyFile { add("ssl.key.location", file) }
        }
        switch sasl {
        case nil: break
        case .password(let mechanism, let username, let password)?:
            add("sasl.mechanism", mechanism.rawValue)
            add("sasl.username", username)
            add("sasl.password", password.reveal())
        case .token?:
            add("sasl.mechanism", "OAUTHBEARER")
        }
        return list
    }
}

/// Which of librdkafka's settings a user may pass through.
enum KafkaPropertyRules {
    /// Why a setting is refused; `nil` when it is not.
    static func refusal(of name: String) -> String? {
        if let key = keys[name] { return "write '\(key)' in the sink instead" }
        if let reason = reasons[name] { return reason }
        return prefixes.first { name.hasPrefix($0.prefix) }?.reason
    }

    /// What librdkafka says against a name or value; `nil` when it takes it.
    static func mistake(in property: KafkaProperty) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
            guard let start = text.baseAddress else { return nil }
            let isValid = unsafe kafka_shim_property_is_valid(
                property.name,
                property.value,
                start,
                text.count
            )
            return isValid
                ? nil
                : unsafe String(cString: start).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// Settings with a key of ours.
    private static let keys = [
        "bootstrap.servers": "brokers", "metadata.broker.list": "brokers",
        "compression.type": "compression", "compression.codec": "compression",
        "linger.ms": "linger", "queue.buffering.max.ms": "linger",
        "queue.buffering.max.messages": "window",
        "transaction.timeout.ms": "transaction_timeout",
        "security.protocol": "tls and sasl",
        "ssl.ca.location": "tls.ca", "ssl.certificate.location": "tls.certificate",
        "ssl.key.location": "tls.key",
        "sasl.mechanism": "sasl.mechanism", "sasl.mechanisms": "sasl.mechanism",
        "sasl.username": "sasl.username", "sasl.password": "sasl.password",
        "reconnect.backoff.ms": "reconnect_min", "reconnect.backoff.max.ms": "reconnect_max",
    ]

    private static let order = "records of one vehicle could change places"
    private static let loss = "an event could be lost that the cursor has passed"
    private static let ours = "the gateway sets it for itself"

    /// Settings that would break a guarantee, and how.
    private static let reasons = [
        "acks": loss, "request.required.acks": loss,
        "message.timeout.ms": loss, "delivery.timeout.ms": loss,
        "message.send.max.retries": loss, "retries": loss,
        "enable.idempotence": "events could come twice and out of order",
        "enable.gapless.guarantee": "a single lost record would end the client for good",
        "max.in.flight.requests.per.connection": order, "max.in.flight": order,
        "partitioner": "\(order): equal keys must meet in one partition",
        "sticky.partitioning.linger.ms": ours,
        "queuing.strategy": order,
        "transactional.id":
            "it is made of 'group' and the lane, so that a start fences its predecessor",
        "group.id": "write 'group' in the sink instead", "group.instance.id": ours,
        "delivery.report.only.error": ours, "dr_cb": ours, "dr_msg_cb": ours,
        "enable.ssl.certificate.verification": "anybody could take the events",
        "ssl.endpoint.identification.algorithm": "anybody could take the events",
        "enable.sasl.oauthbearer.unsecure.jwt": "anybody could claim to be the gateway",
        "plugin.library.paths": "foreign code would run in the gateway",
        "statistics.interval.ms": ours, "log.queue": ours, "opaque": ours, "client.id": ours,
        "enabled_events": ours, "background_event_cb": ours, "error_cb": ours, "stats_cb": ours,
        "log_cb": ours, "throttle_cb": ours, "socket_cb": ours, "connect_cb": ours, "open_cb": ours,
        "closesocket_cb": ours, "oauthbearer_token_refresh_cb": ours,
        "ssl.certificate.verify_cb": ours,
        "topic.metadata.propagation.max.ms": ours,
        "isolation.level": ours, "enable.auto.commit": ours, "enable.auto.offset.store": ours,
    ]

    private static let prefixes = [
        (prefix: "test.mock.", reason: "events would go to a cluster that does not exist"),
        (prefix: "ssl_", reason: ours),
        (prefix: "default_topic_conf", reason: ours),
    ]
}

/// Lends settings, of which there is at least one, in C's form.
func withShimProperties<Result>(
    _ properties: [KafkaProperty],
    _ body: (UnsafePointer<kafka_shim_property>, Int) -> Result
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
    return unsafe list.withUnsafeBufferPointer { buffer in
        guard let start = buffer.baseAddress else { preconditionFailure("a list of nothing") }
        return unsafe body(start, buffer.count)
    }
}
