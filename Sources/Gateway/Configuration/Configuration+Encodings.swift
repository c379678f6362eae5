// SPDX-License-Identifier: Apache-2.0
// How the bytes of a topic's payloads are read.

extension ConfigurationDecoder {
    func decodeEncoding(_ value: YAMLValue?, _ format: PayloadFormat) -> PayloadEncoding {
        guard let value, let encoding = choice(value, PayloadEncoding.self) else { return .json }
        if format == .text, encoding != .json {
            value.report("format text has no values to encode; leave 'encoding' out")
        }
        return encoding
    }
}

// Sparkplug B says by itself what others configure.

extension ConfigurationDecoder {
    /// A topic of Sparkplug B: the pattern is all that may be said about it.
    func sparkplugTopic(_ section: YAMLMapping, _ pattern: TopicPattern) -> TopicConfiguration {
        for key in ["vehicle", "event_time", "encoding"] {
            section.optional(key)?
                .report("format sparkplug_b has its own; leave '\(key)' out")
        }
        if !pattern.takesSparkplug {
            section.optional("pattern")?
                .report(
                    "format sparkplug_b needs all messages of an edge node, such as "
                        + "\(SparkplugTopic.namespace)/+/+/+/# or \(SparkplugTopic.namespace)/plant/+/+/# "
                        + "(got '\(pattern)')"
                )
        }
        return TopicConfiguration(
            pattern: pattern,
            format: .sparkplugB,
            vehiclePath: "vehicle",
            eventTime: EventTimeConfiguration(
                paths: ["timestamp"],
                format: .epoch(unitsPerMillisecond: 1)
            )
        )
    }
}

extension TopicPattern {
    /// Births, data and deaths of an edge node and its devices match: the level of the message type is
    /// open, and so is the end.
    fileprivate var takesSparkplug: Bool {
        let levels = filter.split(separator: "/", omittingEmptySubsequences: false)
        guard levels.first == SparkplugTopic.namespace[...], levels.last == "#" else {
            return false
        }
        return levels.count < 3 || levels[2] == "+" || levels[2] == "#"
    }
}
