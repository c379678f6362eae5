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
        var tables = JoinRig.Sizes()
        var joinedMessages = 20_000
        var calmTurns = 5_000
        var schemaMessages = 50_000

        static let quick = Scale(
            steadyMessages: 10_000,
            steadyPerSecond: 5_000,
            drainMessages: 20_000,
            backlogEvents: 100_000,
            ruleCounts: [10, 1_000],
            tables: JoinRig.Sizes(devices: 2_000, cars: 2_000, reservations: 20_000),
            joinedMessages: 2_000,
            calmTurns: 500,
            schemaMessages: 5_000
        )
    }

    let scale: Scale
    let assets: String
    /// Where the Python modules of peers are; without them only mosquitto is compared with.
    private let peers: String?
    let say: (String) -> Void
    private(set) var results: [(key: String, value: Double)] = []

    init(scale: Scale, assets: String, peers: String?, say: @escaping (String) -> Void) {
        self.scale = scale
        self.assets = assets
        self.peers = peers
        self.say = say
    }

    /// The parts of a run.
    enum Part: String, CaseIterable, Sendable {
        case bridge
        case backlog
        case rules
        case kafka
        case tables
        case schema
    }

    func run(_ parts: [Part] = Part.allCases) throws {
        for part in parts {
            switch part {
            case .bridge: try compareWithBridge()
            case .backlog: try measureBacklog()
            case .rules: try measureRules()
            case .kafka: try measureKafka()
            case .tables: try measureTables()
            case .schema: try measureSchema()
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

    func note(_ key: String, _ value: Double) {
        results.append((key, value))
        say("bench: \(key) = \(String(format: "%.4g", value))")
    }

    // Against others that forward the same messages.

    private struct Comparison {
        var steady: PhaseResult
        var drain: PhaseResult
    }

    private func compareWithBridge() throws {
        let rig = try BenchmarkRig(assets: assets, say: say)
        defer { rig.close() }
        say("bench: mosquitto's bridge forwards, without looking at a message")
        let bridge = try measure(rig.bridge, rig)
        say("bench: the gateway does its whole job on the same messages, with 20 rules")
        try rig.configureGateway(rules: 20, touched: 20)
        let gateway = try measure(rig.gateway, rig) { process in
            note("rss_mib_empty", process.residentMiB)
        }
        note(bridge, "bridge")
        note(gateway, "gateway")
        note(gateway, over: bridge, "bridge")
        note("outlier_latency_p50_ms", gateway.steady.latency.at(0.5))
        note("outlier_latency_p99_ms", gateway.steady.latency.at(0.99))
        note("outlier_latency_p999_ms", gateway.steady.latency.at(0.999))
        guard let peers else { return }
        say("bench: mq-bridge filters and forwards the same messages, without a log")
        let peer = try measure(rig.peer(modules: peers), rig)
        note(peer, "mq_bridge")
        note(gateway, over: peer, "mq_bridge")
    }

    /// A forwarder's cost at a steady rate, and when it works off what the broker holds for it.
    private func measure(
        _ forwarder: Forwarder,
        _ rig: BenchmarkRig,
        whenWarm: (ChildProcess) -> Void = { _ in }
    ) throws -> Comparison {
        let process = try forwarder.start()
        defer { process.terminate() }
        try rig.waitUntilForwarding(forwarder)
        _ = try rig.steady(process, forwarder, messages: 2_000, perSecond: 2_000)
        whenWarm(process)
        let steady = try rig.steady(
            process,
            forwarder,
            messages: scale.steadyMessages,
            perSecond: scale.steadyPerSecond
        )
        process.terminate()
        try rig.queue(scale.drainMessages)
        let drain = try rig.drain(scale.drainMessages, forwarder)
        say("bench: \(forwarder.name): at a steady rate \(steady), working off a queue \(drain)")
        return Comparison(steady: steady, drain: drain)
    }

    private func note(_ comparison: Comparison, _ name: String) {
        note("cpu_us_per_message_\(name)", comparison.steady.cpuMicrosecondsPerMessage)
        note("drain_cpu_us_\(name)", comparison.drain.cpuMicrosecondsPerMessage)
        note("throughput_\(name)", comparison.drain.messagesPerSecond)
    }

    private func note(_ gateway: Comparison, over other: Comparison, _ name: String) {
        note(
            "cpu_ratio_vs_\(name)",
            gateway.steady.cpuMicrosecondsPerMessage / other.steady.cpuMicrosecondsPerMessage
        )
        note(
            "drain_cpu_ratio_vs_\(name)",
            gateway.drain.cpuMicrosecondsPerMessage / other.drain.cpuMicrosecondsPerMessage
        )
        note(
            "throughput_ratio_vs_\(name)",
            gateway.drain.messagesPerSecond / other.drain.messagesPerSecond
        )
    }

    // With a backlog.

    private func measureBacklog() throws {
        let rig = try BenchmarkRig(assets: assets, say: say)
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
    func fillBacklog(_ rig: BenchmarkRig) throws {
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
            // Intake brings the snapshot along about once a second.
            try db.execute(
                sql: """
                    UPDATE snapshot SET vehicles_as_of =
                        (SELECT next_offset - 1 FROM stream WHERE name = 'enriched')
                    """
            )
        }
    }

    // With many rules.

    private func measureRules() throws {
        var costs: [Int: Double] = [:]
        for count in scale.ruleCounts {
            let rig = try BenchmarkRig(assets: assets, say: say)
            defer { rig.close() }
            try rig.configureGateway(rules: count, touched: 10)
            let gateway = try rig.gateway.start()
            defer { gateway.terminate() }
            try rig.waitUntilForwarding(rig.gateway)
            _ = try rig.steady(gateway, rig.gateway, messages: 2_000, perSecond: 2_000)
            let result = try rig.steady(
                gateway,
                rig.gateway,
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
