// SPDX-License-Identifier: Apache-2.0
// Goal: whatever a broker answers, every event gets through, or the lane says why it stands still.
// Method: librdkafka's mock cluster answers each kind of request with each class of error.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct KafkaErrorTests {
        private typealias Request = MockCluster.Request

        /// An answer, and what its code means (Kafka protocol, "Error codes").
        struct Answer: Sendable, CustomTestStringConvertible {
            var request: MockCluster.Request
            var code: Int
            var testDescription: String { "\(request) \(code)" }
        }

        // To be tried again: 7 timed out, 14 to 16 coordinator, 19 replicas, 51 concurrent.
        private static let retriable = [
            Answer(request: .produce, code: 7), Answer(request: .produce, code: 19),
            Answer(request: .initProducerID, code: 14), Answer(request: .initProducerID, code: 15),
            Answer(request: .initProducerID, code: 16), Answer(request: .initProducerID, code: 51),
            Answer(request: .addPartitions, code: 15), Answer(request: .addPartitions, code: 51),
            Answer(request: .addOffsets, code: 16), Answer(request: .addOffsets, code: 51),
            Answer(request: .commitOffsets, code: 14), Answer(request: .commitOffsets, code: 15),
            Answer(request: .endTransaction, code: 15), Answer(request: .endTransaction, code: 51),
        ]

        // The transaction must be given up: 29, 30 permissions, 45 sequence, 59 unknown producer.
        private static let abortable = [
            Answer(request: .produce, code: 29), Answer(request: .produce, code: 45),
            Answer(request: .produce, code: 48), Answer(request: .produce, code: 59),
            Answer(request: .addPartitions, code: 29), Answer(request: .addOffsets, code: 30),
            Answer(request: .commitOffsets, code: 30), Answer(request: .commitOffsets, code: 45),
            Answer(request: .endTransaction, code: 45), Answer(request: .endTransaction, code: 59),
        ]

        // The client is at its end: 53 transactional id, 48 state, 31 cluster, 50 time-out too long.
        private static let fatal = [
            Answer(request: .initProducerID, code: 53), Answer(request: .initProducerID, code: 50),
            Answer(request: .addPartitions, code: 53), Answer(request: .addPartitions, code: 48),
            Answer(request: .addOffsets, code: 53), Answer(request: .addOffsets, code: 31),
            Answer(request: .commitOffsets, code: 53), Answer(request: .commitOffsets, code: 49),
            Answer(request: .endTransaction, code: 48), Answer(request: .endTransaction, code: 31),
        ]

        @Test(
            "an error of a broker holds nothing up for good",
            arguments: retriable + abortable + fatal
        )
        func errorIsOvercome(answer: Answer) async throws {
            let mock = MockCluster()
            let rig = try KafkaLaneRig(.test(mock.brokers))
            mock.answer(answer.request, with: [answer.code, answer.code])
            try rig.append(1...20)
            try rig.start()
            try await rig.waitForCursor(20)
            // And what comes later goes its way.
            try rig.append(21...40)
            try await rig.waitForCursor(40)
            #expect(rig.state == .up)
            #expect(rig.refused.isEmpty)
            rig.end()
        }

        @Test("a permission that is missing is named once and waited for")
        func missingPermissionIsNamed() async throws {
            let mock = MockCluster()
            mock.answer(.initProducerID, with: Array(repeating: 53, count: 8))
            let rig = try KafkaLaneRig(.test(mock.brokers))
            try rig.append(1...3)
            try rig.start()
            try await until("the reason is told") {
                rig.reason.contains("TRANSACTIONAL_ID_AUTHORIZATION_FAILED")
            }
            try await rig.waitForCursor(3)
            #expect(rig.state == .up)
            rig.end()
        }

        @Test(
            "a lane that another producer has fenced stands still and says so",
            arguments: [
                Answer(request: .addPartitions, code: 47), Answer(request: .addOffsets, code: 90),
                Answer(request: .commitOffsets, code: 47),
                Answer(request: .endTransaction, code: 90),
                Answer(request: .initProducerID, code: 90),
            ]
        )
        func fencedLaneStandsStill(answer: Answer) async throws {
            let mock = MockCluster()
            mock.answer(answer.request, with: [answer.code])
            let rig = try KafkaLaneRig(.test(mock.brokers))
            try rig.append(1...3)
            try rig.start()
            try await until("the lane says that it is fenced", explain: { rig.explanation }) {
                rig.reason.contains("two gateways have one id")
            }
            try rig.append(4...6)
            #expect(try rig.cursor() == 0)
            #expect(rig.reason.contains("Nothing is lost"))
            rig.end()
        }

        // Records.

        @Test(
            "a record that the client's own limit forbids becomes a dead letter, the rest goes on",
            arguments: [
                KafkaDeliveryMode.exactlyOnce, .atLeastOnce,
            ]
        )
        func tooLargeForTheClient(delivery: KafkaDeliveryMode) async throws {
            let mock = MockCluster()
            var kafka = KafkaConfiguration.test(mock.brokers, delivery)
            kafka.properties = [KafkaProperty(name: "message.max.bytes", value: "2000")]
            let rig = try KafkaLaneRig(kafka)
            try rig.append(1...10)
            try rig.append(11...11, bytes: 3_000)
            try rig.append(12...20)
            try rig.start()
            try await rig.waitForCursor(20)
            #expect(rig.refused.map(\.event.offset) == [11])
            #expect(rig.refused.first?.reason.contains("MSG_SIZE_TOO_LARGE") == true)
            let arrived = try KafkaBroker.records(
                "iot.enriched",
                brokers: mock.brokers,
                isolation: "read_uncommitted"
            )
            #expect(Set(arrived.compactMap(\.number)) == Set(1...20).subtracting([11]))
            rig.end()
        }

        @Test(
            "a record that the broker refuses is found among others",
            arguments: [
                (KafkaDeliveryMode.exactlyOnce, 10), (.exactlyOnce, 87), (.exactlyOnce, 32),
                (.atLeastOnce, 10), (.atLeastOnce, 87),
            ]
        )
        func brokerRefusesARecord(delivery: KafkaDeliveryMode, code: Int) async throws {
            let mock = MockCluster(topics: [])
            let rig = try KafkaLaneRig(.test(mock.brokers, delivery))
            // As often as it is asked while the batch is halved: 8, 4, 2, 1.
            mock.answer(.produce, with: Array(repeating: code, count: 4))
            try rig.append(1...8)
            try rig.start()
            try await rig.waitForCursor(8)
            // Whichever it was, it was one, and it was told.
            #expect(rig.refused.count <= 1)
            try rig.append(9...16)
            try await rig.waitForCursor(16)
            rig.end()
        }

        // The cluster.

        @Test("a coordinator that moves takes the transaction along")
        func coordinatorMoves() async throws {
            let mock = MockCluster(brokers: 3)
            let rig = try KafkaLaneRig(.test(mock.brokers), window: 50)
            mock.moveTransactions("depot.lake.bulk", to: 1)
            mock.moveGroup("depot.lake", to: 1)
            try rig.start()
            for step in 0..<6 {
                try rig.append(step * 500 + 1...(step + 1) * 500)
                mock.moveTransactions("depot.lake.bulk", to: step % 3 + 1)
                mock.moveGroup("depot.lake", to: (step + 1) % 3 + 1)
            }
            try await rig.waitForCursor(3_000, seconds: 60)
            rig.end()
        }

        @Test(
            "brokers that go away in the middle and come back are waited for",
            arguments: [
                KafkaDeliveryMode.exactlyOnce, .atLeastOnce,
            ]
        )
        func brokersGoAway(delivery: KafkaDeliveryMode) async throws {
            let mock = MockCluster(brokers: 1)
            let rig = try KafkaLaneRig(.test(mock.brokers, delivery), window: 50)
            try rig.start()
            try rig.append(1...500)
            try await rig.waitForCursor(100)
            mock.setBroker(1, isUp: false)
            try rig.append(501...1_000)
            try await until("the lane says that no broker is there") { rig.state != .up }
            mock.setBroker(1, isUp: true)
            try await rig.waitForCursor(1_000, seconds: 60)
            #expect(rig.state == .up)
            rig.end()
        }

        @Test("a transaction that outlives its time-out is given up and sent again")
        func transactionTimesOut() async throws {
            let mock = MockCluster()
            var kafka = KafkaConfiguration.test(mock.brokers)
            kafka.transactionTimeoutMilliseconds = 2_000
            kafka.properties = [KafkaProperty(name: "socket.timeout.ms", value: "1000")]
            let rig = try KafkaLaneRig(kafka)
            try rig.start()
            try rig.append(1...10)
            try await rig.waitForCursor(10)
            mock.setRoundTrip(milliseconds: 3_000)
            try rig.append(11...20)
            try await until(
                "the transaction is given up",
                seconds: 60,
                explain: { rig.explanation }
            ) {
                rig.state != .up
            }
            mock.setRoundTrip(milliseconds: 0)
            try await rig.waitForCursor(20, seconds: 60)
            rig.end()
        }

        @Test("why a cluster can't be reached is told")
        func clusterIsAwayAtFirst() async throws {
            let port = try LocalDepot.freePorts(1)[0]
            let rig = try KafkaLaneRig(.test("127.0.0.1:\(port)"))
            try rig.append(1...3)
            try rig.start()
            try await until("the reason is told") { rig.reason.contains("Connection refused") }
            rig.end()
        }
    }
}
