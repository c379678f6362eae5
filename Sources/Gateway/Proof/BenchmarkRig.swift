// SPDX-License-Identifier: Apache-2.0
// What the benchmark measures with: broker A, where vehicles publish over TLS; a forwarder, which is
// the gateway or mosquitto's own bridge; broker B upstream, where everything is counted.
import Foundation
import Synchronization

/// Counts what arrives upstream, and when outliers do.
final class UpstreamCounter: Sendable {
    private struct State {
        var count = 0
        var outlierArrivals: [Int: [UInt64]] = [:]
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    /// Arrival times of outliers by vehicle.
    var outlierArrivals: [Int: [UInt64]] { state.withLock { $0.outlierArrivals } }

    func receive(_ message: ReceivedMessage) {
        let levels = message.topic.split(separator: "/")
        guard levels.count > 2, levels[1] == "outlier" else {
            state.withLock { $0.count += 1 }
            return
        }
        guard let vehicle = levels.last.flatMap({ Int($0.dropFirst("car-".count)) }) else { return }
        state.withLock {
            $0.outlierArrivals[vehicle, default: []].append(message.arrivalNanoseconds)
        }
    }
}

/// What one phase of load cost a forwarder.
struct PhaseResult {
    var messages: Int
    var cpuSeconds: Double
    var seconds: Double
    var latency = Percentiles([])

    var cpuMicrosecondsPerMessage: Double { cpuSeconds * 1e6 / Double(max(1, messages)) }
    var messagesPerSecond: Double { Double(messages) / max(seconds, 1e-9) }
}

extension PhaseResult: CustomStringConvertible {
    var description: String {
        String(format: "%d messages in %.2f s, CPU %.2f s", messages, seconds, cpuSeconds)
    }
}

/// Two brokers and a forwarder between them.
final class BenchmarkRig {
    static let vehicles = 200

    let depot: LocalDepot
    let upstreamPort: Int
    private let say: (String) -> Void
    private var upstream: ChildProcess?

    init(assets: String, say: @escaping (String) -> Void) throws {
        self.say = say
        depot = try LocalDepot(assets: assets)
        upstreamPort = try LocalDepot.freePorts(1)[0]
        try depot.startBroker()
        try """
        listener \(upstreamPort) 127.0.0.1
        allow_anonymous true
        max_inflight_messages 1000
        max_queued_messages 0
        set_tcp_nodelay true
        user \(NSUserName())
        """
        .write(toFile: depot.folder + "/upstream.conf", atomically: true, encoding: .utf8)
        upstream = try ChildProcess(
            LocalDepot.find("mosquitto"),
            ["-c", depot.folder + "/upstream.conf"],
            output: depot.folder + "/upstream.log"
        )
        try depot.waitUntil("the upstream broker listens") { [upstreamPort] in
            LocalDepot.accepts(port: upstreamPort)
        }
    }

    func close() {
        upstream?.terminate()
        depot.close()
    }

    /// Configures the gateway with so many rules, of which every message touches `touched`.
    func configureGateway(
        rules: Int,
        touched: Int,
        sinkPort: Int? = nil,
        sink: String? = nil
    ) throws {
        let sink =
            sink ?? """
                  - name: upstream
                    url: mqtt://localhost:\(sinkPort ?? upstreamPort)
                    streams:
                      enriched: { topic: "fleet/enriched/{vehicle}" }
                      outlier: { topic: "fleet/outlier/{alert}/{vehicle}" }
                """
        try BenchmarkLoad.rules(count: rules, touched: touched)
            .write(toFile: depot.folder + "/rules.yaml", atomically: true, encoding: .utf8)
        try depot.writeConfiguration(
            template: """
                gateway: { id: bench, data_directory: "@DATA@" }
                sources:
                  - name: vehicles
                    url: mqtts://localhost:@PORT@
                    tls: { ca: @CERTS@/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }
                    topics:
                      - pattern: fleet/{vehicle}/state
                        event_time: { path: ts, format: epoch_ms }
                \(BenchmarkLoad.signals)
                rules: rules.yaml
                sinks:
                \(sink)
                http: { port: @HTTP_PORT@ }
                """
        )
    }

    /// Starts a program and says how.
    func start(
        _ command: [String],
        log: String,
        environment: [String: String] = [:]
    ) throws
        -> ChildProcess
    {
        let settings = environment.map { "\($0)=\($1) " }.joined()
        say("bench: $ \(settings)\(command.joined(separator: " "))")
        return try ChildProcess(
            command[0],
            Array(command.dropFirst()),
            output: "\(depot.folder)/\(log).log",
            environment: environment
        )
    }

    /// Counts what a forwarder publishes upstream, until the subscriber is closed.
    private func count(
        _ forwarder: Forwarder
    ) throws -> (counter: UpstreamCounter, subscriber: Subscriber) {
        let counter = UpstreamCounter()
        let client = MQTTConnectionConfiguration(
            host: "127.0.0.1",
            port: upstreamPort,
            usesTLS: false,
            clientID: "bench-counter"
        )
        let subscriber = Subscriber(client, filters: forwarder.filters) { counter.receive($0) }
        try subscriber.waitUntilUp()
        return (counter, subscriber)
    }

