// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Foundation

/// `gateway mock-kafka`: the far side of the benchmark, until it is told to end.
struct MockKafkaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mock-kafka",
        abstract: "Run librdkafka's mock cluster; it keeps nothing.",
        shouldDisplay: false
    )

    func run() {
        let mock = MockCluster()
        StandardOutput.print(mock.brokers)
        withExtendedLifetime(mock) {
            while true { Thread.sleep(forTimeInterval: 3_600) }
        }
    }
}
