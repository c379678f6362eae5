// SPDX-License-Identifier: Apache-2.0
// The keys of what feeds a table.

/// Where change events come from.
private enum FeedType: String, CaseIterable {
    case mqtt
    case kafka
    case file
}

extension ConfigurationDecoder {
    func decodeFeed(
        _ section: YAMLMapping,
        table: String,
        gatewayID: String
    ) -> FeedConfiguration? {
        switch choice(section.required("type"), FeedType.self) {
        case .mqtt:
            return decodeMQTTFeed(section, table: table, gatewayID: gatewayID).map { .mqtt($0) }
        case .kafka: return decodeKafkaFeed(section).map { .kafka($0) }
        case .file: return decodeFileFeed(section).map { .file($0) }
        case nil:
            // Whether the other keys are right depends on the type.
            _ = section.entries()
            return nil
        }
    }

    private func decodeMQTTFeed(
        _ section: YAMLMapping,
        table: String,
        gatewayID: String
    ) -> SourceConfiguration? {
        let connection = connection(section, clientID: "\(gatewayID)-table-\(table)")
        let topics = section.required("topic")?.list().compactMap { parsed($0, TopicPattern.init) }
        let expiry = sessionExpirySeconds(section)
        let receiveMaximum = section.int("receive_maximum", default: 1_000, in: 1...65_535)
        guard let connection, let topics else { return nil }
        return SourceConfiguration(
            name: "table/\(table)",
            connection: connection,
            sessionExpirySeconds: expiry,
            receiveMaximum: receiveMaximum,
            topics: topics.map { TopicConfiguration(pattern: $0) }
        )
    }

    private func decodeKafkaFeed(_ section: YAMLMapping) -> KafkaFeedConfiguration? {
        let kafka = kafkaConnection(section, group: "")
        let topic = section.required("topic")?.string()
        guard let kafka, let topic else { return nil }
        return KafkaFeedConfiguration(kafka: kafka, topic: topic)
    }

    /// A file that is not there yet is waited for.
    private func decodeFileFeed(_ section: YAMLMapping) -> FileFeedConfiguration? {
        let path = section.required("path")?.string().map(path)
        let format = choice(section.optional("format"), FileFeedConfiguration.Format.self)
        guard let path else { return nil }
        let ending = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
        let known: [String: FileFeedConfiguration.Format] = [
            "csv": .csv, "jsonl": .jsonl, "ndjson": .jsonl,
        ]
        guard let format = format ?? known[ending] else {
            section.value.report("needs a 'format': csv or jsonl")
            return nil
        }
        return FileFeedConfiguration(path: path, format: format)
    }
}
