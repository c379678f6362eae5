// SPDX-License-Identifier: Apache-2.0
// Where a dead letter goes when it is processed again, by the configuration of this moment.

/// Why a dead letter can't be processed again, in words for the person who asked for it.
struct ReplayRefusal: Error, Equatable {
    var reason: String
}

/// A dead letter as the message that it was.
struct ReplayedMessage {
    /// The index of its source; feeds of tables are counted behind them.
    var source: Int
    var topic: Topic
    var payload: [UInt8]
    var arrival: Timestamp
    var replay: DeadLetterReplay
}

/// Finds the source of a dead letter again.
struct ReplayRoute: Sendable {
    private let sources: [String: (index: Int, patterns: [TopicPattern])]
    private let tables: Set<String>

    init(_ configuration: Configuration) {
        var sources: [String: (index: Int, patterns: [TopicPattern])] = [:]
        for (index, source) in configuration.sources.enumerated() {
            sources[source.name] = (index, source.topics.map(\.pattern))
        }
        for (index, table) in configuration.tables.enumerated() {
            guard let session = table.session, sources[table.feedName] == nil else { continue }
            sources[table.feedName] = (
                configuration.sources.count + index, session.topics.map(\.pattern)
            )
        }
        self.sources = sources
        tables = Set(configuration.tables.map(\.feedName))
    }

    /// The message that a dead letter was.
    func message(_ letter: StoredDeadLetter) throws(ReplayRefusal) -> ReplayedMessage {
        guard !letter.isGap, let payload = letter.payload else {
            throw ReplayRefusal(reason: "it is the news of a gap, and no message")
        }
        guard let source = sources[letter.source] else {
            throw ReplayRefusal(reason: refusal(of: letter.source))
        }
        let topic = Topic(name: letter.topic, patterns: source.patterns)
        guard topic.configurationIndex != nil else {
            throw ReplayRefusal(
                reason: "its topic still matches no pattern of \(letter.source); add one"
            )
        }
        let elements: [Int]?
        switch letter.elements {
        case .all: elements = nil
        case .some(let some): elements = some
        case .unknown:
            throw ReplayRefusal(
                reason: "an earlier version kept it without saying which elements of its array "
                    + "took effect; publish those that did not"
            )
        }
        return ReplayedMessage(
            source: source.index,
            topic: topic,
            payload: payload,
            arrival: letter.arrival,
            replay: DeadLetterReplay(offset: letter.offset, elements: elements)
        )
    }

    private func refusal(of source: String) -> String {
        if tables.contains(source) {
            return "its table is fed by Kafka or a file: mend it there, and it comes again"
        }
        let parts = source.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 3, Int64(parts[2]) != nil, parts[0] != "table" {
            return "a sink has refused it: mend the sink, and move its cursor back "
                + "(docs/log-format.md)"
        }
        return "the configuration has no source '\(source)'"
    }
}
