// SPDX-License-Identifier: Apache-2.0
// Each mistake in a Kafka sink is told once, with its line, its key and what to do.
import Testing

@testable import Gateway

@Suite struct KafkaSinkProblemTests {
    private static let sinkMistakes = [
        Mistake(
            "no name",
            inSink: "name: lake\n    type",
            with: "type",
            "9: sinks[0]: 'name' is missing"
        ),
        Mistake(
            "no brokers",
            inSink: "    brokers: kafka.example\n",
            with: "",
            "9: sinks[0]: 'brokers' is missing"
        ),
        Mistake(
            "brokers as a mapping",
            inSink: "kafka.example",
            with: "{host: kafka.example}",
            "11: sinks[0].brokers: must be a single value, not a mapping"
        ),
        Mistake("a key of MQTT", sink: "qos: 1", "14: sinks[0].qos: unknown key"),
        Mistake(
            "a key that is nearly one",
            sink: "drain_rates: 5",
            "14: sinks[0].drain_rates: unknown key; did you mean 'drain_rate'?"
        ),
        Mistake(
            "unknown delivery",
            sink: "delivery: exactly-once",
            "14: sinks[0].delivery: must be one of exactly_once, at_least_once "
                + "(got 'exactly-once'); did you mean 'exactly_once'?"
        ),
        Mistake(
            "unknown compression",
            sink: "compression: lz5",
            "14: sinks[0].compression: must be one of none, gzip, snappy, lz4, zstd (got 'lz5'); "
                + "did you mean 'lz4'?"
        ),
        Mistake(
            "no window",
            sink: "window: 0",
            "14: sinks[0].window: must be from 1 to 100000 (got 0)"
        ),
        Mistake(
            "too large a window",
            sink: "window: 100_001",
            "14: sinks[0].window: must be from 1 to 100000 (got 100001)"
        ),
        Mistake(
            "no drain",
            sink: "drain_rate: 0",
            "14: sinks[0].drain_rate: must be from 1 to 10000000 (got 0)"
        ),
        Mistake(
            "a drain in words",
            sink: "drain_rate: fast",
            "14: sinks[0].drain_rate: must be a whole number (got 'fast')"
        ),
        Mistake(
            "no drain of MQTT",
            append: "sinks:\n  - {name: s, url: 'mqtt://h', drain_rate: 0, streams: {}}",
            "9: sinks[0].drain_rate: must be from 1 to 10000000 (got 0)"
        ),
        Mistake(
            "no duration",
            sink: "linger: soon",
            "14: sinks[0].linger: must be a duration such as 500ms, 30s, 5m, 12h or 7d (got 'soon')"
        ),
        Mistake(
            "too short a transaction",
            sink: "transaction_timeout: 4s999ms",
            "14: sinks[0].transaction_timeout: must be from 5s to 15m, and not above the broker's "
                + "max.transaction.timeout.ms"
        ),
        Mistake(
            "too long a transaction",
            sink: "transaction_timeout: 15m1ms",
            "14: sinks[0].transaction_timeout: must be from 5s to 15m, and not above the broker's "
                + "max.transaction.timeout.ms"
        ),
        Mistake(
            "waits that shrink",
            sink: "reconnect_min: 60s\n    reconnect_max: 1s",
            "9: sinks[0]: reconnect_min is longer than reconnect_max"
        ),
        Mistake(
            "properties as a list",
            sink: "properties: [acks]",
            "14: sinks[0].properties: must be a mapping of keys to values"
        ),
        Mistake(
            "a property with several values",
            sink: "properties: {client.rack: [a, b]}",
            "14: sinks[0].properties.client.rack: must be a single value, not a list"
        ),
    ]

