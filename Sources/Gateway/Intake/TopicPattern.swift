// SPDX-License-Identifier: Apache-2.0

/// A subscription with named levels: `fleet/{vehicle}/state` subscribes to `fleet/+/state` and
/// tells which vehicle a message is from.
struct TopicPattern: Sendable, Hashable, CustomStringConvertible {
    private enum Level: Sendable, Hashable {
        case literal(String)
        case field(String)
        case any
        case rest
    }

    let text: String
    private let levels: [Level]

    var description: String { text }

    /// The filter to subscribe to (MQTT 5, section 4.7).
    var filter: String {
        levels.map {
            switch $0 {
            case .literal(let word): word
            case .field, .any: "+"
            case .rest: "#"
            }
        }
        .joined(separator: "/")
    }

    /// The levels that are spelled out.
    var literals: [String] {
        levels.compactMap { if case .literal(let word) = $0 { word } else { nil } }
    }

    /// The names of its levels, in order.
    var fields: [String] {
        levels.compactMap { if case .field(let name) = $0 { name } else { nil } }
    }

    /// Reads a pattern; the error is a sentence for the person who wrote it.
    init(_ text: String) throws(TopicPatternError) {
        guard !text.isEmpty else { throw TopicPatternError(message: "must not be empty") }
        guard !text.hasPrefix("$share/") else {
            throw TopicPatternError(
                message: "must not start with '$share/'; set 'share' on the source instead"
            )
        }
        var levels: [Level] = []
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        for (index, word) in words.enumerated() {
            switch word {
            case "+": levels.append(.any)
            case "#":
                guard index == words.count - 1 else {
                    throw TopicPatternError(message: "'#' must be the last level")
                }
                levels.append(.rest)
            case _ where word.hasPrefix("{") && word.hasSuffix("}") && word.count > 2:
                levels.append(.field(String(word.dropFirst().dropLast())))
            case _ where word.contains(where: { "+#{}".contains($0) }):
                throw TopicPatternError(
                    message: "level '\(word)' must be a word, '{name}', '+' or '#'"
                )
            default: levels.append(.literal(String(word)))
            }
        }
        self.text = text
        self.levels = levels
        guard Set(fields).count == fields.count else {
            throw TopicPatternError(message: "names a level twice")
        }
    }

    /// Whether there are topics that both take.
    func overlaps(_ other: TopicPattern) -> Bool {
        var (mine, others) = (levels[...], other.levels[...])
        while let left = mine.popFirst() {
            if case .rest = left { return true }
            guard let right = others.popFirst() else { return false }
            if case .rest = right { return true }
            if case (.literal(let word), .literal(let otherWord)) = (left, right), word != otherWord
            {
                return false
            }
        }
        return others.first.map { if case .rest = $0 { true } else { false } } ?? true
    }

    /// The named levels of a topic, or `nil` when the topic is not one of ours.
    func match(_ topic: String) -> [String: String]? {
        var found: [String: String] = [:]
        var words = topic.split(separator: "/", omittingEmptySubsequences: false)[...]
        for level in levels {
            if case .rest = level { return found }
            guard let word = words.popFirst() else { return nil }
            switch level {
            case .literal(let expected): guard word == expected else { return nil }
            case .field(let name): found[name] = String(word)
            case .any, .rest: break
            }
        }
        return words.isEmpty ? found : nil
    }
}

/// Why a topic pattern can't be used.
struct TopicPatternError: Error {
    var message: String
}
