// SPDX-License-Identifier: Apache-2.0

/// What a session is subscribed to, of what its source asks for.
///
/// A session outlives the configuration: the broker may know filters that are no longer asked for.
struct Subscriptions {
    /// What to subscribe to, in the order of the source's topics.
    let filters: [String]
    private let protocolVersion: Int
    /// What the broker has confirmed.
    private var confirmed: Set<String>
    /// The same, as long as the log does not have it.
    private(set) var unsaved: Set<String>?
    /// What was confirmed when the connection began.
    private var resumed: Set<String> = []

    /// `confirmed` is what the log has.
    init(of source: SourceConfiguration, confirmed: Set<String>) {
        filters = source.topics.map { topic in
            source.shareGroup.map { "$share/\($0)/\(topic.pattern.filter)" } ?? topic.pattern.filter
        }
        protocolVersion = source.connection.protocolVersion
        self.confirmed = confirmed
    }

    /// Whether the broker is known to keep what is asked for, and nothing else.
    var isComplete: Bool { confirmed == Set(filters) }

    /// What the session has and nobody asks for: it would come for ever.
    var dropped: [String] { confirmed.subtracting(filters).sorted() }

    /// A connection was made.
    mutating func connected(isSessionPresent: Bool) {
        if !isSessionPresent {
            confirmed = []
            unsaved = nil
        }
        resumed = confirmed
    }

    /// The broker has granted all filters; it works in order, so what was dropped is gone as well.
    mutating func confirm() {
        guard !isComplete else { return }
        confirmed = Set(filters)
        unsaved = confirmed
    }

    /// The log has what was confirmed.
    mutating func saved() { unsaved = nil }

    /// Whether a retained message of this topic has come before.
    ///
    /// MQTT 5 can ask a broker to send retained messages for new subscriptions only (section
    /// 3.8.3.1). A 3.1.1 broker sends them at every SUBSCRIBE, though the session had them when they
    /// were published.
    func hadRetained(_ topic: Topic) -> Bool {
        guard protocolVersion != 5, let index = topic.configurationIndex else { return false }
        return resumed.contains(filters[index])
    }
}
