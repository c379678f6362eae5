// SPDX-License-Identifier: Apache-2.0
// Sinks that can't work, or not as promised.
import Testing

@testable import Gateway

@Suite struct KafkaSinkGapTests {
    private static let gaps = [
        Mistake("a list without brokers", inSink: "kafka.example", with: "[]", ""),
        // librdkafka answers _UNKNOWN_GROUP to the question where an empty group stands.
        Mistake("a group without a name", sink: "group: ''", ""),
        // librdkafka takes up to 15m, and a producer can't be made with more.
        Mistake("a wait of an hour", sink: "delivery: at_least_once\n    linger: 1h", ""),
        // The last of two values holds, and the gateway's own is read_committed.
        Mistake(
            "cursors of transactions that are not finished",
            sink: "properties: {isolation.level: read_uncommitted}",
            ""
        ),
        // The transactional id is made of the group: the sinks would fence each other.
        Mistake(
            "one group of two sinks",
            append: """
                sinks:
                  - {name: a, type: kafka, brokers: k, group: g, topic: 'a.{stream}', streams: raw}
                  - {name: b, type: kafka, brokers: k, group: g, topic: 'b.{stream}', streams: raw}
                """,
            ""
        ),
    ]

    @Test(arguments: gaps)
    func sinkThatCannotWorkIsAProblem(mistake: Mistake) {
        #expect(!mistake.problems.isEmpty)
    }

    @Test func problemIsOneLine() {
        let problems = Mistake("", sink: "properties: {batch.size: 0}", "").problems
        #expect(problems.allSatisfy { !$0.contains("\n") })
    }
}
