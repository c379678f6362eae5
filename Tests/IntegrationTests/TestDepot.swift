// SPDX-License-Identifier: Apache-2.0
// What the integration and the fault tests have in common: a depot on loopback with the built
// gateway in it, configurations in a few words, and eyes that look at the gateway from outside.
// FaultTests/TestDepot.swift is a link to this file.
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Gateway

/// Where the package is, and the program under test in it.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static let gateway = root + "/.build/debug/gateway"
}

// Waiting.

/// Waits for a condition without holding a thread; throws when it does not come.
func until(
    _ what: String,
    seconds: Double = 30,
    explain: () -> String = { "" },
    _ condition: () throws -> Bool
) async throws {
    let deadline = Date().addingTimeInterval(seconds)
    while try !condition() {
        guard Date() < deadline else {
            throw DepotError(
                description: "waited \(Int(seconds)) s in vain until \(what) \(explain())"
            )
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Runs what blocks for long on a thread of its own, so that other tests go on.
func offPool<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws
    -> Result
{
    let result = Mutex<Result?>(nil)
    try await onOwnThread("test") {
        let value = try body()
        result.withLock { $0 = value }
    }
    return try #require(result.withLock { $0 })
}

// The depot.

extension LocalDepot {
    /// A depot whose gateway is the one that was just built.
    static func test(vehicles: [String] = ["car-1"]) throws -> LocalDepot {
        try LocalDepot(assets: Repository.root, vehicles: vehicles, program: Repository.gateway)
    }

    /// Starts the gateway and waits, without holding a thread, until it says that it is ready.
    func runGateway(wrapper: [String] = []) async throws {
        try startGateway(waitsUntilReady: false, wrapper: wrapper)
        try await waitUntilReady()
    }

    func waitUntilReady(seconds: Double = 30) async throws {
        try await until("the gateway is ready", seconds: seconds, explain: { self.explanation }) {
            if let gateway, !gateway.isRunning {
                throw DepotError(description: "the gateway has ended \(explanation)")
            }
            return readiness == 200
        }
    }

    var readiness: Int? { Self.httpStatus(port: httpPort, path: "/readyz") }

    /// The body of `/readyz`.
    var health: String { body("/readyz") }

    var metrics: MetricsPage { MetricsPage(body("/metrics")) }

    func body(_ path: String) -> String {
        let answer = Self.httpGet(port: httpPort, path: path) ?? ""
        guard let end = answer.firstRange(of: "\r\n\r\n") else { return "" }
        return String(answer[end.upperBound...])
    }

    var logText: String { (try? String(contentsOfFile: gatewayLog, encoding: .utf8)) ?? "" }

    /// How often the gateway's log says something.
    func logCount(_ text: String) -> Int {
        logText.split(separator: "\n").count { $0.contains(text) }
    }

    /// What to show when a wait was in vain.
    var explanation: String { "\n\(health)\n\(logText.suffix(3_000))" }

    /// Ends the gateway in order and gives its exit code.
    @discardableResult
    func endGateway() -> Int32? {
        let code = gateway?.terminate(within: 30)
        stopGateway()
        return code
    }

    /// Runs a gateway command to its end.
    func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let output = folder + "/command-\(UInt32.random(in: .min ... .max)).log"
        let code = try ChildProcess(program, arguments, output: output).wait()
        return (code, (try? String(contentsOfFile: output, encoding: .utf8)) ?? "")
    }

    /// Connects with a vehicle's own certificate.
    func vehicle(_ id: String) -> MQTTConnectionConfiguration {
        connection("vehicles/\(id)", clientID: id, port: vehiclePort)
    }

    /// The simulator, which may speak for every vehicle.
    var fleet: MQTTConnectionConfiguration {
        connection("fleet", clientID: "test-fleet-\(UInt32.random(in: .min ... .max))")
    }

    /// Publishes with QoS 1 and waits until the broker has acknowledged everything.
    func publish(
        _ messages: [TestMessage],
        as connection: MQTTConnectionConfiguration? = nil
    ) throws {
        let publisher = try Publisher(connection ?? fleet)
        defer { publisher.close() }
        for (number, message) in messages.enumerated() {
            while !publisher.hasRoom { try publisher.pump(milliseconds: 10) }
            try publisher.publish(
                topic: message.topic,
                payload: message.payload,
                number: number
            )
        }
        guard try publisher.drain(seconds: 20) else {
            throw DepotError(description: "the broker did not acknowledge everything")
        }
    }

    // The database.

    /// A stream as it stands in the gateway's database, whether the gateway runs or not.
    func events(_ stream: String, data: String? = nil) throws -> [LoggedEvent] {
        try read(data: data) { db in
            try Row
                .fetchAll(
                    db,
                    sql: """
                        SELECT offset, event_time, arrival_time, key, topic, CAST(payload AS TEXT) AS text
                        FROM "\(stream)" ORDER BY offset
                        """
                )
                .map {
                    LoggedEvent(
                        offset: $0["offset"],
                        eventTime: $0["event_time"],
                        arrival: $0["arrival_time"],
                        key: $0["key"],
                        topic: $0["topic"],
                        payload: $0["text"]
                    )
                }
        }
    }

    /// The first offset that a stream still holds and the next that it will give.
    func extent(_ stream: String) throws -> (first: Int64, next: Int64) {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: "SELECT first_offset, next_offset FROM stream WHERE name = ?",
                arguments: [stream]
            )
            return (row?["first_offset"] ?? 1, row?["next_offset"] ?? 1)
        }
    }

    func read<Result>(data: String? = nil, _ body: (Database) throws -> Result) throws -> Result {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(
            path: (data ?? dataDirectory) + "/" + EventLog.fileName,
            configuration: configuration
        )
        return try queue.read(body)
    }
}

