// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct KafkaStatisticsTests {
    private func statistics(_ json: String) -> KafkaStatistics? {
        var json = json
        return json.withUTF8 { unsafe KafkaStatistics(json: UnsafeRawBufferPointer($0)) }
    }

    /// One broker, with some of the fields that nobody here reads.
    private static func broker(
        _ name: String,
        id: Int,
        state: String = "UP",
        source: String = "learned",
        retries: Int = 0
    ) -> String {
        """
        "\(name)": {"name": "\(name)", "nodeid": \(id), "nodename": "\(name)",
          "source": "\(source)", "state": "\(state)", "stateage": 9057234, "outbuf_cnt": 0,
          "tx": 320, "txbytes": 84283332, "txerrs": 0, "txretries": \(retries), "req_timeouts": 0,
          "rtt": {"min": 1580, "max": 3389, "avg": 2349, "sum": 79868, "p99_99": 3389, "cnt": 34},
          "req": {"Produce": 307, "Metadata": 1}, "toppars": {}}
        """
    }

    /// Statistics in the shape of STATISTICS.md.
    private static func json(_ brokers: [String]) -> String {
        """
        {"name": "depot#producer-1", "client_id": "depot", "type": "producer",
         "ts": 5016483227792, "time": 1527060869, "replyq": 0, "msg_cnt": 22710,
         "brokers": {\(brokers.joined(separator: ",\n"))},
         "topics": {"iot.raw": {"topic": "iot.raw", "metadata_age": 9060,
           "partitions": {"0": {"partition": 0, "broker": 3, "leader": 3, "txmsgs": 2150617}}}},
         "eos": {"idemp_state": "Assigned", "txn_state": "Ready", "producer_id": 13},
         "tx": 631, "tx_bytes": 168584479, "rx": 631, "txmsgs": 4300753}
        """
    }

    @Test func connectedBrokersAreCounted() throws {
        let found = try #require(
            statistics(
                Self.json([
                    Self.broker("a.example:9092/1", id: 1),
                    Self.broker("b.example:9092/2", id: 2, state: "DOWN"),
                    Self.broker("c.example:9092/3", id: 3),
                    Self.broker("d.example:9092/4", id: 4, state: "APIVERSION_QUERY"),
                ])
            )
        )
        #expect(found.connectedBrokers == 2)
        #expect(found.brokers.count == 4)
        #expect(found.brokers["b.example:9092/2"]?.state == "DOWN")
    }

    @Test func addressThatTheUserGaveIsNoBroker() throws {
        let found = try #require(
            statistics(
                Self.json([
                    Self.broker(
                        "kafka.example:9092/bootstrap",
                        id: -1,
                        source: "configured",
                        retries: 1
                    ),
                    Self.broker("a.example:9092/1", id: 1),
                ])
            )
        )
        #expect(found.connectedBrokers == 1)
        #expect(found.retries == 1)
    }

    @Test func retriesOfAllBrokersAreAdded() throws {
        let found = try #require(
            statistics(
                Self.json([
                    Self.broker("a.example:9092/1", id: 1, retries: 3),
                    Self.broker("b.example:9092/2", id: 2, state: "DOWN", retries: 4),
                ])
            )
        )
        #expect(found.retries == 7)
    }

    @Test func clientWithoutBrokersHasNone() throws {
        let found = try #require(statistics(Self.json([])))
        #expect(found.connectedBrokers == 0)
        #expect(found.retries == 0)
    }

    @Test(arguments: [
        "", "{", "[]", "{}", "null", #"{"brokers": []}"#, #"{"brokers": {"a": {"nodeid": 1}}}"#,
    ])
    func otherTextIsNoStatistics(text: String) {
        #expect(statistics(text) == nil)
    }

    // A transactional producer has a connection to its coordinator beside the one to the same
    // broker: librdkafka shows it as a broker of source "logical", with the id of that broker.
    @Test func coordinatorIsNotASecondBroker() throws {
        let found = try #require(
            statistics(
                Self.json([
                    Self.broker("TxnCoordinator", id: 1, source: "logical"),
                    Self.broker("a.example:9092/1", id: 1, source: "configured"),
                ])
            )
        )
        #expect(found.connectedBrokers == 1)
    }
}