    private static let streamMistakes = [
        Mistake(
            "no streams",
            inSink: "streams: [outlier, enriched]",
            with: "window: 5",
            "9: sinks[0]: 'streams' is missing"
        ),
        Mistake(
            "unknown stream in a list",
            inSink: "[outlier, enriched]",
            with: "[raw, outliers]",
            "13: sinks[0].streams[1]: unknown stream; did you mean 'outlier'?"
        ),
        Mistake(
            "unknown stream in a mapping",
            inSink: "[outlier, enriched]",
            with: "\n      outlier: {}\n      row: {}",
            "15: sinks[0].streams.row: unknown stream; did you mean 'raw'?"
        ),
        Mistake(
            "a stream that is no mapping",
            inSink: "[outlier, enriched]",
            with: "{outlier: alarms}",
            "13: sinks[0].streams.outlier: must be a mapping of keys to values"
        ),
        Mistake(
            "no topic anywhere",
            inSink: "topic: iot.{stream}\n    streams: [outlier, enriched]",
            with: "streams: outlier",
            "12: sinks[0].streams: needs a 'topic', here or for the whole sink: \"iot.{stream}\""
        ),
        Mistake(
            "no topic of one stream",
            inSink: "topic: iot.{stream}\n    streams: [outlier, enriched]",
            with: "streams: {outlier: {topic: alarms}, enriched: {}}",
            "12: sinks[0].streams.enriched: needs a 'topic', here or for the whole sink: "
                + "\"iot.{stream}\""
        ),
        Mistake(
            "unknown field",
            inSink: "[outlier, enriched]",
            with: "{outlier: {topic: 'iot.{steam}'}}",
            "13: sinks[0].streams.outlier.topic: unknown field '{steam}'; did you mean 'stream'?"
        ),
        Mistake(
            "the vehicle in a topic",
            inSink: "[outlier, enriched]",
            with: "{outlier: {topic: 'iot.{vehicle}'}}",
            "13: sinks[0].streams.outlier: a Kafka topic may name {gateway} and {stream} only "
                + "(got 'iot.{vehicle}'): the cursor is kept by topic, and vehicle and alert are "
                + "the record's key and header"
        ),
        Mistake(
            "one topic of two streams",
            inSink: "iot.{stream}",
            with: "iot.all",
            "13: sinks[0].streams: 'outlier' and 'enriched' have one topic, 'iot.all': each stream "
                + "needs a topic of its own, because its cursor is kept by topic; write {stream} "
                + "into it"
        ),
        Mistake(
            "one topic by two templates",
            inSink: "[outlier, enriched]",
            with: "{outlier: {}, raw: {topic: iot.outlier}}",
            "13: sinks[0].streams: 'outlier' and 'raw' have one topic, 'iot.outlier': each stream "
                + "needs a topic of its own, because its cursor is kept by topic; write {stream} "
                + "into it"
        ),
        Mistake(
            "unknown key of a record",
            inSink: "[outlier, enriched]",
            with: "{outlier: {key: vehicel}}",
            "13: sinks[0].streams.outlier.key: must be one of vehicle, topic, none "
                + "(got 'vehicel'); did you mean 'vehicle'?"
        ),
        Mistake(
            "what only MQTT keeps",
            inSink: "[outlier, enriched]",
            with: "{outlier: {retain: true}}",
            "13: sinks[0].streams.outlier.retain: unknown key"
        ),
    ]

    private static let securityMistakes = [
        Mistake(
            "neither true nor false",
            sink: "tls: maybe",
            "14: sinks[0].tls: must be true or false (got 'maybe')"
        ),
        Mistake(
            "absent certificate authority",
            sink: "tls: {ca: absent.pem}",
            "14: sinks[0].tls.ca: file '/etc/absent.pem' is not there or can't be read by this user"
        ),
        Mistake(
            "key without certificate",
            sink: "tls: {key: /dev/null}",
            "14: sinks[0].tls: 'certificate' and 'key' go together"
        ),
        Mistake(
            "certificate without key",
            sink: "tls:\n      certificate: /dev/null",
            "15: sinks[0].tls: 'certificate' and 'key' go together"
        ),
        Mistake(
            "a key of other programs",
            sink: "tls: {insecure: true}",
            "14: sinks[0].tls.insecure: unknown key"
        ),
        Mistake("no mechanism", sink: "sasl: {}", "14: sinks[0].sasl: 'mechanism' is missing"),
        Mistake(
            "a mechanism alone",
            sink: "sasl: PLAIN",
            "14: sinks[0].sasl: must be a mapping of keys to values"
        ),
        Mistake(
            "unknown mechanism",
            sink: "sasl: {mechanism: GSSAPI, username: me, password: {env: PASSWORD}}",
            "14: sinks[0].sasl.mechanism: must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, "
                + "OAUTHBEARER (got 'GSSAPI')"
        ),
        Mistake(
            "a mechanism that is nearly one",
            sink: "sasl: {mechanism: SCRAM-SHA256, username: me, password: {env: PASSWORD}}",
            "14: sinks[0].sasl.mechanism: must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, "
                + "OAUTHBEARER (got 'SCRAM-SHA256'); did you mean 'SCRAM-SHA-256'?"
        ),
        Mistake(
            "no user",
            sink: "sasl: {mechanism: PLAIN, password: {env: PASSWORD}}",
            "14: sinks[0].sasl: 'username' is missing"
        ),
        Mistake(
            "no password",
            sink: "sasl: {mechanism: PLAIN, username: me}",
            "14: sinks[0].sasl: 'password' is missing"
        ),
        Mistake(
            "literal password",
            sink: "sasl: {mechanism: PLAIN, username: me, password: hunter2}",
            "14: sinks[0].sasl.password: must not stand in this file; write {env: NAME} or "
                + "{file: PATH}"
        ),
        Mistake(
            "password in an absent variable",
            sink: "sasl: {mechanism: PLAIN, username: me, password: {env: GATEWAY_TEST_ABSENT}}",
            "14: sinks[0].sasl.password.env: environment variable GATEWAY_TEST_ABSENT is not set"
        ),
        Mistake(
            "no token",
            sink: "sasl: {mechanism: OAUTHBEARER}",
            "14: sinks[0].sasl: 'token' is missing"
        ),
        Mistake(
            "a user beside a token",
            sink: "sasl: {mechanism: OAUTHBEARER, username: me, token: {command: print-token}}",
            "14: sinks[0].sasl.username: unknown key"
        ),
        Mistake(
            "literal token",
            sink: "sasl: {mechanism: OAUTHBEARER, token: hunter2}",
            "14: sinks[0].sasl.token: must be a mapping of keys to values"
        ),
        Mistake(
            "token from nowhere",
            sink: "sasl: {mechanism: OAUTHBEARER, token: {}}",
            "14: sinks[0].sasl.token: needs 'command' (a list: program and arguments) or 'file'"
        ),
        Mistake(
            "token of no program",
            sink: "sasl: {mechanism: OAUTHBEARER, token: {command: []}}",
            "14: sinks[0].sasl.token: needs 'command' (a list: program and arguments) or 'file'"
        ),
        Mistake(
            "token from two places",
            sink: "sasl: {mechanism: OAUTHBEARER, token: {command: a, file: /dev/null}}",
            "14: sinks[0].sasl.token: needs 'command' (a list: program and arguments) or 'file'"
        ),
    ]

