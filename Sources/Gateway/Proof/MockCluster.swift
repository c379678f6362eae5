// SPDX-License-Identifier: Apache-2.0
import KafkaMock

/// librdkafka's mock cluster: it answers with the errors it is told to.
@safe final class MockCluster {
    /// Requests by their number (Kafka protocol, "API keys").
    enum Request: Int16, Sendable {
        case produce = 0
        case initProducerID = 22
        case addPartitions = 24
        case addOffsets = 25
        case endTransaction = 26
        case commitOffsets = 28
    }

    private let mock: OpaquePointer

    init(brokers: Int = 1, topics: [String] = ["iot.enriched", "iot.outlier"]) {
        guard let mock = unsafe kafka_mock_create(Int32(brokers)) else {
            preconditionFailure("librdkafka makes a mock cluster")
        }
        unsafe self.mock = mock
        for topic in topics { unsafe kafka_mock_create_topic(mock, topic, 4) }
    }

    deinit {
        unsafe kafka_mock_destroy(mock)
    }

    var brokers: String { unsafe String(cString: kafka_mock_brokers(mock)) }

    /// The next requests of a kind are answered with these codes.
    func answer(_ request: Request, with codes: [Int]) {
        let codes = codes.map { Int32($0) }
        unsafe kafka_mock_push_errors(mock, request.rawValue, codes, codes.count)
    }

    /// Until it is set to 0, requests about a topic are answered with this code.
    func setError(_ code: Int, of topic: String) {
        unsafe kafka_mock_set_topic_error(mock, topic, Int32(code))
    }

    /// Brokers are numbered from 1.
    func setBroker(_ broker: Int, isUp: Bool) {
        unsafe kafka_mock_set_up(mock, Int32(broker), isUp)
    }

    func setRoundTrip(milliseconds: Int, of broker: Int = 1) {
        unsafe kafka_mock_set_round_trip(mock, Int32(broker), Int32(milliseconds))
    }

    func moveGroup(_ group: String, to broker: Int) {
        unsafe kafka_mock_move_group(mock, group, Int32(broker))
    }

    func moveTransactions(_ transactionalID: String, to broker: Int) {
        unsafe kafka_mock_move_transactions(mock, transactionalID, Int32(broker))
    }
}
