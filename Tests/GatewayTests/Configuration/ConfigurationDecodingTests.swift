// SPDX-License-Identifier: Apache-2.0
// A file that uses every key decodes to exactly what it says; one that uses few gets the defaults.
import Testing

@testable import Gateway

@Suite final class ConfigurationDecodingTests {
    private let folder: TemporaryFolder
    private let file: String

    init() throws {
        folder = try TemporaryFolder()
        for name in ["ca.pem", "gateway.pem", "gateway.key"] { try folder.write("x", to: name) }
        try folder.write("hunter2\n", to: "password")
        file = try folder.write(Self.full, to: "gateway.yaml")
    }

    private static let full = """
        gateway: {id: depot-1, data_directory: data}
        sources:
          - name: vehicles
            type: mqtt
            url: mqtts://broker.example
            username: gateway
            password: {env: BROKER_PASSWORD}
            client_id: me
            protocol: 3.1.1
            keep_alive: 1m
            reconnect_min: 100ms
            reconnect_max: 10s
            session_expiry: 2d
            receive_maximum: 200
            qos: 0
            share: depot
            tls: {ca: ca.pem, certificate: gateway.pem, key: gateway.key}
            topics:
              - pattern: fleet/{vehicle}/state
                event_time: {path: [date, time], format: MM/dd/yyyy HH:mm:ss, zone: Europe/Berlin}
              - {pattern: 'v/{signal}', format: scalar, vehicle: vin}
        signals:
          speed_kmh: {path: [v.speed, speed], type: float, unit: km/h}
          headlights: {type: bool, values: {parked: true, 3: false}}
        rules: [rules/a.yaml, /etc/b.yaml]
        sinks:
          - name: cloud
            url: mqtt://[::1]:1884
            password: {file: password}
            window: 20
            qos: 1
            streams:
              outlier: {topic: 'up/{alert}/{vehicle}'}
              firing: {topic: 'up/{vehicle}', retain: true}
        log:
          budget: 1GiB
          raw: false
          retention:
            raw: {age: 1d, bytes: 64MiB}
            outlier: {age: 52w}
        limits:
          {payload: 1KiB, topic_bytes: 10, batch_messages: 11, batch_bytes: 8KiB, depth: 12,
           vehicles: 13, signals: 14, shapes: 15, rule_steps: 16000}
        clock: {future_tolerance: 1m, settle: 2s}
        http: {enabled: false, host: 0.0.0.0, port: 0}
        """

    private func load() throws -> Configuration {
        try Configuration.load(path: file, environment: ["BROKER_PASSWORD": "s3cret"])
    }

    @Test func gatewayAndRulePathsStartAtTheFilesFolder() throws {
        let configuration = try load()
        #expect(configuration.gateway.id == "depot-1")
        #expect(configuration.gateway.dataDirectory == "\(folder.path)/data")
        #expect(configuration.ruleFiles == ["\(folder.path)/rules/a.yaml", "/etc/b.yaml"])
    }

    @Test func sourceIsDecoded() throws {
        let source = try #require(try load().sources.first)
        #expect(source.name == "vehicles")
        #expect(source.sessionExpirySeconds == 2 * 86_400)
        #expect(source.receiveMaximum == 200)
        #expect(source.qos == 0)
        #expect(source.shareGroup == "depot")
        #expect(source.topics.map(\.format) == [.object, .scalar])
        #expect(source.topics.map(\.vehiclePath) == [nil, "vin"])
        #expect(source.topics[0].eventTime?.paths == ["date", "time"])
        #expect(source.topics[0].eventTime?.format == .pattern("MM/dd/yyyy HH:mm:ss"))
        #expect(source.topics[0].eventTime?.timeZone == "Europe/Berlin")
    }