    @Test(arguments: sinkMistakes + streamMistakes + securityMistakes)
    func mistakeIsToldOnceWithItsPlace(mistake: Mistake) {
        let problems = Mistake.problems(mistake.text, environment: ["PASSWORD": "s3cret"])
        #expect(problems == ["gateway.yaml:\(mistake.problem)"])
    }

    @Test func theSinkThatTheyChangeHasNone() {
        #expect(Mistake("", append: Mistake.kafkaSink, "").problems == [])
    }

    @Test func unknownTypeIsNamed() {
        let problems = Mistake("", inSink: "type: kafka", with: "type: kafak", "").problems
        let expected =
            "gateway.yaml:10: sinks[0].type: must be one of mqtt, kafka (got 'kafak'); "
            + "did you mean 'kafka'?"
        #expect(problems.contains(expected), "\(problems)")
    }

    @Test func absentFileOfATokenIsNamed() {
        let lines = "sasl: {mechanism: OAUTHBEARER, token: {file: absent}}"
        let problems = Mistake("", sink: lines, "").problems
        let expected =
            "gateway.yaml:14: sinks[0].sasl.token.file: file '/etc/absent' is not there or can't "
            + "be read by this user"
        #expect(problems.contains(expected), "\(problems)")
    }

    @Test(arguments: [
        "kafka.example:port", "b:0", "b:65536", "b:", "kafka://b:9092", "b:9092,c:9092", "a b",
        "me@b", "::1", "[::1", "b:9092/", "",
    ])
    func brokerThatIsNoneIsAProblem(text: String) {
        let problems = Mistake("", inSink: "kafka.example", with: "[a, '\(text)']", "").problems
        #expect(
            problems == [
                "gateway.yaml:11: sinks[0].brokers[1]: must look like kafka.example.com:9092 "
                    + "(got '\(text)')"
            ]
        )
    }

    @Test(arguments: [
        "iot/{stream}", "iot {stream}", "iöt", "iot:1", ".", "..",
        String(repeating: "x", count: 250),
    ])
    func topicThatKafkaDoesNotTakeIsAProblem(template: String) {
        let stream = "{outlier: {topic: '\(template)'}}"
        let problems = Mistake("", inSink: "[outlier, enriched]", with: stream, "").problems
        let topic = template.replacing("{stream}", with: "outlier")
        #expect(
            problems == [
                "gateway.yaml:13: sinks[0].streams.outlier: '\(topic)' can't be a Kafka topic: "
                    + "up to 249 letters, digits, '.', '_' and '-'"
            ]
        )
    }

    @Test(arguments: ["a", "iot_{gateway}-{stream}.v1", "...", String(repeating: "x", count: 249)])
    func topicThatKafkaTakesIsNone(template: String) {
        let stream = "{outlier: {topic: '\(template)'}}"
        #expect(Mistake("", inSink: "[outlier, enriched]", with: stream, "").problems == [])
    }

    @Test func gatewaysNameMustFitIntoItsTopics() {
        let text = Mistake("", inSink: "iot.{stream}", with: "'{gateway}.{stream}'", "").text
        let problems = Mistake.problems(text.replacing("id: depot", with: "id: depöt"))
        #expect(problems.count == 2)
        #expect(problems.allSatisfy { $0.contains("can't be a Kafka topic") }, "\(problems)")
    }

    @Test func allProblemsAreToldAtOnce() {
        let lines = "window: 0\n    tls: maybe\n    sasl: {}\n    properties: {acks: 0}"
        let problems = Mistake("", sink: lines, "").problems
        #expect(problems.count == 4, "\(problems)")
    }

    @Test func passwordIsNotRepeatedInItsProblem() {
        let lines = "sasl: {mechanism: PLAIN, username: me, password: hunter2}"
        let problems = Mistake("", sink: lines, "").problems
        #expect(!problems.isEmpty)
        #expect(!"\(problems)".contains("hunter2"))
    }
}
