// SPDX-License-Identifier: Apache-2.0
// The keys of a sink of type kafka.

extension ConfigurationDecoder {
    func decodeKafkaSink(
        _ section: YAMLMapping,
        name: String,
        gatewayID: String
    ) -> SinkConfiguration? {
        let window = section.int("window", default: 10_000, in: 1...100_000)
        let streams = decodeKafkaStreams(section, gatewayID: gatewayID)
        let group = section.string("group", default: "\(gatewayID).\(name)")
        guard var kafka = kafkaConnection(section, group: group) else { return nil }
        kafka.delivery =
            choice(section.optional("delivery"), KafkaDeliveryMode.self) ?? .exactlyOnce
        kafka.compression = choice(section.optional("compression"), KafkaCompression.self) ?? .lz4
        kafka.lingerMilliseconds = section.milliseconds("linger", default: kafka.lingerMilliseconds)
        if kafka.lingerMilliseconds > 60_000 {
            section.optional("linger")?.report("must be at most 1m")
        }
        if kafka.group.isEmpty { section.optional("group")?.report("must not be empty") }
        kafka.transactionTimeoutMilliseconds = section.milliseconds(
            "transaction_timeout",
            default: kafka.transactionTimeoutMilliseconds
        )
        if !(5_000...900_000).contains(kafka.transactionTimeoutMilliseconds) {
            section.optional("transaction_timeout")?
                .report(
                    "must be from 5s to 15m, and not above the broker's max.transaction.timeout.ms"
                )
        }
        return SinkConfiguration(
            name: name,
            transport: .kafka(kafka),
            window: window,
            streams: streams
        )
    }

    /// The keys that a sink and a table's source share: where the cluster is and who we are there.
    func kafkaConnection(_ section: YAMLMapping, group: String) -> KafkaConfiguration? {
        let brokers = section.required("brokers")?.list().compactMap { decodeBroker($0) }
        var kafka = KafkaConfiguration(
            brokers: brokers ?? [],
            tls: section.optional("tls").flatMap { decodeTLS($0) },
            sasl: section.optional("sasl")?.mapping { decodeSASL($0) } ?? nil,
            group: group
        )
        if section.optional("brokers")?.list().isEmpty == true {
            section.optional("brokers")?.report("needs at least one broker")
        }
        kafka.reconnectMinMilliseconds = max(
            10,
            section.milliseconds("reconnect_min", default: 200)
        )
        kafka.reconnectMaxMilliseconds = section.milliseconds("reconnect_max", default: 30_000)
        if kafka.reconnectMinMilliseconds > kafka.reconnectMaxMilliseconds {
            section.value.report("reconnect_min is longer than reconnect_max")
        }
        kafka.properties =
            section.optional("properties")?.mapping { decodeProperties($0) } ?? []
        return brokers == nil ? nil : kafka
    }

