// SPDX-License-Identifier: Apache-2.0

/// One stream of a lane into Kafka: where it goes and what its records carry.
struct KafkaLaneStream {
    /// The form of the events' JSON; grows when a field changes its meaning or goes.
    private static let schemaVersion = "1"

    /// The headers' places in the list.
    private enum Header: Int {
        case gateway
        case stream
        case schemaVersion
        case offset
        case eventTime
        case alert
    }

    let stream: String
    let topic: String
    let key: KafkaRecordKey
    private let layout: SignalLayout
    private let headers: KafkaHeaders
    /// The event's topic is the name of an alert.
    private let namesAlert: Bool

    init(_ configuration: SinkStreamConfiguration, gateway: String) {
        stream = configuration.stream
        topic = configuration.topic
            .topic(gateway: gateway, stream: configuration.stream, key: "", topic: "")
        key = configuration.key
        layout = configuration.layout
        namesAlert = stream == StreamName.outlier || stream == StreamName.firing
        headers = KafkaHeaders(
            [
                ("gateway", gateway), ("stream", stream), ("schema_version", Self.schemaVersion),
                ("offset", ""), ("event_time", ""),
            ] + (namesAlert ? [("alert", "")] : [])
        )
    }

    /// Queues one event; the error is about the record, or says that the queue is full.
    func produce(_ row: borrowing LogRow, to producer: KafkaProducer, tag: Int64) -> KafkaError? {
        headers.set(Header.offset.rawValue, row.offset)
        headers.set(Header.eventTime.rawValue, row.eventTime.milliseconds)
        if namesAlert { unsafe row.withTopic { unsafe headers.set(Header.alert.rawValue, $0) } }
        return producer.produce(
            row,
            layout,
            to: topic,
            key: key,
            headers: headers,
            tag: tag
        )
    }
}
