// SPDX-License-Identifier: Apache-2.0

/// Dead letters counted by why and where from.
struct DeadLetterGroups {
    /// What one group has in common.
    struct Key: Hashable {
        /// The kind; of a letter without one, its reason with numbers masked.
        var reason: String
        var source: String
        var topic: String
    }

    /// Those that have it in common.
    struct Group {
        var key: Key
        var count = 0
        var replayed = 0
        var first: Timestamp
        var last: Timestamp
        /// The newest, for a look.
        var example: Int64
        /// What it says.
        var words: String
    }

    private let patterns: [String: [TopicPattern]]
    private var groups: [Key: Group] = [:]

    init(_ configuration: Configuration) {
        var patterns: [String: [TopicPattern]] = [:]
        for source in configuration.sources { patterns[source.name] = source.topics.map(\.pattern) }
        for table in configuration.tables {
            patterns[table.feedName] = table.session?.topics.map(\.pattern)
        }
        self.patterns = patterns
    }

    mutating func add(_ letter: StoredDeadLetter) {
        let key = Key(
            reason: letter.kind ?? Self.masked(letter.reason),
            source: Self.origin(letter.source),
            topic: pattern(of: letter)
        )
        var group =
            groups[key]
            ?? Group(
                key: key,
                first: letter.arrival,
                last: letter.arrival,
                example: letter.offset,
                words: letter.reason
            )
        group.count += 1
        if letter.replayedAt != nil { group.replayed += 1 }
        group.first = min(group.first, letter.arrival)
        group.last = max(group.last, letter.arrival)
        if letter.offset >= group.example {
            group.example = letter.offset
            group.words = letter.reason
        }
        groups[key] = group
    }

    /// The largest first.
    var sorted: [Group] {
        groups.values.sorted { ($0.count, $0.example) > ($1.count, $1.example) }
    }

    /// What a sink refused has its place in the source; all of one stream belong together.
    private static func origin(_ source: String) -> String {
        let parts = source.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, Int64(parts[2]) != nil else { return source }
        return "\(parts[0])/\(parts[1])"
    }

    /// The pattern that the topic matches; of what has no patterns the topic itself, which is a file, a Kafka
    /// topic or a stream.
    private func pattern(of letter: StoredDeadLetter) -> String {
        guard let patterns = patterns[letter.source] else {
            let isOfSink = Self.origin(letter.source) != letter.source
            return isOfSink ? self.pattern(matching: letter.topic) : letter.topic
        }
        return patterns.first { $0.match(letter.topic) != nil }?.text ?? "(no pattern)"
    }

    /// Of what a sink refused, the topic is the one that its cause came with.
    private func pattern(matching topic: String) -> String {
        patterns.sorted { $0.key < $1.key }.flatMap(\.value)
            .first { $0.match(topic) != nil }?
            .text ?? "(no pattern)"
    }

    /// A reason in which every number is the same.
    static func masked(_ reason: String) -> String {
        reason.replacing(/\d+/, with: "#")
    }
}
