// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What we take from librdkafka's statistics (its STATISTICS.md).
struct KafkaStatistics: Decodable, Equatable {
    struct Broker: Decodable, Equatable {
        /// -1 for the addresses that the user gave, until the cluster has told who they are.
        var nodeid: Int
        /// `logical` is a second connection to a broker, because it is a coordinator.
        var source: String
        var state: String
        /// Requests sent again since the start.
        var txretries: Int
    }

    var brokers: [String: Broker]

    var connectedBrokers: Int {
        brokers.values.count { $0.nodeid >= 0 && $0.source != "logical" && $0.state == "UP" }
    }

    var retries: Int { brokers.values.reduce(0) { $0 + $1.txretries } }

    init?(json: UnsafeRawBufferPointer) {
        let data = unsafe Data(json)
        guard let found = try? JSONDecoder().decode(Self.self, from: data) else { return nil }
        self = found
    }
}
