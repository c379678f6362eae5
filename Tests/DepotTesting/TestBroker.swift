// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import Gateway

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
