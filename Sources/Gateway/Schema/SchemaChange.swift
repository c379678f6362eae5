// SPDX-License-Identifier: Apache-2.0

/// One thing that is different from the version before.
struct SchemaChange: Equatable, Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case pathAdded = "path_added"
        /// Not seen for long, while the group still speaks.
        case pathGone = "path_gone"
        /// A value of another type than before.
        case typeChanged = "type_changed"
        /// A number with a fraction where there were integers: nothing breaks.
        case typeWidened = "type_widened"
        /// One of several types of a path is not seen any more.
        case typeGone = "type_gone"
        /// Null, or empty, where there was always a value; or a value where there was only null.
        case nullability
        /// A list longer than any before.
        case arrayGrown = "array_grown"
        /// A guess: one path ends where another begins.
        case likelyRename = "likely_rename"
        /// A guess: a number's range has moved by what units differ by.
        case unitJump = "unit_jump"
    }

    var kind: Kind
    var path: String
    /// Of a rename: what it was called.
    var formerPath: String?
    var before: [SchemaType] = []
    var after: [SchemaType] = []
    var exampleBefore: SignalValue?
    var exampleAfter: SignalValue?
    /// What speaks for a guess, or tells more.
    var evidence: [String] = []
    /// The catalogue's unit.
    var unit: String?
    /// Alerts that read the path.
    var alerts: [String] = []
    var severity = SchemaSeverity.info
}

/// How much a change matters, from what is not even told to what wakes somebody up.
enum SchemaSeverity: String, CaseIterable, Comparable, Sendable {
    /// Becomes part of a version, and is not told.
    case none
    case info
    case warning
    case critical

    private var rank: Int {
        switch self {
        case .none: 0
        case .info: 1
        case .warning: 2
        case .critical: 3
        }
    }

    static func < (left: SchemaSeverity, right: SchemaSeverity) -> Bool { left.rank < right.rank }
}
