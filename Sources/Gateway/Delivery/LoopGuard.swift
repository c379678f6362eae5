// SPDX-License-Identifier: Apache-2.0

/// Keeps a sink from publishing what a source on the same broker would take in again.
///
/// Configurations whose templates and patterns meet always are refused at start. What is left are
/// vehicles and alerts that are named like a level of a pattern: a vehicle `state` would make
/// `fleet/enriched/state`, which is one of `fleet/{vehicle}/state`.
struct LoopGuard: Sendable {
    private let patterns: [TopicPattern]
    /// The literal levels of the patterns.
    private let words: Set<String>

    init(patterns: [TopicPattern]) {
        self.patterns = patterns
        words = Set(patterns.flatMap(\.literals))
    }

    /// The pattern that an event's topic would match, if any.
    func pattern(
        taking topic: String,
        from template: TopicTemplate,
        of event: StoredEvent
    ) -> TopicPattern? {
        guard words.contains(event.key) || words.contains(event.topic) || template.namesTopic else {
            return nil
        }
        return patterns.first { $0.match(topic) != nil }
    }
}

extension Configuration {
    /// The patterns that sources and tables subscribe to at the broker of a connection.
    func patterns(at broker: MQTTConnectionConfiguration) -> [TopicPattern] {
        (sources + tables.compactMap(\.session)).filter { $0.connection.broker == broker.broker }
            .flatMap { $0.topics.map(\.pattern) }
    }
}
