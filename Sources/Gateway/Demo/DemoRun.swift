// SPDX-License-Identifier: Apache-2.0
// The main job, end to end and visible: a broker with mutual TLS, the gateway in its own process, a
// fleet that drives, mosquitto_sub on the outliers, and a witness that counts.
import Foundation

/// What the user asked of a demo.
struct DemoOptions: Sendable {
    var durationSeconds = 60.0
    var vehicles = 25
    var messagesPerSecond = 100.0
    /// A trace file to replay in place of the simulated fleet.
    var traces: String?
    /// How much faster than recorded; `nil` is as fast as it goes.
    var speed: Double?
    /// Deliver into Kafka as well.
    var usesKafka = false
    var assets: String?
}

/// Runs a demo and cleans up after it, however it ends.
struct DemoRun {
    let options: DemoOptions
    let interrupt: Interrupt

    /// The summary's lines; the last is for machines.
    func run() throws -> [String] {
        let assets = try LocalDepot.findAssets(options.assets)
        let isReplay = options.traces != nil
        StandardOutput.print(
            "demo: making certificates and starting mosquitto with TLS and client certificates"
        )
        let depot = try LocalDepot(
            assets: assets,
            vehicles: isReplay ? [] : makeSimulator().vehicleIDs
        )
        defer { depot.close() }
        try depot.startBroker()
        let kafka = options.usesKafka ? try KafkaDemo(depot) : nil
        defer { kafka?.close() }
        let template = try String(contentsOfFile: assets + "/demo/gateway.yaml", encoding: .utf8)
        try depot.writeConfiguration(template: template) { text in
            var configuration = DemoConfiguration(text: text)
            if isReplay { configuration.replayTraces() }
            if let kafka { configuration.use(kafka) }
            return configuration.text
        }
        let office = isReplay ? nil : try BackOffice(depot, makeSimulator().vehicleIDs, kafka)
        defer { office?.close() }
        try startGateway(depot, office)
        let counter = DeliveryCounter()
        let witness = Subscriber(
            depot.connection("ops", clientID: "demo-witness"),
            filters: ["fleet/enriched/#", "fleet/outlier/#"]
        ) { counter.receive($0) }
        defer { witness.close() }
        try witness.waitUntilUp()
        try kafka?.tailOutliers()
        if office != nil {
            StandardOutput.print(
                "demo: curl http://127.0.0.1:\(depot.httpPort)/api/vehicles/car-0001  (in another "
                    + "terminal, as long as this runs)"
            )
        }
        let tail = try tailOutliers(depot)
        defer { tail.terminate() }

        let cpuBefore = depot.gateway?.cpuSeconds ?? 0
        let started = Date()
        let (acknowledged, expected) = try drive(depot, counter, office)
        counter.waitUntilComplete(quietSeconds: 10) { interrupt.isSet }
        let cpu = (depot.gateway?.cpuSeconds ?? 0) - cpuBefore
        ChildProcess.pause(0.2)  // mosquitto_sub prints what it has
        let seconds = Date().timeIntervalSince(started)
        let summary = counter.summary(acknowledged: acknowledged)
        let naming = office?.judge(summary.named)
        var lines = report(summary, expected, naming, cpuSeconds: cpu, seconds: seconds)
        if let kafka {
            let line = try kafka.summary(enriched: summary.enriched, outliers: summary.outliers)
            lines.insert(line, at: lines.count - 1)
        }
        return lines
    }

    /// Starts the gateway; it is ready when it knows the tables that readings are joined with.
    private func startGateway(_ depot: LocalDepot, _ office: BackOffice?) throws {
        try depot.startGateway(waitsUntilReady: office == nil)
        guard let office else { return }
        try depot.waitUntil("the feeds of the tables are heard", log: depot.gatewayLog) {
            depot.hearsFeeds
        }
        StandardOutput.print("demo: the back office publishes devices, cars and reservations")
        try office.publishEverything()
        try depot.waitUntilGatewayIsReady()
    }

