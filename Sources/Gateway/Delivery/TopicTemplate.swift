// SPDX-License-Identifier: Apache-2.0

/// The topic an event is delivered under: `fleet/outlier/{alert}/{vehicle}`.
struct TopicTemplate: Sendable, Hashable {
    /// What a template may name.
    enum Field: String, Sendable, CaseIterable {
        case gateway
        case stream
        /// The event's key.
        case vehicle
        /// The event's topic: of an outlier the alert, otherwise where the message came from.
        case alert
        case topic
    }

    private enum Part: Sendable, Hashable {
        case literal(String)
        case field(Field)
    }

    let text: String
    private let parts: [Part]

    /// Reads a template; the error is a sentence for the person who wrote it.
    init(_ text: String) throws(TopicPatternError) {
        var parts: [Part] = []
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw TopicPatternError(message: "'{' is not closed")
            }
            let name = String(rest[rest.index(after: open)..<close])
            guard let field = Field(rawValue: name) else {
                let known = Field.allCases.map(\.rawValue)
                throw TopicPatternError(
                    message: "unknown field '{\(name)}'"
                        + Suggestion.sentence(for: name, among: known)
                )
            }
            if open > rest.startIndex { parts.append(.literal(String(rest[..<open]))) }
            parts.append(.field(field))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.literal(String(rest))) }
        guard !parts.isEmpty else { throw TopicPatternError(message: "must not be empty") }
        for case .literal(let word) in parts where word.contains(where: { "+#".contains($0) }) {
            throw TopicPatternError(message: "must not contain '+' or '#': it is published to")
        }
        self.text = text
        self.parts = parts
    }

    /// The topic of one event.
    ///
    /// What MQTT forbids in a level (section 4.7.1), or a broker may refuse in a text (control
    /// characters, section 1.5.4), becomes `_`.
    func topic(gateway: String, stream: String, key: String, topic: String) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .literal(let word): result += word
            case .field(.gateway): result += Self.level(gateway)
            case .field(.stream): result += Self.level(stream)
            case .field(.vehicle): result += Self.level(key)
            case .field(.alert): result += Self.level(topic)
            case .field(.topic): result += topic
            }
        }
        return result
    }

    /// What it names.
    var fields: Set<Field> {
        Set(parts.compactMap { if case .field(let field) = $0 { field } else { nil } })
    }

    /// It takes the event's topic as it is, with all its levels.
    var namesTopic: Bool { parts.contains(.field(.topic)) }

    /// A topic that this template makes.
    var sample: String {
        topic(gateway: "gateway", stream: "stream", key: "vehicle", topic: "topic")
    }

    private static func level(_ word: String) -> String {
        guard !word.isEmpty else { return "_" }
        let isForbidden: (UInt8) -> Bool = {
            $0 < 0x20 || $0 == 0x7F || "/+#".utf8.contains($0)
        }
        guard word.utf8.contains(where: isForbidden) else { return word }
        return String(
            decoding: word.utf8.map { isForbidden($0) ? UInt8(ascii: "_") : $0 },
            as: UTF8.self
        )
    }
}
