// SPDX-License-Identifier: Apache-2.0
// A Kafka-wire broker on this machine, for the demo, the tests and the proof: one small program from
// the Python package index. It keeps everything over SIGTERM; under SIGKILL it forgets its last
// second, which is a fact of this broker and none of Kafka's.
import Foundation

/// A broker for as long as this lives.
final class KafkaBroker {
    let port: Int
    private let program: String
    private let folder: String
    private(set) var process: ChildProcess?

    var address: String { "127.0.0.1:\(port)" }
    var log: String { folder + "/kafka.log" }

    /// A broker that keeps its data in a folder; not started yet.
    init(folder: String, assets: String) throws {
        program = try Self.find(assets: assets)
        self.folder = folder
        port = try LocalDepot.freePorts(1)[0]
        try FileManager.default.createDirectory(
            atPath: folder + "/kafka",
            withIntermediateDirectories: true
        )
    }

    deinit { stop() }

    /// Starts it and waits until it takes connections.
    func start() throws {
        process = try ChildProcess(
            program,
            [
                "start", "--only", "kafka", "--kafka-port", "\(port)", "--data-dir",
                folder + "/kafka",
            ],
            output: log
        )
        let deadline = Date().addingTimeInterval(20)
        while !LocalDepot.accepts(port: port) {
            guard Date() < deadline else {
                throw DepotError(description: "the Kafka broker did not start; see \(log)")
            }
            ChildProcess.pause(0.01)
        }
    }

    func stop() {
        process?.terminate(within: 60)
        process = nil
    }

    private static func find(assets: String) throws -> String {
        let folders = [assets, FileManager.default.currentDirectoryPath]
        for folder in folders {
            let file = folder + "/.build/kafka/noida_db/noida-db"
            if FileManager.default.isExecutableFile(atPath: file) { return file }
        }
        throw DepotError(
            description: "the Kafka broker is not installed; run scripts/install-kafka-broker.sh"
        )
    }
}
