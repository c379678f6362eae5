// SPDX-License-Identifier: Apache-2.0
import Foundation

/// librdkafka's mock cluster in a process of its own, so that its cost is not the gateway's.
final class MockClusterProcess {
    let brokers: String
    private let process: ChildProcess

    /// Starts it and waits until it tells where it listens.
    init(folder: String, program: String) throws {
        let output = folder + "/mock-cluster"
        process = try ChildProcess(program, ["mock-kafka"], output: output)
        let deadline = Date().addingTimeInterval(20)
        var brokers: Substring?
        while brokers == nil {
            guard Date() < deadline else {
                throw DepotError(description: "the mock cluster did not start")
            }
            ChildProcess.pause(0.01)
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            // Lines with a '%' are librdkafka's log.
            brokers = text.split(separator: "\n").first { !$0.hasPrefix("%") }
        }
        self.brokers = String(brokers ?? "")
    }

    deinit { stop() }

    func stop() { process.terminate() }
}