    /// Publishes a message now and then until one arrives upstream.
    func waitUntilForwarding(_ forwarder: Forwarder) throws {
        let (counter, subscriber) = try count(forwarder)
        defer { subscriber.close() }
        let publisher = try Publisher(depot.connection("fleet", clientID: "bench-fleet"))
        defer { publisher.close() }
        var load = BenchmarkLoad(vehicles: Self.vehicles)
        var sent = 0
        try depot.waitUntil("\(forwarder.name) forwards") {
            let message = load.next(sent)
            try publisher.publish(topic: message.topic, payload: message.payload, number: sent)
            sent += 1
            try publisher.pump(milliseconds: 20)
            return counter.count > 0
        }
        _ = try publisher.drain(seconds: 30)
        try depot.waitUntil("nothing more is under way") {
            let before = counter.count
            ChildProcess.pause(0.2)
            return counter.count == before
        }
    }

    /// Publishes at a steady rate and measures the forwarder until everything has arrived.
    func steady(
        _ process: ChildProcess,
        _ forwarder: Forwarder,
        messages: Int,
        perSecond: Int
    ) throws -> PhaseResult {
        let (counter, subscriber) = try count(forwarder)
        defer { subscriber.close() }
        let publisher = try Publisher(depot.connection("fleet", clientID: "bench-fleet"))
        defer { publisher.close() }
        var load = BenchmarkLoad(vehicles: Self.vehicles)
        var causes: [Int: [UInt64]] = [:]
        let cpuBefore = process.cpuSeconds
        let started = WallClock.monotonicNanoseconds()
        var sent = 0
        while sent < messages {
            let elapsed = Double(WallClock.monotonicNanoseconds() - started) / 1e9
            let due = min(messages, Int(elapsed * Double(perSecond)))
            while sent < due, publisher.hasRoom {
                let message = load.next(sent)
                if message.isOutlier {
                    causes[message.vehicle, default: []].append(WallClock.monotonicNanoseconds())
                }
                try publisher.publish(topic: message.topic, payload: message.payload, number: sent)
                sent += 1
            }
            try publisher.pump(milliseconds: 1)
        }
        _ = try publisher.drain(seconds: 30)
        try depot.waitUntil("all \(messages) messages arrived upstream", seconds: 120) {
            counter.count >= messages
        }
        let seconds = Double(WallClock.monotonicNanoseconds() - started) / 1e9
        let cpu = process.cpuSeconds - cpuBefore
        return PhaseResult(
            messages: messages,
            cpuSeconds: cpu,
            seconds: seconds,
            latency: Self.latencies(causes, counter.outlierArrivals)
        )
    }

    /// The k-th outlier of a vehicle answers its k-th cause.
    private static func latencies(
        _ causes: [Int: [UInt64]],
        _ arrivals: [Int: [UInt64]]
    )
        -> Percentiles
    {
        var milliseconds: [Double] = []
        for (vehicle, times) in causes {
            // The first message of a vehicle resolves an alert that never fired.
            for (cause, arrival) in zip(times.dropFirst(), arrivals[vehicle] ?? [])
            where arrival > cause {
                milliseconds.append(Double(arrival - cause) / 1e6)
            }
        }
        return Percentiles(milliseconds)
    }

    /// Queues messages at broker A for a forwarder that is away; it must have subscribed before.
    func queue(_ messages: Int) throws {
        let publisher = try Publisher(depot.connection("fleet", clientID: "bench-fleet"))
        var load = BenchmarkLoad(vehicles: Self.vehicles)
        for number in 0..<messages {
            while !publisher.hasRoom { try publisher.pump(milliseconds: 10) }
            let message = load.next(number)
            try publisher.publish(topic: message.topic, payload: message.payload, number: number)
            if number.isMultiple(of: 64) { try publisher.pump(milliseconds: 0) }
        }
        _ = try publisher.drain(seconds: 60)
        publisher.close()
    }

    /// Lets a forwarder that was just started work off what broker A holds for it.
    func drain(
        _ messages: Int,
        _ forwarder: Forwarder
    ) throws -> PhaseResult {
        let (counter, subscriber) = try count(forwarder)
        defer { subscriber.close() }
        let process = try forwarder.start()
        defer { process.terminate() }
        try depot.waitUntil("the first message arrived upstream") { counter.count > 0 }
        let first = counter.count
        let started = WallClock.monotonicNanoseconds()
        let cpuBefore = process.cpuSeconds
        try depot.waitUntil("all \(messages) messages arrived upstream", seconds: 180) {
            counter.count >= messages
        }
        return PhaseResult(
            messages: messages - first,
            cpuSeconds: process.cpuSeconds - cpuBefore,
            seconds: Double(WallClock.monotonicNanoseconds() - started) / 1e9
        )
    }
}
