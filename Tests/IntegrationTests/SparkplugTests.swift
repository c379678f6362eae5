// SPDX-License-Identifier: Apache-2.0
// Goal: a plant that speaks Sparkplug B is a fleet like any other, over a real broker and over a restart.
// Method: births, data and a death of an edge node with a device, and a gateway that is killed in between.
import Foundation
import GRDB
import SparkplugProtocol
import SwiftProtobuf
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct SparkplugTests {
        @Test("births give names to data, over a kill, and a death fires an alert")
        func plantIsAFleet() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let plant = try TestBroker("plant", in: depot)
            try depot.configure(
                GatewayFile(
                    sources: [
                        GatewayFile.source(
                            "plant",
                            url: "mqtt://127.0.0.1:\(plant.port)",
                            topics: """
                                - pattern: spBv1.0/+/+/+/#
                                  format: sparkplug_b
                                - pattern: cells/{vehicle}/state
                                  encoding: cbor
                                """
                        )
                    ]
                ),
                rules: """
                    groups:
                      - name: plant
                        rules:
                          - { alert: offline, expr: 'NOT "online"' }
                    """
            )
            try await depot.runGateway()
            let node = plant.client("press")
            let now = WallClock.now()
            try depot.publish(
                [
                    message("NBIRTH/press", seq: 0, at: now, [bdSeq(1)]),
                    message(
                        "DBIRTH/press/arm",
                        seq: 1,
                        at: now,
                        [metric("Motor/Speed", alias: 1, type: 3, .intValue(3))]
                    ),
                    message(
                        "DDATA/press/arm",
                        seq: 2,
                        at: now + 1,
                        [metric(alias: 1, .intValue(4))]
                    ),
                ],
                as: node
            )
            try await until("the births are in the log", explain: { depot.explanation }) {
                try depot.extent("enriched").next == 4
            }
            depot.killGateway()
            try depot.publish(
                [
                    message(
                        "DDATA/press/arm",
                        seq: 3,
                        at: now + 2,
                        [metric(alias: 1, .intValue(5))]
                    ),
                    message(
                        "DDATA/press/arm",
                        seq: 9,
                        at: now + 3,
                        [metric(alias: 1, .intValue(6))]
                    ),
                    message(
                        "DDATA/press/arm",
                        seq: 10,
                        at: now + 4,
                        [metric(alias: 2, .intValue(7))]
                    ),
                    message("NDEATH/press", at: now, [bdSeq(0)]),
                    message("NDEATH/press", at: now, [bdSeq(1)]),
                ],
                as: node
            )
            try await depot.runGateway()
            try await until("the death is in the log", explain: { depot.explanation }) {
                try depot.extent("outlier").next == 3
            }
            let events = try depot.events("enriched")
            #expect(events.map(\.key) == ["press", "arm", "arm", "arm", "arm", "press", "arm"])
            let signals = events.map { $0.object["signals"] as? [String: Any] ?? [:] }
            #expect(signals.map { $0["Motor.Speed"] as? Int } == [nil, 3, 4, 5, 6, nil, nil])
            #expect(
                signals.map { $0["online"] as? Bool } == [
                    true, true, true, true, true, false, false,
                ]
            )
            #expect(
                signals.map { $0["seq_gap"] as? Bool }
                    == [false, false, false, false, true, nil, nil]
            )
            #expect(try depot.events("outlier").map(\.key) == ["press", "arm"])
            let letters = try depot.events("dead_letter")
            #expect(
                letters.map { $0.object["reason"] as? String }
                    == ["no birth seen for alias 2; the node must be asked to rebirth"]
            )
            #expect(letters.first?.object["payload_base64"] != nil)
            #expect(
                depot.metrics.count("gateway_source_sparkplug_gaps_total", ["source": "plant"]) == 1
            )
            #expect(depot.logCount("sparkplug: messages of an edge node are missing") == 1)
        }

        @Test("a compressed payload in CBOR is read, and kept as it came")
        func compressedPayloadIsRead() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure(
                GatewayFile(
                    sources: [
                        GatewayFile.source(
                            topics: """
                                - pattern: fleet/{vehicle}/state
                                  encoding: cbor
                                """
                        )
                    ]
                )
            )
            try await depot.runGateway()
            var message = TestMessage("fleet/car-1/state", "")
            // {"speed": 42}, in a frame of zstd.
            message.payload = [
                0x28, 0xB5, 0x2F, 0xFD, 0x20, 0x09, 0x49, 0x00, 0x00, 0xA1, 0x65, 0x73, 0x70, 0x65,
                0x65, 0x64, 0x18, 0x2A,
            ]
            var broken = message
            broken.payload.removeLast()
            try depot.publish([message, broken])
            try await until("both are in the log", explain: { depot.explanation }) {
                try depot.extent("raw").next == 3
            }
            let event = try #require(try depot.events("enriched").first)
            #expect((event.object["signals"] as? [String: Any])?["speed"] as? Int == 42)
            let letter = try #require(try depot.events("dead_letter").first)
            #expect(
                letter.object["reason"] as? String
                    == "not unpacked as zstd: the compressed data is cut off"
            )
            #expect(
                letter.object["payload_base64"] as? String
                    == Data(broken.payload).base64EncodedString()
            )
            let raw = try depot.read { try Data.fetchAll($0, sql: "SELECT payload FROM raw") }
            #expect(raw.map { [UInt8]($0) } == [message.payload, broken.payload])
        }

        private func message(
            _ place: String,
            seq: UInt64? = nil,
            at time: Timestamp,
            _ metrics: [SparkplugMetric]
        ) throws -> TestMessage {
            var payload = SparkplugPayload()
            if let seq { payload.seq = seq }
            payload.timestamp = UInt64(time.milliseconds)
            payload.metrics = metrics
            var message = TestMessage("spBv1.0/plant/\(place)", "")
            message.payload = try payload.serializedBytes()
            return message
        }

        private func metric(
            _ name: String? = nil,
            alias: UInt64,
            type: UInt32? = nil,
            _ value: SparkplugMetric.OneOf_Value
        ) -> SparkplugMetric {
            var metric = SparkplugMetric()
            if let name { metric.name = name }
            if let type { metric.datatype = type }
            metric.alias = alias
            metric.value = value
            return metric
        }

        private func bdSeq(_ number: UInt64) -> SparkplugMetric {
            var metric = SparkplugMetric()
            metric.name = "bdSeq"
            metric.value = .longValue(number)
            return metric
        }
    }
}
