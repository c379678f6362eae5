// SPDX-License-Identifier: Apache-2.0

/// demo/gateway.yaml, and what the options of a demo change in it.
struct DemoConfiguration {
    private(set) var text: String

    init(text: String) {
        self.text = text
    }

    /// Recorded messages: other rules, and nobody knows whose cars those were.
    mutating func replayTraces() {
        text = text.replacing("/fleet.yaml", with: "/traces.yaml")
        remove("tables")
        remove("enrich")
    }

    /// Kafka in both directions: reservations come from there, events go there too.
    mutating func use(_ kafka: KafkaDemo) {
        readReservations(from: kafka.feed)
        text = text.replacing("\nsinks:\n", with: "\nsinks:\n\(kafka.sink)\n")
    }

    /// Puts another feed in the place of the one over MQTT.
    mutating func readReservations(from feed: String) {
        text =
            lines
            .map { line in
                guard line.hasSuffix("topic: cdc/reservation}") else { return String(line) }
                return line.prefix { $0 == " " } + feed
            }
            .joined(separator: "\n")
    }

    /// Removes a key with everything below it.
    private mutating func remove(_ key: String) {
        var depth: Int?
        text =
            lines
            .filter { line in
                let indent = line.prefix { $0 == " " }.count
                if let opened = depth, line.isEmpty || indent > opened { return false }
                depth = line.dropFirst(indent).hasPrefix(key + ":") ? indent : nil
                return depth == nil
            }
            .joined(separator: "\n")
    }

    private var lines: [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
    }
}