    /// `host:port`, as in `bootstrap.servers`; the port is 9092 when it is left out.
    private func decodeBroker(_ value: YAMLValue) -> String? {
        guard let text = value.string() else { return nil }
        let address = text.wholeMatch(of: #/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/#)
        guard let address, (1...65_535).contains(Int(address.2 ?? "9092") ?? 0) else {
            value.report("must look like kafka.example.com:9092 (got '\(text)')")
            return nil
        }
        return "\(address.1):\(address.2 ?? "9092")"
    }

    // Streams.

    /// A list of streams under the sink's topic, or a mapping in which each has keys of its own.
    private func decodeKafkaStreams(
        _ section: YAMLMapping,
        gatewayID: String
    ) -> [SinkStreamConfiguration] {
        let common = parsed(section.optional("topic"), TopicTemplate.init)
        guard let value = section.required("streams") else { return [] }
        var streams: [SinkStreamConfiguration] = []
        func add(
            _ name: String,
            _ place: YAMLValue,
            _ template: TopicTemplate?,
            _ key: KafkaRecordKey,
            _ layout: SignalLayout
        ) {
            reportUnknownStream(name, place)
            guard let template else {
                return place.report("needs a 'topic', here or for the whole sink: \"iot.{stream}\"")
            }
            reportUnfit(template, stream: name, gatewayID: gatewayID, place)
            streams.append(
                SinkStreamConfiguration(stream: name, topic: template, layout: layout, key: key)
            )
        }
        if value.isMapping {
            _ = value.mapping { mapping in
                for (name, place) in mapping.entries() {
                    _ = place.mapping { stream in
                        let own = parsed(stream.optional("topic"), TopicTemplate.init)
                        let key = choice(stream.optional("key"), KafkaRecordKey.self) ?? .vehicle
                        let layout = signalLayout(stream, stream: name)
                        add(name, place, own ?? common, key, layout)
                    }
                }
            }
        } else {
            for place in value.list() {
                if let name = place.string() { add(name, place, common, .vehicle, .flat) }
            }
        }
        reportSharedTopics(streams, gatewayID: gatewayID, value)
        return streams
    }

    private func reportUnfit(
        _ template: TopicTemplate,
        stream: String,
        gatewayID: String,
        _ value: YAMLValue
    ) {
        guard template.fields.isSubset(of: [.gateway, .stream]) else {
            return value.report(
                "a Kafka topic may name {gateway} and {stream} only (got '\(template.text)'): the "
                    + "cursor is kept by topic, and vehicle and alert are the record's key and header"
            )
        }
        let topic = template.topic(gateway: gatewayID, stream: stream, key: "", topic: "")
        // Kafka's own rule: org.apache.kafka.common.internals.Topic.validate.
        guard topic.wholeMatch(of: #/[A-Za-z0-9._-]{1,249}/#) != nil, topic != ".", topic != ".."
        else {
            return value.report(
                "'\(topic)' can't be a Kafka topic: up to 249 letters, digits, '.', '_' and '-'"
            )
        }
    }

    /// The cursor of a stream is committed under its topic.
    private func reportSharedTopics(
        _ streams: [SinkStreamConfiguration],
        gatewayID: String,
        _ value: YAMLValue
    ) {
        var seen: [String: String] = [:]
        for stream in streams {
            let topic = stream.topic
                .topic(gateway: gatewayID, stream: stream.stream, key: "", topic: "")
            guard let other = seen.updateValue(stream.stream, forKey: topic) else { continue }
            value.report(
                "'\(other)' and '\(stream.stream)' have one topic, '\(topic)': each stream needs a "
                    + "topic of its own, because its cursor is kept by topic; write {stream} into it"
            )
        }
    }

    // Security.

    /// `true` trusts the system's certificate authorities; a mapping names files.
    private func decodeTLS(_ value: YAMLValue) -> KafkaTLSConfiguration? {
        guard value.isMapping else {
            return value.bool() == true ? KafkaTLSConfiguration() : nil
        }
        return value.mapping { section in
            let tls = KafkaTLSConfiguration(
                caFile: section.optional("ca").flatMap { readableFile($0) },
                certificateFile: section.optional("certificate").flatMap { readableFile($0) },
                keyFile: section.optional("key").flatMap { readableFile($0) }
            )
            if (section.optional("certificate") == nil) != (section.optional("key") == nil) {
                section.value.report("'certificate' and 'key' go together")
            }
            return tls
        }
    }

    private func decodeSASL(_ section: YAMLMapping) -> KafkaSASLConfiguration? {
        let bearer = "OAUTHBEARER"
        let known = KafkaPasswordMechanism.allCases.map(\.rawValue) + [bearer]
        guard let value = section.required("mechanism"), let text = value.string() else {
            return nil
        }
        if text == bearer {
            let token = section.required("token")?.mapping { decodeTokenSource($0) } ?? nil
            return token.map { .token($0) }
        }
        let username = section.required("username")?.string()
        let password = section.required("password").flatMap { secret($0) }
        guard let mechanism = KafkaPasswordMechanism(rawValue: text) else {
            value.report(
                "must be one of \(known.joined(separator: ", ")) (got '\(text)')"
                    + Suggestion.sentence(for: text, among: known)
            )
            return nil
        }
        guard let username, let password else { return nil }
        return .password(mechanism: mechanism, username: username, password: password)
    }

    private func decodeTokenSource(_ section: YAMLMapping) -> KafkaTokenSource? {
        let command = section.optional("command")?.list().compactMap { $0.string() }
        let file = section.optional("file").flatMap { readableFile($0) }
        switch (command, file) {
        case (let command?, nil) where !command.isEmpty: return .command(command)
        case (nil, let file?): return .file(file)
        default:
            section.value.report("needs 'command' (a list: program and arguments) or 'file'")
            return nil
        }
    }

    // librdkafka's own settings.

    private func decodeProperties(_ section: YAMLMapping) -> [KafkaProperty] {
        section.entries()
            .compactMap { name, value in
                if let reason = KafkaPropertyRules.refusal(of: name) {
                    value.report("is refused: \(reason)")
                    return nil
                }
                guard let text = value.string() else { return nil }
                let property = KafkaProperty(name: name, value: text)
                if let mistake = KafkaPropertyRules.mistake(in: property) {
                    value.report("is not taken by librdkafka: \(mistake)")
                }
                return property
            }
    }
}
