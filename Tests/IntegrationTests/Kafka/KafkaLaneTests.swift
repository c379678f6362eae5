// SPDX-License-Identifier: Apache-2.0
// Goal: a lane begins where Kafka says, drains what waits, and keeps to its bounds.
// Method: one lane, a real log, and the real Kafka-wire broker or, where only the pace counts, the mock.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct KafkaLaneTests {
        private static let modes = [KafkaDeliveryMode.exactlyOnce, .atLeastOnce]

        /// A broker of its own for each test.
        private func withBroker(_ body: (KafkaBroker) async throws -> Void) async throws {
            let folder = NSTemporaryDirectory() + "/kafka-\(UInt32.random(in: .min ... .max))"
            let kafka = try KafkaBroker(folder: folder, assets: Repository.root)
            defer {
                kafka.stop()
                try? FileManager.default.removeItem(atPath: folder)
            }
            try kafka.start()
            try await body(kafka)
        }

        private func numbers(_ kafka: KafkaBroker) throws -> [Int] {
            try kafka.records("iot.enriched").compactMap(\.number)
        }

        @Test(
            "a backlog leaves without another word, though a read holds only a part",
            arguments: modes
        )
        func backlogLeavesInParts(delivery: KafkaDeliveryMode) async throws {
            let mock = MockCluster()
            let rig = try KafkaLaneRig(.test(mock.brokers, delivery), window: 10_000)
            // Three times what one read brings.
            try rig.append(1...4_000, bytes: 3_000)
            try rig.start()
            try await rig.waitForCursor(4_000)
            rig.end()
        }

        @Test func restartGoesOnWhereKafkaIs() async throws {
            try await withBroker { kafka in
                let rig = try KafkaLaneRig(.test(kafka.address))
                try rig.append(1...50)
                try rig.start()
                // The cursor is never written to the log, as if the gateway had been killed.
                try await until("all are in Kafka") { try numbers(kafka).count == 50 }
                try await rig.restart()
                try rig.append(51...60)
                try await until("the rest is in Kafka") { try numbers(kafka).count >= 60 }
                #expect(try numbers(kafka).sorted() == Array(1...60))
                #expect(try rig.cursor() == 60)
                rig.end()
            }
        }

        @Test func cursorOfAnotherLogIsNotBelieved() async throws {
            try await withBroker { kafka in
                let old = try KafkaLaneRig(.test(kafka.address))
                try old.append(1...50)
                try old.start()
                try await old.waitForCursor(50)
                old.end()
                // The data directory was lost: a new log begins at 1, and all of it is new.
                let new = try KafkaLaneRig(.test(kafka.address))
                try new.append(101...110)
                try new.start()
                try await new.waitForCursor(10)
                #expect(try numbers(kafka).filter { $0 > 100 }.sorted() == Array(101...110))
                new.end()
            }
        }

        @Test func secondGatewayUnderOneNameFencesTheFirst() async throws {
            try await withBroker { kafka in
                let first = try KafkaLaneRig(.test(kafka.address))
                try first.append(1...10)
                try first.start()
                try await first.waitForCursor(10)
                let second = try KafkaLaneRig(.test(kafka.address))
                try second.append(101...110)
                try second.start()
                try await second.waitForCursor(10)
                try first.append(11...20)
                try await until("the first says so", explain: { first.explanation }) {
                    first.reason.contains("two gateways have one id")
                }
                #expect(try first.cursor() == 10)
                // The second is not disturbed by it.
                try second.append(111...120)
                try await second.waitForCursor(20)
                #expect(second.state == .up)
                first.end()
                second.end()
            }
        }

        @Test("a reader of another make sees the same")
        func newerClientReads() async throws {
            try await withBroker { kafka in
                let rig = try KafkaLaneRig(.test(kafka.address))
                try rig.append(1...500)
                try rig.start()
                try await rig.waitForCursor(500)
                let script = """
                    import sys
                    sys.path.insert(0, '\(Repository.root)/.build/kafka')
                    from confluent_kafka import Consumer, TopicPartition, OFFSET_BEGINNING
                    consumer = Consumer({'bootstrap.servers': '\(kafka.address)', 'group.id': 'reader',
                        'isolation.level': 'read_committed', 'enable.partition.eof': True})
                    consumer.assign([TopicPartition('iot.enriched', 0, OFFSET_BEGINNING)])
                    while True:
                        record = consumer.poll(10)
                        if record is None or record.error():
                            break
                        headers = dict(record.headers())
                        print(record.key().decode(), headers['offset'].decode(), record.timestamp()[1])
                    """
                let output = NSTemporaryDirectory() + "/reader-\(UInt32.random(in: .min ... .max))"
                defer { try? FileManager.default.removeItem(atPath: output) }
                let code = try ChildProcess(
                    "/usr/bin/env",
                    ["python3", "-c", script],
                    output: output
                )
                .wait()
                #expect(code == 0)
                let lines = try String(contentsOfFile: output, encoding: .utf8)
                    .split(separator: "\n")
                let offsets = lines.compactMap { $0.split(separator: " ").dropFirst().first }
                #expect(offsets.compactMap { Int($0) } == Array(1...500))
                rig.end()
            }
        }

        @Test func drainRateMakesSmallTransactions() async throws {
            let mock = MockCluster()
            let rig = try KafkaLaneRig(.test(mock.brokers), drainRate: 500)
            try rig.append(1...500)
            try rig.start()
            try await rig.waitForCursor(500)
            // The bucket holds a tenth of a second: 50 events.
            #expect(rig.metrics.count("gateway_kafka_transaction_seconds_count") >= 10)
            rig.end()
        }
    }
}