    @Test func connectionIsDecoded() throws {
        let connection = try #require(try load().sources.first).connection
        #expect(connection.host == "broker.example")
        #expect(connection.port == 8_883)
        #expect(connection.usesTLS)
        #expect(connection.caFile == "\(folder.path)/ca.pem")
        #expect(connection.certificateFile == "\(folder.path)/gateway.pem")
        #expect(connection.keyFile == "\(folder.path)/gateway.key")
        #expect(connection.username == "gateway")
        #expect(connection.password?.reveal() == "s3cret")
        #expect(connection.clientID == "me")
        #expect(connection.protocolVersion == 4)
        #expect(connection.keepAliveSeconds == 60)
        #expect(connection.reconnectMinMilliseconds == 100)
        #expect(connection.reconnectMaxMilliseconds == 10_000)
    }

    @Test func sinkIsDecoded() throws {
        let sink = try #require(try load().sinks.first)
        #expect(sink.mqtt?.host == "::1")
        #expect(sink.mqtt?.port == 1_884)
        #expect(sink.mqtt?.usesTLS == false)
        #expect(sink.mqtt?.password?.reveal() == "hunter2")
        #expect(sink.mqtt?.clientID == "depot-1-cloud")
        #expect(sink.window == 20)
        #expect(sink.streams.map(\.stream) == ["outlier", "firing"])
        #expect(sink.streams.map(\.topic.text) == ["up/{alert}/{vehicle}", "up/{vehicle}"])
        #expect(sink.streams.map(\.isRetained) == [false, true])
    }

    @Test func catalogueIsDecoded() throws {
        let signals = try load().signals
        #expect(signals.map(\.name) == ["speed_kmh", "headlights"])
        #expect(signals.map(\.paths) == [["v.speed", "speed"], ["headlights"]])
        #expect(signals.map(\.type) == [.float, .bool])
        #expect(signals.map(\.unit) == ["km/h", nil])
        #expect(signals[1].values == ["parked": .bool(true), "3": .bool(false)])
    }

    @Test func logIsDecoded() throws {
        let log = try load().log
        #expect(log.budgetBytes == 1 << 30)
        #expect(!log.keepsRaw)
        #expect(
            log.streams == [
                "raw": RetentionConfiguration(ageSeconds: 86_400, bytes: 64 << 20),
                "outlier": RetentionConfiguration(ageSeconds: 364 * 86_400, bytes: 512 << 20),
            ]
        )
    }

    @Test func limitsClockAndHTTPAreDecoded() throws {
        let configuration = try load()
        let limits = configuration.limits
        #expect(limits.payloadBytesMax == 1_024)
        #expect(limits.topicBytesMax == 10)
        #expect(limits.batchMessagesMax == 11)
        #expect(limits.batchBytesMax == 8_192)
        #expect(limits.depthMax == 12)
        #expect(limits.vehiclesMax == 13)
        #expect(limits.signalsMax == 14)
        #expect(limits.shapesMax == 15)
        #expect(limits.ruleStepsMax == 16_000)
        #expect(configuration.clock.futureToleranceMilliseconds == 60_000)
        #expect(configuration.clock.settleMilliseconds == 2_000)
        #expect(!configuration.http.isEnabled)
        #expect(configuration.http.host == "0.0.0.0")
        #expect(configuration.http.port == 0)
    }

    @Test func everythingElseHasADefault() throws {
        let configuration = try Configuration.decode(
            text: Mistake.minimal,
            file: "/etc/gateway.yaml"
        )
        let source = try #require(configuration.sources.first)
        #expect(configuration.gateway.dataDirectory == "/var/lib/fleet-edge-gateway")
        #expect(source.connection.port == 1_883)
        #expect(source.connection.protocolVersion == 5)
        #expect(source.connection.clientID == "depot-vehicles")
        #expect(source.qos == 1)
        #expect(source.receiveMaximum == 1_000)
        #expect(source.sessionExpirySeconds == 7 * 86_400)
        #expect(configuration.sinks.isEmpty)
        #expect(configuration.log.keepsRaw)
        #expect(configuration.http.port == 9_464)
    }
}