    /// What operations people type; its output is the user's terminal.
    private func tailOutliers(_ depot: LocalDepot) throws -> ChildProcess {
        StandardOutput.print(
            "demo: mosquitto_sub -t 'fleet/outlier/#'  (live; everything below is what it prints)\n"
        )
        return try ChildProcess(
            LocalDepot.find("mosquitto_sub"),
            depot.clientArguments("ops") + ["-t", "fleet/outlier/#"],
            output: nil
        )
    }

    // Driving.

    private func makeSimulator() -> FleetSimulator {
        FleetSimulator(
            vehicleCount: options.vehicles,
            messagesPerSecond: options.messagesPerSecond,
            seed: 1,
            start: WallClock.now()
        )
    }

    private func drive(
        _ depot: LocalDepot,
        _ counter: DeliveryCounter,
        _ office: BackOffice?
    ) throws
        -> (acknowledged: Int, expected: Set<String>?)
    {
        if let traces = options.traces {
            return (try replay(traces, depot, counter), nil)
        }
        let fleet = try FleetPublisher(depot, makeSimulator().vehicleIDs)
        defer { fleet.close() }
        // Made anew: time starts when every vehicle is connected.
        var simulator = makeSimulator()
        let end = WallClock.now() + Int64(options.durationSeconds * 1_000)
        while !interrupt.isSet, WallClock.now() < end {
            for message in simulator.advance(to: WallClock.now()) {
                counter.willPublish(vehicle: message.vehicle)
                try fleet.publish(message)
            }
            try office?.pass(to: WallClock.now(), simulator.handOvers)
            try fleet.pump()
        }
        let stopped = WallClock.now()
        try fleet.drain(isCancelled: { interrupt.isSet })
        // Alerts whose time had come when the fleet stopped; later ones had no chance.
        let due = simulator.expected.filter { $0.causedAt < stopped + -1_000 }
        return (fleet.acknowledgedCount, Set(due.map { "\($0.alert)/\($0.vehicle)" }))
    }

    private func replay(
        _ path: String,
        _ depot: LocalDepot,
        _ counter: DeliveryCounter
    ) throws -> Int {
        let publisher = try Publisher(depot.connection("fleet", clientID: "demo-replay"))
        defer { publisher.close() }
        let replay = Replay(speed: options.speed, interrupt: interrupt)
        _ = try replay.run(try TraceFile(path: path), to: publisher) { line in
            let levels = line.topic.split(separator: "/")
            counter.willPublish(vehicle: levels.count > 1 ? String(levels[1]) : "")
        }
        return publisher.acknowledgedCount
    }

    // Telling.

    private func report(
        _ summary: DeliverySummary,
        _ expected: Set<String>?,
        _ naming: NamingAccount?,
        cpuSeconds: Double,
        seconds: Double
    ) -> [String] {
        let perMessage = cpuSeconds * 1e6 / Double(max(1, summary.published))
        var lines = [""]
        if interrupt.isSet { lines.append("demo: interrupted; the numbers are those so far") }
        lines.append(
            "demo: \(summary.published) messages in \(Int(seconds)) s were acknowledged to their "
                + "vehicles; \(summary.enriched) arrived enriched"
        )
        if let expected {
            let seen = expected.intersection(summary.fired).count
            lines.append(
                "demo: the fleet caused \(expected.count) alerts, \(seen) of them fired; outliers "
                    + "arrived \(summary.outlierLatency.text(0.5)) ms (p50) and "
                    + "\(summary.outlierLatency.text(0.99)) ms (p99) after their cause"
            )
        }
        lines += naming?.lines ?? []
        let named = naming.map { " named=\($0.rightCount) of \($0.outlierCount)" } ?? ""
        lines.append(
            "demo: in=\(summary.published) enriched=\(summary.enriched) "
                + "outliers=\(summary.outliers) lost=\(summary.lost) "
                + "duplicates=\(summary.duplicates) p50_ms=\(summary.latency.text(0.5)) "
                + "p99_ms=\(summary.latency.text(0.99)) "
                + "cpu_us_per_message=\(String(format: "%.1f", perMessage))\(named)"
        )
        return lines
    }
}
