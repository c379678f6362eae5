// SPDX-License-Identifier: Apache-2.0
// What the log keeps of the schema history; docs/log-format.md tells what the columns mean.

/// A row of `schema_group`.
struct SchemaGroupRow: Equatable, Sendable {
    var id: Int64
    var source: String
    var topic: String
    var name: String
    /// The group that its vehicles were in before, when it began as that one's successor.
    var parent: Int64?
    var version: Int
    var isSettled: Bool
    var messages: Int64
    /// The message that brought something new last.
    var noveltyNumber: Int64
    var firstSeen: Timestamp
    var lastSeen: Timestamp
}

/// A row of `schema_path`.
struct SchemaPathRow: Equatable, Sendable {
    var group: Int64
    var key: SchemaKey
    var addedIn: Int
    /// The first version that does not have it any more.
    var goneIn: Int?
    var firstPath: String
    var firstNumber: Int64
    var lastNumber: Int64
    var gapMax: Int64
    var firstSeen: Timestamp
    var lastSeen: Timestamp
    var count: Int64
    var firstVehicle: String
    var firstExample: SignalValue?
    var lastExample: SignalValue?
    var minimum: Double?
    var maximum: Double?
    /// The range of the samples that others are compared with.
    var recentMinimum: Double?
    var recentMaximum: Double?
    var lengthMax: Int
    var lengthCount: Int
    var inheritedPresence: Double?
}

/// A row of `schema_version`.
struct SchemaVersionRow: Equatable, Sendable {
    var group: Int64
    var version: Int
    var time: Timestamp
    var fingerprint: String
    var pathCount: Int
    /// What was told of it on the `schema` stream, as JSON.
    var event: String
}

/// One step of what a batch did to the schema history.
enum SchemaWrite: Equatable, Sendable {
    case group(SchemaGroupRow)
    case path(SchemaPathRow)
    /// A path of a version that is still being learned has taken another form.
    case forget(group: Int64, key: SchemaKey, addedIn: Int)
    case version(SchemaVersionRow)
}
