// SPDX-License-Identifier: Apache-2.0
@testable import Gateway

/// One reading and its values by name.
struct DecodedReading {
    var reading: Reading
    /// As the payload's order has them; `nil` where it has no scalar.
    var columns: [(name: String, value: SignalValue?)]

    var signals: [String: SignalValue] {
        Dictionary(columns.compactMap { name, value in value.map { (name, $0) } }) { $1 }
    }
}

/// The decoder of one topic.
struct TestDecoder {
    let signals: SignalTable
    private let decoder: MessageDecoder
    private let patterns: [TopicPattern]

    init(
        _ topic: TopicConfiguration,
        catalogue: [SignalConfiguration] = [],
        limits: LimitsConfiguration = LimitsConfiguration(),
        clock: ClockConfiguration = ClockConfiguration()
    ) {
        signals = SignalTable(catalogue: catalogue, signalsMax: limits.signalsMax)
        patterns = [topic.pattern]
        decoder = MessageDecoder(
            configuration: topic,
            limits: limits,
            clock: clock,
            parser: JSONParser(depthMax: limits.depthMax),
            signals: signals
        )
    }

    /// All readings of a payload.
    func decode(
        _ payload: [UInt8],
        topic: String = "fleet/car/state",
        arrival: Timestamp = .seconds(0)
    ) throws -> [DecodedReading] {
        var batch = MessageBatch()
        batch.append(TestMessage(topic, payload, arrival: arrival), patterns: patterns)
        let message = batch.messages[0]
        let count = try decoder.parse(message, in: batch)
        return try (0..<count)
            .map { element in
                let reading = try decoder.reading(element, of: message)
                let names = reading.shape.columns.map(\.name)
                return DecodedReading(reading: reading, columns: Array(zip(names, decoder.values)))
            }
    }

    func decode(
        _ payload: String,
        topic: String = "fleet/car/state",
        arrival: Timestamp = .seconds(0)
    ) throws -> [DecodedReading] {
        try decode(Array(payload.utf8), topic: topic, arrival: arrival)
    }
}
