// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway replay`: recorded messages to any broker.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Publish recorded messages to a broker.",
        discussion: """
            FILE has one JSON object a line, {"topic": …, "ts": Unix ms, "payload": …}, the payload \
            last; a name that ends in .gz is unpacked. Messages are published with QoS 1.
            """
    )

    @Argument(help: "The trace file.")
    var file: String

    @Option(help: "mqtt://HOST:PORT or mqtts://HOST:PORT.")
    var url = "mqtt://localhost:1883"

    @Option(help: "CA certificate, for mqtts.")
    var ca: String?

    @Option(help: "Client certificate, for mqtts.")
    var cert: String?

    @Option(help: "Client key, for mqtts.")
    var key: String?

    @Option(name: .customLong("client-id"), help: "The MQTT client id.")
    var clientID = "gateway-replay"

    @Option(help: "So much faster than recorded; without it, as fast as it goes.")
    var speed: Double?

    func run() throws {
        guard let components = URLComponents(string: url), let host = components.host,
            components.scheme == "mqtt" || components.scheme == "mqtts"
        else { throw ValidationError("--url must look like mqtts://host:8883") }
        let usesTLS = components.scheme == "mqtts"
        let connection = MQTTConnectionConfiguration(
            host: host,
            port: components.port ?? (usesTLS ? 8_883 : 1_883),
            usesTLS: usesTLS,
            caFile: ca,
            certificateFile: cert,
            keyFile: key,
            clientID: clientID
        )
        let interrupt = Interrupt.watched()
        let publisher = try Publisher(connection)
        defer { publisher.close() }
        let started = Date()
        let count = try Replay(speed: speed, interrupt: interrupt)
            .run(
                try TraceFile(path: file),
                to: publisher
            )
        let seconds = Date().timeIntervalSince(started)
        StandardOutput.print(
            "replay: published=\(count) acknowledged=\(publisher.acknowledgedCount) "
                + "seconds=\(String(format: "%.1f", seconds))"
        )
        if interrupt.isSet { throw ExitCode(130) }
    }
}
