// SPDX-License-Identifier: Apache-2.0
// Goal: the shim's consumer reads from where its owner says and keeps no position of its own; change
// events of reference data will come through it. Method: the real broker, read in two parts.
import Foundation
import KafkaShim
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct KafkaConsumerShimTests {
        /// What the consumer's records are put into.
        private final class Box {
            var offsets: [Int64] = []
        }

        private static var callbacks: kafka_shim_callbacks {
            unsafe kafka_shim_callbacks(
                delivered: { _, _, _ in },
                failed: { _, _ in },
                measured: { _, _, _ in },
                token_needed: { _ in },
                logged: { _, _, _ in }
            )
        }

        @Test func consumerReadsFromWhereItIsTold() async throws {
            let folder = NSTemporaryDirectory() + "/kafka-\(UInt32.random(in: .min ... .max))"
            let kafka = try KafkaBroker(folder: folder, assets: Repository.root)
            defer {
                kafka.stop()
                try? FileManager.default.removeItem(atPath: folder)
            }
            try kafka.start()
            let rig = try KafkaLaneRig(.test(kafka.address))
            try rig.append(1...20)
            try rig.start()
            try await rig.waitForCursor(20)
            rig.end()
            #expect(try offsets(kafka, from: -2, count: 20) == Array(0..<20))
            #expect(try offsets(kafka, from: 15, count: 5) == Array(15..<20))
            #expect(try offsets(kafka, from: 15, count: 5) == Array(15..<20))
        }

        /// The offsets of the next records of `iot.enriched`.
        private func offsets(_ kafka: KafkaBroker, from offset: Int64, count: Int) throws -> [Int64]
        {
            let box = Box()
            let properties = KafkaConfiguration.test(kafka.address)
                .groupProperties(clientID: "test")
            var callbacks = Self.callbacks
            var error = kafka_shim_error()
            let made = unsafe withShimProperties(properties) { list, count in
                let context = unsafe Unmanaged.passUnretained(box).toOpaque()
                return unsafe kafka_shim_consumer_create(list, count, &callbacks, context, &error)
            }
            guard let consumer = unsafe made else { throw KafkaError(error) }
            defer { unsafe kafka_shim_destroy(consumer) }
            let position = KafkaPosition(topic: "iot.enriched", offset: 0)
            let isAssigned = unsafe withShimPositions([position]) { list, count in
                unsafe list[0].offset = offset
                return unsafe kafka_shim_assign(consumer, list, count, &error)
            }
            guard isAssigned else { throw KafkaError(error) }
            let deadline = Date().addingTimeInterval(20)
            while box.offsets.count < count, Date() < deadline {
                let result = unsafe kafka_shim_consume(
                    consumer,
                    100,
                    { context, message in
                        let box = unsafe Unmanaged<Box>.fromOpaque(context).takeUnretainedValue()
                        unsafe box.offsets.append(message.pointee.offset)
                    },
                    &error
                )
                guard result >= 0 else { throw KafkaError(error) }
            }
            return box.offsets
        }
    }
}
