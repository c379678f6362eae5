// SPDX-License-Identifier: Apache-2.0
import Foundation
import SparkplugProtocol
import SwiftProtobuf
import Testing

@testable import Gateway

/// Makes the messages of edge nodes.
struct SparkplugPlant {
    static let topic = TopicConfiguration(
        pattern: pattern,
        format: .sparkplugB,
        vehiclePath: "vehicle",
        eventTime: EventTimeConfiguration(
            paths: ["timestamp"],
            format: .epoch(unitsPerMillisecond: 1)
        )
    )

    private static var pattern: TopicPattern {
        guard let pattern = try? TopicPattern("spBv1.0/+/+/+/#") else {
            preconditionFailure("the pattern is broken")
        }
        return pattern
    }

    /// A message of edge node `press` of the group `plant`, or of one of its devices.
    static func message(
        _ kind: String,
        _ device: String? = nil,
        seq: UInt64? = nil,
        at time: Timestamp? = nil,
        arrival: Timestamp? = nil,
        _ metrics: [SparkplugMetric] = []
    ) throws -> TestMessage {
        var payload = SparkplugPayload()
        if let seq { payload.seq = seq }
        if let time { payload.timestamp = UInt64(time.milliseconds) }
        payload.metrics = metrics
        let topic = "spBv1.0/plant/\(kind)/press" + (device.map { "/\($0)" } ?? "")
        return TestMessage(
            topic,
            try payload.serializedBytes() as [UInt8],
            arrival: arrival ?? time ?? .seconds(0)
        )
    }

    /// The births of the edge node and of its device `arm`.
    static func births(
        session: UInt64 = 0,
        at time: Timestamp = .seconds(0)
    ) throws -> [TestMessage] {
        [
            try message(
                "NBIRTH",
                seq: 0,
                at: time,
                [.bdSeq(session), .init("Node Control/Rebirth", type: 11, .booleanValue(false))]
            ),
            try message(
                "DBIRTH",
                "arm",
                seq: 1,
                at: time,
                [
                    .init("Motor/Speed", alias: 7, type: 3, .intValue(UInt32(bitPattern: -5))),
                    .init("Motor/Hot", alias: 8, type: 11, .booleanValue(false)),
                ]
            ),
        ]
    }
}

extension SparkplugMetric {
    init(
        _ name: String?,
        alias: UInt64? = nil,
        type: UInt32? = nil,
        _ value: OneOf_Value? = nil
    ) {
        self.init()
        if let name { self.name = name }
        if let alias { self.alias = alias }
        if let type { datatype = type }
        self.value = value
    }

    static func bdSeq(_ number: UInt64) -> SparkplugMetric {
        SparkplugMetric("bdSeq", type: 8, .longValue(number))
    }

    /// What was so at a time in the past.
    func historical(at time: Timestamp) -> SparkplugMetric {
        var metric = self
        metric.isHistorical = true
        metric.timestamp = UInt64(time.milliseconds)
        return metric
    }
}
