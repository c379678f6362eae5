// SPDX-License-Identifier: Apache-2.0

/// Which dead letters somebody means.
struct DeadLetterFilter {
    /// A source's name, a sink's, or `table/NAME`.
    var source: String?
    /// As in a subscription.
    var topic: TopicPattern?
    /// A kind, or a part of the reason.
    var reason: String?
    var since: Timestamp?
    var until: Timestamp?
    /// Only those that were not processed again.
    var isOpen = false

    func takes(_ letter: StoredDeadLetter) -> Bool {
        if let source, letter.source != source, !letter.source.hasPrefix(source + "/") {
            return false
        }
        if let topic, topic.match(letter.topic) == nil { return false }
        if let reason, letter.kind != reason,
            !letter.reason.lowercased().contains(reason.lowercased())
        {
            return false
        }
        if let since, letter.arrival < since { return false }
        if let until, letter.arrival >= until { return false }
        return !isOpen || letter.replayedAt == nil
    }

    /// A moment: RFC 3339, or how long before `now`.
    static func time(_ text: String, now: Timestamp) -> Timestamp? {
        Timestamp(iso8601: text) ?? DurationText.milliseconds(text).map { now + -$0 }
    }
}
