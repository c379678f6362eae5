// SPDX-License-Identifier: Apache-2.0

/// The streams that every gateway has.
enum StreamName {
    /// Every message as it arrived.
    static let raw = "raw"
    /// Every reading with what the gateway knows about it.
    static let enriched = "enriched"
    /// What alerts emit when they fire or resolve.
    static let outlier = "outlier"
    /// Per vehicle, which alerts fire; one event per change.
    static let firing = "firing"
    /// What could not be decoded or delivered, with the reason, and gap events.
    static let deadLetter = "dead_letter"
    /// The current record of each vehicle; an event each time it has changed.
    static let current = "current"
    /// What is new in the shape of what comes in: a column of a table, say.
    static let schema = "schema"

    /// In the order in which the disk budget evicts them: the least valuable first.
    static let all = order(derived: [])

    /// The same with the streams of `select` rules.
    static func order(derived: [String]) -> [String] {
        [raw, enriched, current] + derived + [deadLetter, schema, firing, outlier]
    }
}