/// What became of what publishers saw acknowledged.
struct Account: Equatable {
    var lost = 0
    var doubled = 0
    var misordered = 0
}

extension LocalDepot {
    /// Waits until everything that was acknowledged is in the log, and compares.
    func settledAccount(
        of sent: NumberedPublisher.Sent,
        seconds: Double = 60
    ) async throws -> Account {
        try await until("everything acknowledged is in the log", seconds: seconds) {
            let numbers = try numbersInLog()
            return sent.acknowledged.allSatisfy { vehicle, acknowledged in
                acknowledged.isSubset(of: numbers[vehicle] ?? [])
            }
        }
        var account = Account()
        let numbers = try numbersInLog()
        for (vehicle, acknowledged) in sent.acknowledged {
            let logged = numbers[vehicle] ?? []
            account.lost += acknowledged.subtracting(logged).count
            account.doubled += logged.count - Set(logged).count
            account.misordered += zip(logged, logged.dropFirst()).count { $0 > $1 }
        }
        return account
    }

    /// The numbers that stand in the log, by vehicle, in the log's order.
    func numbersInLog() throws -> [String: [Int]] {
        try read { db in
            var numbers: [String: [Int]] = [:]
            let rows = try Row.fetchCursor(db, sql: "SELECT key, payload FROM raw ORDER BY offset")
            while let row = try rows.next() {
                let payload: String = row["payload"]
                let number = DeliveryCounter.number(after: #""seq":"#, in: Array(payload.utf8))
                numbers[row["key"], default: []].append(Int(number ?? -1))
            }
            return numbers
        }
    }
}

/// One row of a stream.
struct LoggedEvent: Sendable {
    var offset: Int64
    var eventTime: Int64
    var arrival: Int64
    var key: String
    var topic: String
    var payload: String

    /// The payload as JSON; empty when it is none.
    var object: [String: Any] { parseJSON(payload) }
}

/// A message to publish.
struct TestMessage: Sendable {
    var topic: String
    var payload: [UInt8]

    init(_ topic: String, _ payload: String) {
        self.topic = topic
        self.payload = Array(payload.utf8)
    }

