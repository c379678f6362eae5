// SPDX-License-Identifier: Apache-2.0

/// How the gateway watches the shape of what vehicles send.
struct SchemaConfiguration: Sendable {
    /// What tells vehicles apart whose messages may look different.
    enum Grouping: Sendable, Equatable {
        /// All vehicles of a configured topic are alike.
        case pattern
        /// By the topic of the message, as it arrived.
        case topic
        /// By an SQL expression over the vehicle's columns, and where it stands.
        case expression(String, file: String, line: Int, key: String)
    }

    /// A rule about how much changes matter; the first that matches one decides.
    struct SeverityRule: Sendable {
        /// Any kind when it is `nil`.
        var kind: SchemaChange.Kind?
        /// Any path when it is `nil`.
        var path: PathGlob?
        var severity: SchemaSeverity
    }

    var isEnabled = true
    var grouping = Grouping.pattern
    /// Messages without anything new after which a group's first version is known.
    var learnMessages: Int64 = 100
    /// A path is gone when the group has sent so many messages without it, or spoken so long.
    var goneMessages: Int64 = 1_000
    var goneMilliseconds: Int64 = 86_400_000
    /// Changes within so long are told as one.
    var burstMilliseconds: Int64 = 500
    var severities: [SeverityRule] = []
    /// Paths whose examples are shown with their letters and digits replaced.
    var masks: [PathGlob] = []
    /// Whether examples of values are kept at all.
    var keepsExamples = true
    var guessesUnits = true
    /// Groups, and paths of one group.
    var groupsMax = 1_000
    var pathsMax = 5_000
    /// Shapes that a group knows; those that were not seen for longest are forgotten first.
    var shapesMax = 4_096
}

extension SchemaConfiguration {
    /// Bytes of a text that an example keeps.
    private static let exampleBytesMax = 64

    /// Whether values of a path must not be shown.
    func isMasked(_ path: String) -> Bool { masks.contains { $0.matches(path) } }

    /// A value as it may be shown as an example of its path; `nil` when none may.
    func shown(_ value: SignalValue?, of path: String) -> SignalValue? {
        guard keepsExamples, let value else { return nil }
        if isMasked(path) { return Self.masked(value) }
        guard case .text(let text) = value, text.utf8.count > Self.exampleBytesMax else {
            return value
        }
        return .text(Self.cut(text) + "…")
    }

    /// Letters become `x` and digits `9`; the form of a value is kept, its content is not.
    private static func masked(_ value: SignalValue) -> SignalValue {
        switch value {
        case .null, .bool: value
        default:
            .text(
                String(
                    cut(value.text)
                        .map { $0.isLetter ? "x" : $0.isNumber ? "9" : $0 }
                )
            )
        }
    }

    private static func cut(_ text: String) -> String {
        var bytes = 0
        return String(
            text.prefix { character in
                bytes += character.utf8.count
                return bytes <= exampleBytesMax
            }
        )
    }

    /// How much a change matters.
    func severity(of change: SchemaChange) -> SchemaSeverity {
        let rule = severities.first { rule in
            (rule.kind ?? change.kind) == change.kind
                && (rule.path.map { glob in
                    glob.matches(change.path) || (change.formerPath.map(glob.matches) ?? false)
                } ?? true)
        }
        if let rule { return rule.severity }
        switch change.kind {
        case .pathAdded, .typeWidened, .typeGone, .nullability, .arrayGrown, .unitJump: return .info
        // What a rule reads is not there any more, or is something else.
        case .pathGone, .typeChanged, .likelyRename:
            return change.alerts.isEmpty ? .warning : .critical
        }
    }
}
