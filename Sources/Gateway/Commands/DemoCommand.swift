// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// `gateway demo`: the whole thing on this machine, in a minute.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show a fleet, a broker and the gateway at work on this machine, then clean up.",
        discussion: """
            Starts mosquitto with TLS and client certificates and the gateway, lets simulated \
            vehicles drive, and prints what mosquitto_sub sees. The last line is counted by an \
            independent publisher and subscriber: messages the broker acknowledged to vehicles, \
            enriched messages and outliers that arrived, lost, duplicates, latency from publish to \
            enriched arrival, the gateway's CPU time per message, and how many outliers named the \
            plate and the customer of the reservation of their time.
            """
    )

    @Option(help: "Seconds that the simulated fleet drives; a trace ends by itself.")
    var duration = 60.0

    @Option(help: "Vehicles, each with its own certificate and connection.")
    var vehicles = 25

    @Option(help: "Messages a second of the whole fleet.")
    var rate = 100.0

    @Option(help: "Replay this trace file (JSON lines, .gz too) in place of the simulated fleet.")
    var traces: String?

    @Option(help: "Replay so much faster than recorded; without it, as fast as it goes.")
    var speed: Double?

    @Flag(help: "Deliver into a Kafka-wire broker as well, and show outliers with kcat.")
    var kafka = false

    @Option(help: "The folder with certs/, rules/ and demo/.")
    var assets: String?

    func validate() throws {
        guard (1...500).contains(vehicles) else {
            throw ValidationError("--vehicles must be from 1 to 500")
        }
        guard duration > 0, duration <= 86_400 else {
            throw ValidationError("--duration must be above 0 and at most 86400 seconds")
        }
        guard rate > 0, rate <= 20_000 else {
            throw ValidationError("--rate must be above 0 and at most 20000 messages a second")
        }
        guard speed == nil || traces != nil else {
            throw ValidationError("--speed is for --traces; the simulated fleet has --rate")
        }
        guard speed ?? 1 > 0, speed ?? 1 <= 1e6 else {
            throw ValidationError("--speed must be above 0 and at most 1000000")
        }
    }

    func run() throws {
        let interrupt = Interrupt.watched()
        // Before anything is started: whether there is something to replay.
        if let traces { _ = try TraceFile(path: traces).next() }
        let options = DemoOptions(
            durationSeconds: duration,
            vehicles: vehicles,
            messagesPerSecond: rate,
            traces: traces,
            speed: speed,
            usesKafka: kafka,
            assets: assets
        )
        do {
            let lines = try DemoRun(options: options, interrupt: interrupt).run()
            for line in lines { StandardOutput.print(line) }
        } catch let error where interrupt.isSet {
            StandardError.print("demo: interrupted (\(error))")
        }
        if interrupt.isSet { throw ExitCode(130) }
    }
}
