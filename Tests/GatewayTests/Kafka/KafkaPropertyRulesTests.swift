// SPDX-License-Identifier: Apache-2.0
// Which of librdkafka's settings are not for a user, and how that is told.
import Testing

@testable import Gateway

@Suite struct KafkaPropertyRulesTests {
    /// Settings that the sink has a key for.
    private static let withKey: [(String, String)] = [
        ("bootstrap.servers", "brokers"), ("metadata.broker.list", "brokers"),
        ("compression.type", "compression"), ("compression.codec", "compression"),
        ("linger.ms", "linger"), ("queue.buffering.max.ms", "linger"),
        ("queue.buffering.max.messages", "window"),
        ("transaction.timeout.ms", "transaction_timeout"),
        ("security.protocol", "tls and sasl"),
        ("ssl.ca.location", "tls.ca"), ("ssl.certificate.location", "tls.certificate"),
        ("ssl.key.location", "tls.key"),
        ("sasl.mechanism", "sasl.mechanism"), ("sasl.mechanisms", "sasl.mechanism"),
        ("sasl.username", "sasl.username"), ("sasl.password", "sasl.password"),
        ("reconnect.backoff.ms", "reconnect_min"), ("reconnect.backoff.max.ms", "reconnect_max"),
    ]

    private static let loss = "an event could be lost that the cursor has passed"
    private static let order = "records of one vehicle could change places"
    private static let ours = "the gateway sets it for itself"

    /// Settings that would break what the sink promises.
    private static let withReason: [(String, String)] = [
        ("acks", loss), ("request.required.acks", loss), ("message.timeout.ms", loss),
        ("delivery.timeout.ms", loss), ("message.send.max.retries", loss), ("retries", loss),
        ("enable.idempotence", "events could come twice and out of order"),
        ("enable.gapless.guarantee", "a single lost record would end the client for good"),
        ("max.in.flight.requests.per.connection", order), ("max.in.flight", order),
        ("queuing.strategy", order),
        ("partitioner", "\(order): equal keys must meet in one partition"),
        (
            "transactional.id",
            "it is made of 'group' and the lane, so that a start fences its predecessor"
        ),
        ("group.id", "write 'group' in the sink instead"),
        ("enable.ssl.certificate.verification", "anybody could take the events"),
        ("ssl.endpoint.identification.algorithm", "anybody could take the events"),
        ("enable.sasl.oauthbearer.unsecure.jwt", "anybody could claim to be the gateway"),
        ("plugin.library.paths", "foreign code would run in the gateway"),
        ("test.mock.num.brokers", "events would go to a cluster that does not exist"),
        ("test.mock.broker.rtt", "events would go to a cluster that does not exist"),
    ]

    /// Settings that only the gateway has a use for.
    private static let gatewaysOwn = [
        "group.instance.id", "client.id", "delivery.report.only.error",
        "sticky.partitioning.linger.ms", "statistics.interval.ms",
        "topic.metadata.propagation.max.ms", "log.queue", "enabled_events", "opaque",
        "dr_cb", "dr_msg_cb", "background_event_cb", "error_cb", "stats_cb", "log_cb",
        "throttle_cb", "socket_cb", "connect_cb", "open_cb", "closesocket_cb",
        "oauthbearer_token_refresh_cb", "ssl.certificate.verify_cb", "ssl_key",
        "ssl_certificate", "ssl_ca", "ssl_engine_callback_data", "default_topic_conf",
    ]

    private static let refused: [(String, String)] = {
        var all = withReason
        for (name, key) in withKey { all.append((name, "write '\(key)' in the sink instead")) }
        for name in gatewaysOwn { all.append((name, ours)) }
        return all
    }()

    @Test(arguments: refused)
    func refusalHasAReason(name: String, reason: String) {
        #expect(KafkaPropertyRules.refusal(of: name) == reason)
    }

    @Test(arguments: refused)
    func refusalIsToldWithItsPlace(name: String, reason: String) {
        let problems = Mistake("", sink: "properties:\n      \(name): 1", "").problems
        #expect(
            problems == ["gateway.yaml:15: sinks[0].properties.\(name): is refused: \(reason)"]
        )
    }

    @Test func allRefusalsAreToldAtOnce() {
        let lines = Self.refused.map { "      \($0.0): 1" }.joined(separator: "\n")
        let problems = Mistake("", sink: "properties:\n\(lines)", "").problems
        #expect(problems.count == Self.refused.count)
    }

    @Test(arguments: [
        ("socket.timeout.ms", "30000"), ("socket.keepalive.enable", "false"),
        ("batch.size", "65536"), ("compression.level", "6"), ("client.rack", "depot"),
        ("broker.address.family", "v4"), ("message.max.bytes", "2000000"), ("debug", "broker,msg"),
        ("ssl.cipher.suites", "ECDHE-RSA-AES256-GCM-SHA384"), ("ssl.crl.location", "/etc/crl.pem"),
        ("queue.buffering.max.kbytes", "1024"), ("retry.backoff.ms", "50"),
    ])
    func otherSettingsArePassedOn(name: String, value: String) throws {
        let property = KafkaProperty(name: name, value: value)
        #expect(KafkaPropertyRules.refusal(of: name) == nil)
        #expect(KafkaPropertyRules.mistake(in: property) == nil)
        let text = Mistake("", sink: "properties:\n      \(name): \(value)", "").text
        let configuration = try Configuration.decode(text: text, file: "/etc/gateway.yaml")
        #expect(configuration.sinks.first?.kafka?.properties == [property])
    }

    @Test(arguments: [
        ("batch.sizze", "1"), ("batch.size", "many"), ("compression.level", "99"),
        ("socket.keepalive.enable", "maybe"), ("broker.address.family", "v5"),
        ("message.copy.max.bytes", "''"),
    ])
    func whatLibrdkafkaDoesNotTakeIsToldInItsWords(name: String, value: String) {
        let problems = Mistake("", sink: "properties:\n      \(name): \(value)", "").problems
        let place = "gateway.yaml:15: sinks[0].properties.\(name): is not taken by librdkafka: "
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(place) == true, "\(problems)")
        // It names the setting, perhaps by another of its names.
        #expect(problems.first?.dropFirst(place.count).contains("\"") == true, "\(problems)")
    }

    /// CONFIGURATION.md, type "see dedicated API": as text each would be taken for an address.
    @Test(arguments: [
        "error_cb", "throttle_cb", "stats_cb", "log_cb", "background_event_cb", "socket_cb",
        "connect_cb", "closesocket_cb", "open_cb", "resolve_cb", "opaque", "default_topic_conf",
        "ssl_key", "ssl_certificate", "ssl_ca", "ssl_engine_callback_data",
        "ssl.certificate.verify_cb", "oauthbearer_token_refresh_cb", "interceptors", "consume_cb",
        "rebalance_cb", "offset_commit_cb", "dr_cb", "dr_msg_cb", "partitioner_cb", "msg_order_cmp",
    ])
    func whatOnlyCodeCanSetIsAProblem(name: String) {
        #expect(!Mistake("", sink: "properties: {\(name): x}", "").problems.isEmpty)
    }
}