    /// What a vehicle says: five levels deep, numbered, with as much padding as asked for.
    static func state(
        _ vehicle: String,
        _ number: Int,
        ignition: String = "run",
        headlights: Bool = false,
        speed: Int = 50,
        padding: Int = 0,
        time: Int64? = nil
    ) -> TestMessage {
        let time = time ?? WallClock.now().milliseconds
        let pad = padding > 0 ? #","pad":"\#(String(repeating: "x", count: padding))""# : ""
        return TestMessage(
            "fleet/\(vehicle)/state",
            """
            {"ts":\(time),"seq":\(number),"v":{"powertrain":{"ignition":{"key":{"status":\
            "\(ignition)"}}},"chassis":{"motion":{"speed":{"kmh":\(speed)}}},"body":{"lights":\
            {"headlamp":{"status":\(headlights)}}}}\(pad)}
            """
        )
    }
}

/// A JSON object; empty when the text is none.
func parseJSON(_ text: String) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) ?? [:]
}

// Configurations.

/// A gateway's configuration, put together from what a test cares about.
struct GatewayFile {
    static let standardTopics = """
        - pattern: fleet/{vehicle}/state
          event_time: { path: ts, format: epoch_ms }
        """

    static let rules = """
        groups:
          - name: test
            rules:
              - alert: headlights_left_on
                expr: ignition = 'off' AND headlights AND speed_kmh = 0
                labels: { severity: warning }
                annotations:
                  summary: "{{ vehicle }} has its headlights on"
        """

    var id = "depot-1"
    var data = "@DATA@"
    var httpPort = "@HTTP_PORT@"
    var sources = [source()]
    var sinks = [sink()]
    /// Further sections.
    var rest = ""

    /// A source at the depot's own broker, unless a URL says otherwise.
    static func source(
        _ name: String = "vehicles",
        url: String = "mqtts://localhost:@PORT@",
        certificate: String? = "gateway",
        lines: [String] = [],
        topics: String = standardTopics
    ) -> String {
        entry(name, url, certificate, lines + ["topics:\n" + indented(topics, by: 2)])
    }

    /// A sink at the depot's own broker, unless a URL says otherwise.
    static func sink(
        _ name: String = "depot",
        url: String = "mqtts://localhost:@PORT@",
        certificate: String? = "gateway",
        lines: [String] = [],
        streams: String = """
        enriched: { topic: "fleet/enriched/{vehicle}" }
        outlier: { topic: "fleet/outlier/{alert}/{vehicle}" }
        firing: { topic: "fleet/firing/{vehicle}", retain: true }
        """
    ) -> String {
        entry(name, url, certificate, lines + ["streams:\n" + indented(streams, by: 2)])
    }

    private static func entry(
        _ name: String,
        _ url: String,
        _ certificate: String?,
        _ lines: [String]
    ) -> String {
        var all = ["name: \(name)", "url: \(url)", "reconnect_max: 300ms"]
        if url.hasPrefix("mqtts:") {
            var tls = "tls: { ca: @CERTS@/ca.crt"
            if let certificate {
                tls += ", certificate: @CERTS@/\(certificate).crt, key: @CERTS@/\(certificate).key"
            }
            all.append(tls + " }")
        }
        // A line of the caller replaces ours.
        let keys = lines.map { $0.prefix { $0 != ":" } }
        all.removeAll { line in keys.contains(line.prefix { $0 != ":" }) }
        let text = indented((all + lines).joined(separator: "\n"), by: 4)
        return "  - " + text.dropFirst(4)
    }

    private static func indented(_ text: String, by count: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : String(repeating: " ", count: count) + $0 }
            .joined(separator: "\n")
    }

    /// The file's text, with the depot's placeholders.
    var text: String {
        """
        gateway: { id: \(id), data_directory: "\(data)" }
        sources:
        \(sources.joined(separator: "\n"))
        signals:
          ignition: { path: v.powertrain.ignition.key.status, type: text }
          speed_kmh: { path: [v.chassis.motion.speed.kmh, vehicle_speed], type: float }
          headlights: { path: [v.body.lights.headlamp.status, headlamp_status], type: bool }
        rules: rules.yaml
        sinks:
        \(sinks.joined(separator: "\n"))
        http: { port: \(httpPort) }
        \(rest)
        """
    }
}

extension LocalDepot {
    /// Writes a configuration and its rules where `runGateway` looks for them.
    func configure(_ file: GatewayFile = GatewayFile(), rules: String = GatewayFile.rules) throws {
        try rules.write(toFile: folder + "/rules.yaml", atomically: true, encoding: .utf8)
        try writeConfiguration(template: file.text)
    }
}

