// SPDX-License-Identifier: Apache-2.0
// What delivery into Kafka costs, beside the MQTT sink and mosquitto's bridge. The far side is
// librdkafka's mock cluster in a process of its own: only the gateway is measured.
import Foundation

extension Benchmark {
    /// Ways in which the gateway delivers.
    private enum Way: String, CaseIterable {
        case mqtt
        case exactlyOnce = "exactly_once"
        case atLeastOnce = "at_least_once"
    }

    func measureKafka() throws {
        let rig = try BenchmarkRig(assets: assets, say: say)
        defer { rig.close() }
        let mock = try MockClusterProcess(folder: rig.depot.folder, program: rig.depot.program)
        defer { mock.stop() }
        say("bench: mosquitto's bridge, for comparison")
        let bridge = try cost(of: rig)
        var costs: [Way: Double] = [:]
        // Twice in turn, so that a slow minute of the machine hits all.
        for _ in 1...2 {
            for way in Way.allCases {
                costs[way, default: 0] += try cost(way, rig, mock.brokers) / 2
            }
        }
        let exactly = costs[.exactlyOnce] ?? 0
        note("cpu_us_per_message_mqtt_sink", costs[.mqtt] ?? 0)
        note("kafka_cpu_us_exactly_once", exactly)
        note("kafka_cpu_us_at_least_once", costs[.atLeastOnce] ?? 0)
        note("kafka_cpu_ratio_vs_bridge", exactly / bridge)
        note("kafka_cpu_ratio_vs_mqtt_sink", exactly / (costs[.mqtt] ?? 1))
        note("kafka_exactly_once_over_at_least_once", exactly / (costs[.atLeastOnce] ?? 1))
        try drain(rig, mock.brokers)
    }

    private func cost(of rig: BenchmarkRig) throws -> Double {
        let process = try rig.bridge.start()
        defer { process.terminate() }
        try rig.waitUntilForwarding(rig.bridge)
        return
            try rig.steady(
                process,
                rig.bridge,
                messages: scale.steadyMessages,
                perSecond: scale.steadyPerSecond
            )
            .cpuMicrosecondsPerMessage
    }

    private func cost(_ way: Way, _ rig: BenchmarkRig, _ brokers: String) throws -> Double {
        let sink = way == .mqtt ? nil : Self.sink(brokers, way)
        try rig.configureGateway(rules: 20, touched: 20, sink: sink)
        try? FileManager.default.removeItem(atPath: rig.depot.dataDirectory)
        let process = try rig.depot.startGateway()
        defer { rig.depot.stopGateway() }
        _ = try rig.deliver(2_000, perSecond: 2_000, process)
        let result = try rig.deliver(
            scale.steadyMessages,
            perSecond: scale.steadyPerSecond,
            process
        )
        say("bench: into \(way.rawValue): \(result)")
        return result.cpuMicrosecondsPerMessage
    }

    /// How fast a backlog leaves for Kafka, exactly once.
    private func drain(_ rig: BenchmarkRig, _ brokers: String) throws {
        let nowhere = try LocalDepot.freePorts(1)[0]
        try rig.configureGateway(
            rules: 20,
            touched: 20,
            sink: Self.sink("127.0.0.1:\(nowhere)", .exactlyOnce)
        )
        try? FileManager.default.removeItem(atPath: rig.depot.dataDirectory)
        try rig.depot.startGateway()
        try rig.publish(2_000, perSecond: 2_000)
        try rig.depot.waitUntil("the messages are in the log") { rig.backlog >= 2_000 }
        rig.depot.stopGateway()
        say("bench: writing a backlog of \(scale.backlogEvents) events into the log")
        try fillBacklog(rig)
        try rig.configureGateway(rules: 20, touched: 20, sink: Self.sink(brokers, .exactlyOnce))
        let process = try rig.depot.startGateway()
        defer { rig.depot.stopGateway() }
        try rig.depot.waitUntil("the drain has begun") { rig.delivered > 0 }
        let (first, cpu, started) = (rig.delivered, process.cpuSeconds, Date())
        try rig.depot.waitUntil("the backlog is drained", seconds: 600) {
            rig.delivered >= scale.backlogEvents - 1
        }
        let count = Double(rig.delivered - first)
        note("kafka_drain_events_per_s", count / Date().timeIntervalSince(started))
        note("kafka_drain_cpu_us", (process.cpuSeconds - cpu) * 1e6 / count)
        note("rss_mib_kafka_drain", process.residentMiB)
    }

    private static func sink(_ brokers: String, _ way: Way) -> String {
        """
          - name: lake
            type: kafka
            brokers: \(brokers)
            delivery: \(way.rawValue)
            topic: "iot.{stream}"
            streams: [enriched, outlier]
        """
    }
}

extension BenchmarkRig {
    /// Enriched events that the gateway's sink has delivered.
    var delivered: Int { sample("gateway_delivery_delivered_events_total") }

    /// Enriched events in the log.
    var backlog: Int { sample("gateway_stream_appended_events_total") }

    private func sample(_ name: String) -> Int {
        let text = LocalDepot.httpGet(port: depot.httpPort, path: "/metrics") ?? ""
        let line = text.split(separator: "\n")
            .first { $0.hasPrefix(name + "{") && $0.contains("stream=\"enriched\"") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    /// Publishes at a steady rate, until the broker has acknowledged everything.
    func publish(_ messages: Int, perSecond: Int) throws {
        let publisher = try Publisher(depot.connection("fleet", clientID: "bench-fleet"))
        defer { publisher.close() }
        var load = BenchmarkLoad(vehicles: Self.vehicles)
        let started = WallClock.monotonicNanoseconds()
        var sent = 0
        while sent < messages {
            let elapsed = Double(WallClock.monotonicNanoseconds() - started) / 1e9
            let due = min(messages, Int(elapsed * Double(perSecond)))
            while sent < due, publisher.hasRoom {
                let message = load.next(sent)
                try publisher.publish(topic: message.topic, payload: message.payload, number: sent)
                sent += 1
            }
            try publisher.pump(milliseconds: 1)
        }
        _ = try publisher.drain(seconds: 30)
    }

    /// Publishes at a steady rate and measures the gateway until its sink has delivered everything.
    func deliver(_ messages: Int, perSecond: Int, _ process: ChildProcess) throws -> PhaseResult {
        let before = delivered
        let cpu = process.cpuSeconds
        let started = WallClock.monotonicNanoseconds()
        try publish(messages, perSecond: perSecond)
        try depot.waitUntil("all \(messages) messages are delivered", seconds: 120) {
            delivered - before >= messages
        }
        return PhaseResult(
            messages: messages,
            cpuSeconds: process.cpuSeconds - cpu,
            seconds: Double(WallClock.monotonicNanoseconds() - started) / 1e9
        )
    }
}
