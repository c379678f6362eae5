// SPDX-License-Identifier: Apache-2.0
// Sinks: what they share, and what only MQTT has. Kafka's own keys: Configuration+Kafka.

/// What is at a sink's far side.
private enum SinkType: String, CaseIterable {
    case mqtt
    case kafka
}

extension ConfigurationDecoder {
    func decodeSink(_ section: YAMLMapping, gatewayID: String) -> SinkConfiguration? {
        let name = section.required("name")?.string()
        let type = choice(section.optional("type"), SinkType.self) ?? .mqtt
        let rate = section.optional("drain_rate")?.int(in: 1...10_000_000)
        let sink =
            switch type {
            case .mqtt: decodeMQTTSink(section, name: name ?? "sink", gatewayID: gatewayID)
            case .kafka: decodeKafkaSink(section, name: name ?? "sink", gatewayID: gatewayID)
            }
        guard name != nil, var sink else { return nil }
        sink.drainRate = rate
        return sink
    }

    private func decodeMQTTSink(
        _ section: YAMLMapping,
        name: String,
        gatewayID: String
    ) -> SinkConfiguration? {
        let connection = connection(section, clientID: "\(gatewayID)-\(name)")
        let window = section.int("window", default: 500, in: 1...60_000)
        _ = section.int("qos", default: 1, in: 1...1)
        let streams = section.required("streams")?
            .mapping { streams in
                streams.entries()
                    .compactMap { stream, value -> SinkStreamConfiguration? in
                        value.mapping { decodeMQTTStream(stream, $0) } ?? nil
                    }
            }
        guard let connection, let streams else { return nil }
        return SinkConfiguration(
            name: name,
            transport: .mqtt(connection),
            window: window,
            streams: streams
        )
    }

    private func decodeMQTTStream(
        _ stream: String,
        _ section: YAMLMapping
    ) -> SinkStreamConfiguration? {
        reportUnknownStream(stream, section.value)
        let topic = parsed(section.required("topic"), TopicTemplate.init)
        let isRetained = section.bool("retain", default: false)
        let interval = section.optional("min_interval")
        if stream != StreamName.current {
            interval?.report("only the stream 'current' has one")
        }
        let layout = signalLayout(section, stream: stream)
        guard let topic else { return nil }
        var configuration = SinkStreamConfiguration(
            stream: stream,
            topic: topic,
            layout: layout,
            isRetained: isRetained
        )
        if let milliseconds = interval?.milliseconds() {
            configuration.minIntervalMilliseconds = milliseconds
        }
        return configuration
    }

    /// How a stream's events have their signals; only two streams have any.
    func signalLayout(_ section: YAMLMapping, stream: String) -> SignalLayout {
        guard let value = section.optional("layout") else { return .flat }
        let known = [StreamName.enriched, StreamName.current]
        if !known.contains(stream) {
            value.report("only the streams \(known.joined(separator: " and ")) have signals")
        }
        return choice(value, SignalLayout.self) ?? .flat
    }

    func reportUnknownStream(_ stream: String, _ value: YAMLValue) {
        let known = StreamName.order(derived: derivedStreams)
        guard !known.contains(stream) else { return }
        value.report("unknown stream" + Suggestion.sentence(for: stream, among: known))
    }
}
