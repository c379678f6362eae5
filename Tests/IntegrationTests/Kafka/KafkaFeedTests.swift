// SPDX-License-Identifier: Apache-2.0
// Goal: a table's feed reads what its topic has, from where the log says, and tells when it has caught
// up. Method: the real broker, written to by somebody else's client.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct KafkaFeedTests {
        /// A broker in a folder of its own, and a writer that knows nothing of the gateway.
        private final class Rig {
            let folder = NSTemporaryDirectory() + "/feed-\(UInt32.random(in: .min ... .max))"
            let broker: KafkaBroker

            init() throws {
                broker = try KafkaBroker(folder: folder, assets: Repository.root)
                try broker.start()
            }

            deinit {
                broker.stop()
                try? FileManager.default.removeItem(atPath: folder)
            }

            /// Runs lines of Python that know `p`, a producer, and `admin`.
            func write(_ lines: String, settings: String = "") throws {
                let script = """
                    from confluent_kafka import Producer
                    from confluent_kafka.admin import AdminClient, NewTopic, NewPartitions
                    b = {'bootstrap.servers': '\(broker.address)'}
                    p = Producer({**b, \(settings)})
                    admin = AdminClient(b)
                    def done(futures):
                        for f in futures.values(): f.result(20)
                    def make(name, count):
                        done(admin.create_topics([NewTopic(name, count, 1)]))
                    def put(name, first, last, partition=0):
                        for n in range(first, last + 1):
                            p.produce(name, '{"id":%d}' % n, key=str(n), partition=partition)
                    \(lines)
                    """
                let output = folder + "/python.log"
                let process = try ChildProcess(
                    "/usr/bin/env",
                    [
                        "PYTHONPATH=\(Repository.root)/.build/kafka", "python3", "-c", script,
                    ],
                    output: output
                )
                let code = process.wait()
                let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
                try #require(code == 0, "\(text)")
            }

            /// Makes a topic with numbered records in its first partition.
            func make(_ topic: String, partitions: Int = 1, _ count: Int) throws {
                try write(
                    "make('\(topic)', \(partitions)); put('\(topic)', 1, \(count)); p.flush()"
                )
            }
        }

        private func waitForCaughtUp(_ feed: KafkaFeedRig, count: Int = 1) async throws {
            try await feed.wait("it has caught up") { feed.caughtUpCount == count }
        }

        @Test func topicIsReadFromItsBeginningToTheEnd() async throws {
            let rig = try Rig()
            try rig.write(
                "make('cars', 2); put('cars', 1, 2500); put('cars', 1, 3, 1); p.flush()"
            )
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            #expect(feed.offsets(0) == Array(0..<2_500))
            #expect(feed.offsets(1) == [0, 1, 2])
            #expect(feed.places.last?.kind == .caughtUp)
            #expect(feed.places.allSatisfy { $0.kind == .caughtUp || $0.time != nil })
            let first = try #require(feed.places.firstIndex { $0.partition == 1 })
            #expect(feed.payloads[first] == #"{"id":1}"#)
            #expect(feed.keys[first] == "1")
            #expect(feed.state == .up)
            // What comes afterwards comes at once, and is no news about the end.
            try rig.write("put('cars', 9, 9); p.flush()")
            try await feed.wait("the next record comes") { feed.payloads.last == #"{"id":9}"# }
            #expect(feed.caughtUpCount == 1)
        }

        @Test func emptyTopicIsCaughtUpAtOnce() async throws {
            let rig = try Rig()
            try rig.write("make('cars', 3)")
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            #expect(feed.places.count == 1)
            try await feed.wait("the table is up") { feed.state == .up }
        }

        @Test func readingGoesOnFromWhatTheLogHas() async throws {
            let rig = try Rig()
            try rig.make("cars", 20)
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.positions.set(0, 15)
            feed.start()
            try await waitForCaughtUp(feed)
            #expect(feed.offsets() == Array(15..<20))
        }

        @Test func recordWithoutValueIsATombstone() async throws {
            let rig = try Rig()
            try rig.write(
                "make('cars', 1); p.produce('cars', None, key='7'); p.produce('cars', b'', key='8'); p.flush()"
            )
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            #expect(feed.places.map(\.kind) == [.tombstone, .change, .caughtUp])
            #expect(feed.keys == ["7", "8", nil])
        }

        @Test func failedCommitLeadsBackToWhatTheLogHas() async throws {
            let rig = try Rig()
            try rig.make("cars", 20)
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            feed.positions.set(0, 12)
            feed.forget()
            feed.box.beginAgain()
            try await waitForCaughtUp(feed)
            #expect(feed.offsets() == Array(12..<20))
            #expect(feed.positions.askedCount == 2)
        }

        @Test func brokerThatComesBackIsReadOn() async throws {
            let rig = try Rig()
            try rig.make("cars", 10)
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            rig.broker.stop()
            try await feed.wait("the table is down") { feed.state != .up }
            try rig.broker.start()
            try await feed.wait("the table is up") { feed.state == .up }
            try rig.write("put('cars', 11, 15); p.flush()")
            try await feed.wait("the rest comes") { feed.offsets().count >= 15 }
            #expect(feed.offsets() == Array(0..<15))
            #expect(feed.caughtUpCount == 1)
            #expect(feed.positions.askedCount == 1)
            #expect(feed.logText.components(separatedBy: "table feed down").count == 2)
            #expect(feed.logText.components(separatedBy: "table feed up").count == 3)
        }

        @Test func abortedTransactionAtTheEndDoesNotHoldItUp() async throws {
            let rig = try Rig()
            try rig.write(
                """
                make('cars', 1)
                p.init_transactions(20)
                p.begin_transaction(); put('cars', 1, 5); p.commit_transaction(20)
                p.begin_transaction(); put('cars', 6, 9); p.flush(); p.abort_transaction(20)
                """,
                settings: "'transactional.id': 'writer'"
            )
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            #expect(feed.payloads.filter { !$0.isEmpty }.count == 5)
            // And when nothing but what was aborted is left to read.
            feed.end()
            feed.commit()
            let again = KafkaFeedRig(rig.broker.address, topic: "cars")
            again.positions.set(0, (feed.offsets().last ?? 0) + 1)
            again.start()
            try await waitForCaughtUp(again)
            #expect(again.places.count == 1)
        }

        @Test func topicThatComesLaterIsWaitedFor() async throws {
            let rig = try Rig()
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await feed.wait("it is missed") {
                feed.state == .down(reason: "topic 'cars' does not exist")
            }
            try rig.make("cars", 3)
            try await waitForCaughtUp(feed)
            #expect(feed.offsets() == [0, 1, 2])
            #expect(feed.logText.components(separatedBy: "table feed down").count == 2)
        }

        @Test func partitionsThatAreAddedAreReadFromTheirBeginning() async throws {
            let rig = try Rig()
            try rig.make("cars", 3)
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            try rig.write("done(admin.create_partitions([NewPartitions('cars', 2)]))")
            try rig.write("put('cars', 1, 4, 1); p.flush()")
            try await feed.wait("the new partition is read") { feed.offsets(1).count == 4 }
            #expect(feed.offsets(0) == [0, 1, 2])
            #expect(feed.caughtUpCount == 1)
            #expect(feed.positions.askedCount == 1)
        }

        @Test func topicThatIsMadeAnewIsReadFromItsBeginning() async throws {
            let rig = try Rig()
            try rig.make("cars", 5)
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.start()
            try await waitForCaughtUp(feed)
            feed.forget()
            try rig.write(
                "done(admin.delete_topics(['cars'])); make('cars', 1); put('cars', 1, 2); p.flush()"
            )
            try await feed.wait("it is read") { feed.offsets() == [0, 1] }
            #expect(feed.logText.contains("the topic was deleted and made anew"))
        }

        @Test func placeThatTheTopicDoesNotHaveIsToldAndReadFromTheEarliest() async throws {
            let rig = try Rig()
            try rig.make("cars", 3)
            let feed = KafkaFeedRig(rig.broker.address, topic: "cars")
            feed.positions.set(0, 1_000)
            feed.start()
            try await waitForCaughtUp(feed)
            #expect(feed.offsets() == [0, 1, 2])
            #expect(feed.logText.contains("table feed begins again at the earliest record"))
            #expect(feed.logText.contains("the topic was deleted and made anew"))
        }

        @Test func refusalIsSaidAndReadingGoesOnWhenItEnds() async throws {
            // 29 is TOPIC_AUTHORIZATION_FAILED, 56 KAFKA_STORAGE_ERROR (Kafka protocol, "Error codes").
            for code in [29, 56] {
                let mock = MockCluster()
                let feed = KafkaFeedRig(mock.brokers, topic: "iot.enriched")
                mock.setError(code, of: "iot.enriched")
                feed.start()
                try await feed.wait("the refusal is told") {
                    feed.state != .up && !feed.logText.isEmpty
                }
                mock.setError(0, of: "iot.enriched")
                try await waitForCaughtUp(feed)
                mock.setError(code, of: "iot.enriched")
                let troubles = feed.troubleCount
                try await feed.wait("it is refused again and again") {
                    feed.troubleCount >= troubles + 4
                }
                mock.setError(0, of: "iot.enriched")
                try await feed.wait("the table is up") { feed.state == .up }
                #expect(feed.repeatedReasons == [], "\(feed.logText)")
                let lines = feed.logText.split(separator: "\n")
                #expect(lines.count < 20, "\(feed.logText)")
                feed.end()
            }
        }

        @Test func clusterThatCannotBeReachedIsSaidOnce() async throws {
            let port = try LocalDepot.freePorts(1)[0]
            let feed = KafkaFeedRig("127.0.0.1:\(port)", topic: "cars")
            feed.start()
            try await feed.wait("the table is down") {
                if case .down(let reason)? = feed.state {
                    reason.contains("refused")
                } else {
                    false
                }
            }
            let troubles = feed.troubleCount
            try await feed.wait("more attempts fail") { feed.troubleCount >= troubles + 3 }
            #expect(feed.logText.contains("table feed down"))
            #expect(feed.repeatedReasons == [], "\(feed.logText)")
        }
    }
}
