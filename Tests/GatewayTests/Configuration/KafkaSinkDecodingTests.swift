// SPDX-License-Identifier: Apache-2.0
// A Kafka sink that uses every key decodes to exactly what it says; five lines are enough for one.
import Testing

@testable import Gateway

@Suite struct KafkaSinkDecodingTests {
    /// The sink of five lines with some more.
    private func sink(
        _ lines: String = "",
        file: String = "/etc/gateway.yaml"
    ) throws
        -> SinkConfiguration
    {
        try decode(Mistake("", sink: lines, "").text, file: file)
    }

    /// The sink of five lines with one of them changed.
    private func sink(replacing old: String, with new: String) throws -> SinkConfiguration {
        try decode(Mistake("", inSink: old, with: new, "").text)
    }

    private func decode(
        _ text: String,
        file: String = "/etc/gateway.yaml"
    ) throws -> SinkConfiguration {
        let configuration = try Configuration.decode(
            text: text,
            file: file,
            environment: ["PASSWORD": "s3cret"]
        )
        try #require(configuration.sinks.count == 1)
        return configuration.sinks[0]
    }

    private func kafka(_ lines: String) throws -> KafkaConfiguration {
        try #require(try sink(lines).kafka)
    }

    // Five lines and all of them.

    @Test func fiveLinesAreASink() throws {
        let sink = try sink()
        #expect(sink.name == "lake")
        #expect(sink.mqtt == nil)
        #expect(sink.kafka?.brokers == ["kafka.example:9092"])
        #expect(sink.streams.map(\.stream) == ["outlier", "enriched"])
        #expect(sink.streams.map(\.topic.text) == ["iot.{stream}", "iot.{stream}"])
    }

    @Test func everythingElseHasADefault() throws {
        let sink = try sink()
        let kafka = try #require(sink.kafka)
        #expect(sink.window == 10_000)
        #expect(sink.drainRate == nil)
        #expect(sink.streams.map(\.key) == [.vehicle, .vehicle])
        #expect(kafka.delivery == .exactlyOnce)
        #expect(kafka.group == "depot.lake")
        #expect(kafka.compression == .lz4)
        #expect(kafka.tls == nil)
        #expect(kafka.sasl == nil)
        #expect(kafka.lingerMilliseconds == 100)
        #expect(kafka.transactionTimeoutMilliseconds == 60_000)
        #expect(kafka.reconnectMinMilliseconds == 200)
        #expect(kafka.reconnectMaxMilliseconds == 30_000)
        #expect(kafka.properties == [])
    }

