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
            enriched arrival, and the gateway's CPU time per message.
            """
    )

    @Option(help: "Seconds to run.")
    var duration = 60.0

    @Option(help: "Vehicles, each with its own certificate and connection.")
    var vehicles = 25

    @Option(help: "Messages a second of the whole fleet.")
    var rate = 100.0

    @Option(help: "Replay this trace file (JSON lines, .gz too) in place of the simulated fleet.")
    var traces: String?

    @Option(help: "Replay so much faster than recorded; without it, as fast as it goes.")
    var speed: Double?

    @Option(help: "The folder with certs/, rules/ and demo/.")
    var assets: String?

    func validate() throws {
        guard (1...500).contains(vehicles) else {
            throw ValidationError("--vehicles must be from 1 to 500")
        }
        guard duration > 0, rate > 0, speed ?? 1 > 0 else {
            throw ValidationError("--duration, --rate and --speed must be above 0")
        }
    }

    func run() throws {
        let interrupt = Interrupt.watched()
        let options = DemoOptions(
            durationSeconds: duration,
            vehicles: vehicles,
            messagesPerSecond: rate,
            traces: traces,
            speed: speed,
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
