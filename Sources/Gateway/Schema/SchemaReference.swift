// SPDX-License-Identifier: Apache-2.0
// How a person says which group and which version are meant.

/// Why nothing, or not one thing, is what was asked for.
struct SchemaRefusal: Error, Equatable, CustomStringConvertible {
    enum Kind: Sendable {
        case unknown
        case ambiguous
    }

    var kind: Kind
    var message: String

    var description: String { message }
}

/// A version of a group: `3`, `4.2@3`, or `4.2` for its latest.
enum SchemaReference: Equatable, Sendable {
    /// Of the one group that the selection leaves.
    case version(Int)
    case group(String, version: Int?)

    /// Digits are a version: a group that is called `5` is `5@latest`.
    init(_ text: String) {
        if let version = Self.version(text) {
            self = .version(version)
            return
        }
        guard let place = text.lastIndex(of: "@") else {
            self = .group(text, version: nil)
            return
        }
        let name = String(text[..<place])
        let end = String(text[text.index(after: place)...])
        if end == "latest" {
            self = .group(name, version: nil)
        } else if let version = Self.version(end) {
            self = .group(name, version: version)
        } else {
            self = .group(text, version: nil)
        }
    }

    private static func version(_ text: String) -> Int? {
        text.allSatisfy { $0.isASCII && $0.isNumber } ? Int(text) : nil
    }
}

extension SchemaReader {
    /// Groups that an error names.
    private static let namedMax = 20

    /// The one group that a selection leaves.
    func group(_ selection: SchemaSelection) throws -> SchemaGroupRow {
        let found = try groups(selection).map(\.row)
        if found.count == 1 { return found[0] }
        guard found.isEmpty else {
            let differing = [
                ("source", Set(found.map(\.source))), ("topic", Set(found.map(\.topic))),
                ("group", Set(found.map(\.name))),
            ]
            .filter { $0.1.count > 1 }.map { option($0.0) }
            throw SchemaRefusal(
                kind: .ambiguous,
                message: "\(found.count) groups match; say which with "
                    + "\(differing.joined(separator: " and ")):" + Self.list(found)
            )
        }
        let known = try groups(SchemaSelection()).map(\.row)
        guard !known.isEmpty else {
            throw SchemaRefusal(kind: .unknown, message: "no schema was seen yet")
        }
        let near = [
            (selection.source, known.map(\.source)), (selection.topic, known.map(\.topic)),
            (selection.group, known.map(\.name)),
        ]
        .compactMap { word, words in
            word.flatMap { words.contains($0) ? nil : Suggestion.nearest(to: $0, among: words) }
        }
        .first
        throw SchemaRefusal(
            kind: .unknown,
            message: "no group matches"
                + (near.map { "; did you mean '\($0)'? Known are:" } ?? "; known are:")
                + Self.list(known)
        )
    }

    /// The version that a reference means.
    func content(
        of reference: SchemaReference,
        _ selection: SchemaSelection
    ) throws -> SchemaContent {
        switch reference {
        case .version(let version):
            return try content(of: group(selection), version: version)
        case .group(let name, let version):
            var selection = selection
            selection.group = name
            return try content(of: group(selection), version: version)
        }
    }

    private static func list(_ groups: [SchemaGroupRow]) -> String {
        let lines = groups.prefix(namedMax).map { "\n  " + TableWriter.visible($0.place) }
        let rest = groups.count - lines.count
        return lines.joined() + (rest > 0 ? "\n  and \(rest) more" : "")
    }
}