    @Test func everyKeyIsDecoded() throws {
        let sink = try sink(
            """
            window: 20
                drain_rate: 5_000
                delivery: at_least_once
                group: fleet
                compression: zstd
                linger: 1s
                transaction_timeout: 5m
                reconnect_min: 50ms
                reconnect_max: 5s
                properties: {socket.timeout.ms: 30000, client.rack: depot}
            """
        )
        let kafka = try #require(sink.kafka)
        #expect(sink.window == 20)
        #expect(sink.drainRate == 5_000)
        #expect(kafka.delivery == .atLeastOnce)
        #expect(kafka.group == "fleet")
        #expect(kafka.compression == .zstd)
        #expect(kafka.lingerMilliseconds == 1_000)
        #expect(kafka.transactionTimeoutMilliseconds == 300_000)
        #expect(kafka.reconnectMinMilliseconds == 50)
        #expect(kafka.reconnectMaxMilliseconds == 5_000)
        #expect(
            kafka.properties == [
                KafkaProperty(name: "socket.timeout.ms", value: "30000"),
                KafkaProperty(name: "client.rack", value: "depot"),
            ]
        )
    }

    @Test(arguments: KafkaDeliveryMode.allCases)
    func deliveryIsDecoded(delivery: KafkaDeliveryMode) throws {
        #expect(try kafka("delivery: \(delivery.rawValue)").delivery == delivery)
    }

    @Test(arguments: KafkaCompression.allCases)
    func compressionIsDecoded(compression: KafkaCompression) throws {
        #expect(try kafka("compression: \(compression.rawValue)").compression == compression)
    }

    @Test(arguments: [("5s", 5_000), ("15m", 900_000)] as [(String, Int64)])
    func transactionMayTakeFromFiveSecondsToAQuarterOfAnHour(
        text: String,
        milliseconds: Int64
    ) throws {
        let kafka = try kafka("transaction_timeout: \(text)")
        #expect(kafka.transactionTimeoutMilliseconds == milliseconds)
    }

    @Test func drainRateIsAKeyOfEverySink() throws {
        #expect(try sink("drain_rate: 10000000").drainRate == 10_000_000)
        let mqtt = "sinks:\n  - {name: s, url: 'mqtt://h', drain_rate: 250, streams: {}}"
        #expect(try decode(Mistake("", append: mqtt, "").text).drainRate == 250)
        let without = "sinks:\n  - {name: s, type: mqtt, url: 'mqtt://h', streams: {}}"
        #expect(try decode(Mistake("", append: without, "").text).drainRate == nil)
    }

    // Brokers.

    @Test(
        arguments: [
            ("kafka.example", ["kafka.example:9092"]),
            ("kafka.example:19092", ["kafka.example:19092"]),
            ("192.0.2.1:1", ["192.0.2.1:1"]),
            ("'[2001:db8::1]:65535'", ["[2001:db8::1]:65535"]),
            ("'[::1]'", ["[::1]:9092"]),
            ("[a, 'b:9093', c_1-2.local]", ["a:9092", "b:9093", "c_1-2.local:9092"]),
        ] as [(String, [String])]
    )
    func brokersAreDecoded(text: String, brokers: [String]) throws {
        let sink = try sink(replacing: "kafka.example", with: text)
        #expect(sink.kafka?.brokers == brokers)
    }

    // Streams.

    @Test func oneStreamNeedsNoList() throws {
        let sink = try sink(replacing: "[outlier, enriched]", with: "raw")
        #expect(sink.streams.map(\.stream) == ["raw"])
    }

    @Test func streamsMayHaveKeysOfTheirOwn() throws {
        let sink = try sink(
            replacing: "[outlier, enriched]",
            with: "{outlier: {topic: alarms, key: topic}, raw: {key: none}, enriched: {}}"
        )
        #expect(sink.streams.map(\.stream) == ["outlier", "raw", "enriched"])
        #expect(sink.streams.map(\.topic.text) == ["alarms", "iot.{stream}", "iot.{stream}"])
        let keys = [KafkaRecordKey.topic, KafkaRecordKey.none, KafkaRecordKey.vehicle]
        #expect(sink.streams.map(\.key) == keys)
    }

    @Test func topicOfTheSinkMayBeLeftOut() throws {
        let sink = try sink(
            replacing: "topic: iot.{stream}\n    streams: [outlier, enriched]",
            with: "streams: {outlier: {topic: '{gateway}.alarms'}, raw: {topic: raw}}"
        )
        #expect(sink.streams.map(\.topic.text) == ["{gateway}.alarms", "raw"])
    }

    @Test func everyStreamCanBeDelivered() throws {
        let sink = try sink(
            replacing: "[outlier, enriched]",
            with: "[\(StreamName.all.joined(separator: ", "))]"
        )
        #expect(sink.streams.map(\.stream) == StreamName.all)
    }

    // TLS.

    @Test(arguments: ["true", "{}"])
    func tlsWithoutFilesTrustsTheSystem(text: String) throws {
        let tls = try #require(try kafka("tls: \(text)").tls)
        #expect(tls.files == [])
    }

    @Test func tlsCanBeOff() throws {
        #expect(try kafka("tls: false").tls == nil)
    }

    @Test func filesOfTLSStartAtTheFilesFolder() throws {
        let folder = try TemporaryFolder()
        for name in ["ca.pem", "gateway.pem", "gateway.key"] { try folder.write("x", to: name) }
        let sink = try sink(
            "tls: {ca: ca.pem, certificate: gateway.pem, key: gateway.key}",
            file: "\(folder.path)/gateway.yaml"
        )
        let tls = try #require(sink.kafka?.tls)
        #expect(tls.caFile == "\(folder.path)/ca.pem")
        #expect(tls.certificateFile == "\(folder.path)/gateway.pem")
        #expect(tls.keyFile == "\(folder.path)/gateway.key")
    }

    // SASL.

    @Test(arguments: KafkaPasswordMechanism.allCases)
    func passwordIsDecoded(mechanism: KafkaPasswordMechanism) throws {
        let kafka = try kafka(
            "sasl: {mechanism: \(mechanism.rawValue), username: me, password: {env: PASSWORD}}"
        )
        guard case .password(let found, let username, let password)? = kafka.sasl else {
            Issue.record("no password was decoded")
            return
        }
        #expect(found == mechanism)
        #expect(username == "me")
        #expect(password.reveal() == "s3cret")
        #expect(!String(reflecting: kafka).contains("s3cret"))
    }

    @Test(
        arguments: [
            ("print-token", ["print-token"]),
            ("[print-token, --audience, kafka]", ["print-token", "--audience", "kafka"]),
        ] as [(String, [String])]
    )
    func commandForATokenIsDecoded(text: String, words: [String]) throws {
        let kafka = try kafka("sasl: {mechanism: OAUTHBEARER, token: {command: \(text)}}")
        guard case .token(.command(let found))? = kafka.sasl else {
            Issue.record("no command was decoded")
            return
        }
        #expect(found == words)
    }

    @Test func fileOfATokenStartsAtTheFilesFolder() throws {
        let folder = try TemporaryFolder()
        try folder.write("abc", to: "token")
        let sink = try sink(
            "sasl: {mechanism: OAUTHBEARER, token: {file: token}}",
            file: "\(folder.path)/gateway.yaml"
        )
        guard case .token(.file(let found))? = sink.kafka?.sasl else {
            Issue.record("no file was decoded")
            return
        }
        #expect(found == "\(folder.path)/token")
    }
}