// Brokers of the tests' own.

/// A mosquitto beside the depot's, with the listener that a test needs.
final class TestBroker {
    let port: Int
    private let name: String
    private let folder: String
    private(set) var process: ChildProcess?

    var log: String {
        (try? String(contentsOfFile: "\(folder)/\(name).log", encoding: .utf8)) ?? ""
    }

    /// Plain TCP on loopback for anybody, unless `lines` say otherwise.
    init(_ name: String, in depot: LocalDepot, lines: [String] = ["allow_anonymous true"]) throws {
        self.name = name
        folder = depot.folder
        port = try LocalDepot.freePorts(1)[0]
        let store = "\(folder)/\(name)/"
        try FileManager.default.createDirectory(
            atPath: store,
            withIntermediateDirectories: true
        )
        let settings = [
            "listener \(port) 127.0.0.1", "max_inflight_messages 1000", "max_queued_messages 0",
            "persistence true", "persistence_location \(store)", "log_dest stderr",
            "set_tcp_nodelay true", "user \(NSUserName())",
        ]
        try (settings + lines).joined(separator: "\n").appending("\n")
            .write(toFile: "\(folder)/\(name).conf", atomically: true, encoding: .utf8)
        try start()
    }

    func start() throws {
        process = try ChildProcess(
            LocalDepot.find("mosquitto"),
            ["-c", "\(folder)/\(name).conf"],
            output: "\(folder)/\(name).log"
        )
        let deadline = Date().addingTimeInterval(20)
        while !LocalDepot.accepts(port: port) {
            guard Date() < deadline else { throw DepotError(description: "no broker: \(log)") }
            ChildProcess.pause(0.01)
        }
    }

    func stop() {
        process?.terminate()
        process = nil
    }

    deinit { process?.terminate() }

    /// How an ordinary client connects here.
    func client(_ id: String, version: Int = 5) -> MQTTConnectionConfiguration {
        MQTTConnectionConfiguration(
            host: "127.0.0.1",
            port: port,
            usesTLS: false,
            clientID: id,
            protocolVersion: version
        )
    }
}

// Eyes.

/// Keeps what a subscriber of the test's own receives, in order.
final class Collector: Sendable {
    private final class Box: Sendable {
        let messages = Mutex<[ReceivedMessage]>([])
    }

    private let box = Box()
    private let subscriber: Subscriber

    init(_ connection: MQTTConnectionConfiguration, _ filters: [String]) throws {
        subscriber = Subscriber(connection, filters: filters) { [box] message in
            box.messages.withLock { $0.append(message) }
        }
        try subscriber.waitUntilUp()
    }

    deinit { subscriber.close() }

    var all: [ReceivedMessage] { box.messages.withLock { $0 } }

    /// How many messages came under a topic prefix.
    func count(_ prefix: String = "") -> Int {
        box.messages.withLock { $0.count { $0.topic.hasPrefix(prefix) } }
    }

    func messages(_ prefix: String) -> [ReceivedMessage] {
        all.filter { $0.topic.hasPrefix(prefix) }
    }

    func close() { subscriber.close() }
}

extension ReceivedMessage {
    var text: String { String(decoding: payload, as: UTF8.self) }
    var object: [String: Any] { parseJSON(text) }
}

/// A scrape of `/metrics`.
struct MetricsPage {
    /// Values by `name{labels}`, the labels sorted.
    private(set) var samples: [String: Double] = [:]
    /// Lines that are neither comments nor samples.
    private(set) var unreadable: [String] = []

    init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...])
            else {
                unreadable.append(String(line))
                continue
            }
            samples[String(line[..<space])] = value
        }
    }

    /// The sum of all series of a metric that carry these labels; `nil` when there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let wanted = labels.map { "\($0)=\"\($1)\"" }
        let found = samples.filter { identity, _ in
            identity.prefix { $0 != "{" } == name && wanted.allSatisfy { identity.contains($0) }
        }
        return found.isEmpty ? nil : found.values.reduce(0, +)
    }

    func count(_ name: String, _ labels: [String: String] = [:]) -> Int {
        Int(value(name, labels) ?? 0)
    }
}
