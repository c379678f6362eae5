// SPDX-License-Identifier: Apache-2.0
// One run that measures side by side. Absolute times on a shared machine are noise; what counts is
// the ratio of two forwarders doing the same work in the same minute.
import Foundation
import GRDB

/// Runs the benchmark and gathers its results.
final class Benchmark {
    /// Sizes of a run; a quick one tries the paths, not the speed.
    struct Scale: Sendable {
        var steadyMessages = 50_000
        var steadyPerSecond = 5_000
        var drainMessages = 100_000
        var backlogEvents = 2_000_000
        var ruleCounts = [10, 100, 1_000, 10_000]

        static let quick = Scale(
            steadyMessages: 10_000,
            steadyPerSecond: 5_000,
            drainMessages: 20_000,
            backlogEvents: 100_000,
            ruleCounts: [10, 1_000]
        )
    }

    private let scale: Scale
    private let assets: String
    private let say: (String) -> Void
    private(set) var results: [(key: String, value: Double)] = []

    init(scale: Scale, assets: String, say: @escaping (String) -> Void) {
        self.scale = scale
        self.assets = assets
        self.say = say
    }

    /// The parts of a run.
    enum Part: String, CaseIterable, Sendable {
        case bridge
        case backlog
        case rules
    }

    func run(_ parts: [Part] = Part.allCases) throws {
        for part in parts {
            switch part {
            case .bridge: try compareWithBridge()
            case .backlog: try measureBacklog()
            case .rules: try measureRules()
            }
        }
    }

    /// The results as the members of one JSON object.
    var json: String {
        let members = results.map { "  \"\($0.key)\": \(String(format: "%.4g", $0.value))" }
        return "{\n" + members.joined(separator: ",\n") + "\n}\n"
    }

    /// The results as a dated table for a document.
    func markdown(date: String) -> String {
        let rows = results.map { "| `\($0.key)` | \(String(format: "%.4g", $0.value)) |" }
        return "\n## \(date)\n\n| figure | value |\n| --- | --- |\n"
            + rows.joined(separator: "\n") + "\n"
    }

    private func note(_ key: String, _ value: Double) {
        results.append((key, value))
        say("bench: \(key) = \(String(format: "%.4g", value))")
    }

    // Against mosquitto's own bridge.

    private static let gatewayFilters = ["fleet/enriched/#", "fleet/outlier/#"]
    private static let bridgeFilters = ["fleet/+/state"]

    private func compareWithBridge() throws {
        let rig = try BenchmarkRig(assets: assets)
        defer { rig.close() }
        say(
            "bench: mosquitto's bridge forwards \(scale.steadyMessages) messages at \(scale.steadyPerSecond)/s"
        )
        let bridge = try rig.startBridge()
        ChildProcess.pause(1)
        _ = try rig.steady(bridge, filters: Self.bridgeFilters, messages: 2_000, perSecond: 2_000)
        let bridgeSteady = try rig.steady(
            bridge,
            filters: Self.bridgeFilters,
            messages: scale.steadyMessages,
            perSecond: scale.steadyPerSecond
        )
        rig.stopBridge()
        try rig.queue(scale.drainMessages)
        let bridgeDrain = try rig.drain(scale.drainMessages, filters: Self.bridgeFilters) {
            try rig.startBridge()
        }
        rig.stopBridge()

        say("bench: the gateway does its whole job on the same messages, with 20 rules")
        try rig.configureGateway(rules: 20, touched: 20)
        let gateway = try rig.depot.startGateway()
        _ = try rig.steady(gateway, filters: Self.gatewayFilters, messages: 2_000, perSecond: 2_000)
        note("rss_mib_empty", gateway.residentMiB)
        let steady = try rig.steady(
            gateway,
            filters: Self.gatewayFilters,
            messages: scale.steadyMessages,
            perSecond: scale.steadyPerSecond
        )
        rig.depot.stopGateway()
        try rig.queue(scale.drainMessages)
        let drain = try rig.drain(scale.drainMessages, filters: ["fleet/enriched/#"]) {
            try rig.depot.startGateway(waitsUntilReady: false)
        }
        rig.depot.stopGateway()

        note("cpu_us_per_message_bridge", bridgeSteady.cpuMicrosecondsPerMessage)
        note("cpu_us_per_message_gateway", steady.cpuMicrosecondsPerMessage)
        note(
            "cpu_ratio_vs_bridge",
            steady.cpuMicrosecondsPerMessage / bridgeSteady.cpuMicrosecondsPerMessage
        )
        note("drain_cpu_us_bridge", bridgeDrain.cpuMicrosecondsPerMessage)
        note("drain_cpu_us_gateway", drain.cpuMicrosecondsPerMessage)
        note(
            "drain_cpu_ratio_vs_bridge",
            drain.cpuMicrosecondsPerMessage / bridgeDrain.cpuMicrosecondsPerMessage
        )
        note("throughput_bridge", bridgeDrain.messagesPerSecond)
        note("throughput_gateway", drain.messagesPerSecond)
        note(
            "throughput_ratio_vs_bridge",
            drain.messagesPerSecond / bridgeDrain.messagesPerSecond
        )
        note("outlier_latency_p50_ms", steady.latency.at(0.5))
        note("outlier_latency_p99_ms", steady.latency.at(0.99))
        note("outlier_latency_p999_ms", steady.latency.at(0.999))
    }

