// SPDX-License-Identifier: Apache-2.0
// A line to Kafka that fails on command: scripts/kafka-proxy.py in a process of its own.
import Foundation

/// Stands before a broker for as long as it lives.
final class KafkaProxy {
    let port: Int
    private let controlPort: Int
    private let process: ChildProcess

    var address: String { "localhost:\(port)" }

    /// Starts it and waits until it takes connections; `options` are the script's own.
    init(
        to broker: KafkaBroker,
        assets: String,
        log: String,
        options: [String] = []
    ) throws {
        let ports = try LocalDepot.freePorts(2)
        port = ports[0]
        controlPort = ports[1]
        process = try ChildProcess(
            "/usr/bin/env",
            [
                "python3", assets + "/scripts/kafka-proxy.py",
                "--listen", "127.0.0.1:\(ports[0])", "--broker", broker.address,
                "--ctl", "\(ports[1])",
            ] + options,
            output: log
        )
        let deadline = Date().addingTimeInterval(20)
        while !LocalDepot.accepts(port: controlPort) || !LocalDepot.accepts(port: port) {
            guard Date() < deadline, process.isRunning else {
                throw DepotError(description: "the Kafka proxy did not start; see \(log)")
            }
            ChildProcess.pause(0.01)
        }
    }

    deinit { stop() }

    func stop() { process.terminate() }

    /// One of the proxy's counts.
    func count(_ name: String) throws -> Int {
        let answer = try order("stat")
        return DeliveryCounter.number(after: "\"\(name)\": ", in: Array(answer.utf8))
            .map { Int($0) }
            ?? 0
    }

    /// Gives an order, such as `cut` or `delay 200`, and returns the proxy's counts.
    @discardableResult
    func order(_ line: String) throws -> String {
        guard let answer = LocalDepot.exchange(port: controlPort, line + "\n", isLast: true) else {
            throw DepotError(description: "the Kafka proxy does not answer")
        }
        return answer
    }
}