    // With a backlog.

    private func measureBacklog() throws {
        let rig = try BenchmarkRig(assets: assets)
        defer { rig.close() }
        // Nobody listens there: whatever is taken in stays in the log.
        let nowhere = try LocalDepot.freePorts(1)[0]
        try rig.configureGateway(rules: 20, touched: 20, sinkPort: nowhere)
        try rig.depot.startGateway()
        rig.depot.stopGateway()
        let small = try intake(rig)
        say("bench: writing a backlog of \(scale.backlogEvents) events into the log")
        try fillBacklog(rig)
        let started = Date()
        try rig.depot.startGateway()
        note("restart_ready_s", Date().timeIntervalSince(started))
        rig.depot.stopGateway()
        let large = try intake(rig)
        note(
            "backlog_intake_slowdown",
            large.cpuMicrosecondsPerMessage / small.cpuMicrosecondsPerMessage
        )
        note("backlog_intake_time_ratio", large.seconds / small.seconds)
        note("rss_mib_backlog", large.residentMiB)
    }

    private struct IntakeResult {
        var cpuMicrosecondsPerMessage: Double
        var seconds: Double
        var residentMiB: Double
    }

    /// How long the gateway takes to take in what the broker holds for it.
    private func intake(_ rig: BenchmarkRig) throws -> IntakeResult {
        try rig.queue(scale.drainMessages)
        let gateway = try rig.depot.startGateway(waitsUntilReady: false)
        func taken() -> Int {
            let text = LocalDepot.httpGet(port: rig.depot.httpPort, path: "/metrics") ?? ""
            let line = text.split(separator: "\n")
                .first {
                    $0.hasPrefix("gateway_source_messages_total")
                }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
        try rig.depot.waitUntil("intake has begun") { taken() > 0 }
        let (first, cpu, started) = (taken(), gateway.cpuSeconds, Date())
        try rig.depot.waitUntil("everything is taken in", seconds: 180) {
            taken() >= scale.drainMessages
        }
        let result = IntakeResult(
            cpuMicrosecondsPerMessage: (gateway.cpuSeconds - cpu) * 1e6
                / Double(scale.drainMessages - first),
            seconds: Date().timeIntervalSince(started),
            residentMiB: gateway.residentMiB
        )
        rig.depot.stopGateway()
        return result
    }

    /// Repeats the newest events until there are enough; the rows are those that intake would write.
    private func fillBacklog(_ rig: BenchmarkRig) throws {
        let queue = try DatabaseQueue(path: rig.depot.dataDirectory + "/" + EventLog.fileName)
        try queue.write { db in
            let next =
                try Int64.fetchOne(
                    db,
                    sql: "SELECT next_offset FROM stream WHERE name = 'enriched'"
                ) ?? 1
            let missing = Int64(scale.backlogEvents) - next
            try db.execute(
                sql: """
                    WITH RECURSIVE number(n) AS (
                        SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?)
                    INSERT INTO enriched
                    SELECT ? + n, event_time, arrival_time, key, topic, payload
                    FROM number JOIN enriched ON offset = 1 + n % 1000
                    """,
                arguments: [missing, next]
            )
            try db.execute(
                sql: """
                    UPDATE stream SET next_offset = next_offset + ?,
                        bytes = bytes + ? * bytes / (next_offset - first_offset)
                    WHERE name = 'enriched'
                    """,
                arguments: [missing, missing]
            )
        }
    }

    // With many rules.

    private func measureRules() throws {
        var costs: [Int: Double] = [:]
        for count in scale.ruleCounts {
            let rig = try BenchmarkRig(assets: assets)
            defer { rig.close() }
            try rig.configureGateway(rules: count, touched: 10)
            let gateway = try rig.depot.startGateway()
            _ = try rig.steady(
                gateway,
                filters: Self.gatewayFilters,
                messages: 2_000,
                perSecond: 2_000
            )
            let result = try rig.steady(
                gateway,
                filters: Self.gatewayFilters,
                messages: scale.steadyMessages / 2,
                perSecond: scale.steadyPerSecond
            )
            costs[count] = result.cpuMicrosecondsPerMessage
            note("rules_\(count)_cpu_us", result.cpuMicrosecondsPerMessage)
        }
        if let few = costs[10], let many = costs[scale.ruleCounts.last ?? 10] {
            note("rules_10000_over_10", many / few)
        }
    }
}
