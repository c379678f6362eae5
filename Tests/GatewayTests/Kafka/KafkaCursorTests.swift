// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

/// What stands in the log and at Kafka, and what is to come of it.
struct CursorCase: Sendable, CustomTestStringConvertible {
    let name: String
    let local: Int64
    /// The next offset, as a group commits it; `nil` when it has committed nothing.
    let next: Int64?
    var metadata = "log-1"
    let offset: Int64
    let finding: KafkaCursor.Finding

    var testDescription: String { name }

    /// The comparison with a stream whose last offset is 20, in a log called `log-1`.
    var cursor: KafkaCursor {
        KafkaCursor(
            local: local,
            committed: KafkaPosition(topic: "iot.raw", offset: next, metadata: metadata),
            head: 20,
            logID: "log-1",
            arrival: { _ in nil }
        )
    }
}

@Suite struct KafkaCursorTests {
    static let cases = [
        CursorCase(
            name: "nothing was ever delivered",
            local: 0,
            next: nil,
            metadata: "",
            offset: 0,
            finding: .agreed
        ),
        CursorCase(
            name: "the group's offsets have expired",
            local: 7,
            next: nil,
            metadata: "",
            offset: 7,
            finding: .unknownToKafka
        ),
        CursorCase(name: "both say the same", local: 7, next: 8, offset: 7, finding: .agreed),
        CursorCase(name: "all was delivered", local: 20, next: 21, offset: 20, finding: .agreed),
        CursorCase(
            name: "a crash after the commit at Kafka",
            local: 7,
            next: 10,
            offset: 9,
            finding: .kafkaIsAhead
        ),
        CursorCase(
            name: "a crash after the very first commit",
            local: 0,
            next: 2,
            offset: 1,
            finding: .kafkaIsAhead
        ),
        CursorCase(
            name: "a crash after the last commit",
            local: 7,
            next: 21,
            offset: 20,
            finding: .kafkaIsAhead
        ),
        CursorCase(
            name: "Kafka has lost some",
            local: 7,
            next: 4,
            offset: 3,
            finding: .kafkaIsBehind
        ),
        CursorCase(
            name: "Kafka has lost all",
            local: 7,
            next: 1,
            offset: 0,
            finding: .kafkaIsBehind
        ),
        CursorCase(
            name: "one event more than the log ever held",
            local: 7,
            next: 22,
            offset: 7,
            finding: .logWasRestored
        ),
        CursorCase(
            name: "a restored log whose cursor is at its head",
            local: 20,
            next: 31,
            offset: 20,
            finding: .logWasRestored
        ),
        CursorCase(
            name: "the cursor of another log, further on",
            local: 7,
            next: 15,
            metadata: "log-2",
            offset: 7,
            finding: .ofAnotherLog
        ),
        CursorCase(
            name: "the cursor of another log, of the same number",
            local: 7,
            next: 8,
            metadata: "log-2",
            offset: 7,
            finding: .ofAnotherLog
        ),
        CursorCase(
            name: "the cursor of another log, and nothing delivered of ours",
            local: 0,
            next: 500,
            metadata: "log-2",
            offset: 0,
            finding: .ofAnotherLog
        ),
        CursorCase(
            name: "a cursor that was set by hand, further on",
            local: 7,
            next: 15,
            metadata: "",
            offset: 14,
            finding: .kafkaIsAhead
        ),
        CursorCase(
            name: "a cursor that was set by hand, back to the beginning",
            local: 7,
            next: 1,
            metadata: "",
            offset: 0,
            finding: .kafkaIsBehind
        ),
    ]

    @Test(arguments: cases)
    func cursorsAreCompared(place: CursorCase) {
        #expect(place.cursor.offset == place.offset)
        #expect(place.cursor.finding == place.finding)
    }

    @Test func onlyAgreementNeedsNoExplanation() {
        var sentences: Set<String> = []
        for place in Self.cases {
            let explanation = place.cursor.explanation
            #expect((explanation == nil) == (place.finding == .agreed), "\(place.name)")
            if let explanation { sentences.insert(explanation) }
        }
        // One sentence for each of the other findings.
        #expect(sentences.count == 5)
    }

    @Test func cursorNeverLeavesTheLog() {
        for head in 0...6 as ClosedRange<Int64> {
            for local in 0...head {
                for next in [nil, 1, 2, 3, 4, 5, 6, 7, 8, 1_000] as [Int64?] {
                    for metadata in ["log-1", "log-2", ""] {
                        let cursor = KafkaCursor(
                            local: local,
                            committed: KafkaPosition(
                                topic: "iot.raw",
                                offset: next,
                                metadata: metadata
                            ),
                            head: head,
                            logID: "log-1",
                            arrival: { _ in nil }
                        )
                        #expect((0...head).contains(cursor.offset))
                    }
                }
            }
        }
    }
}

@Suite struct KafkaTagTests {
    @Test(arguments: [0, 1, 4, 127])
    func tagCarriesAStreamAndAnOffset(index: Int) {
        for offset in [0, 1, 255, 1 << 32, (1 << 56) - 1] as [Int64] {
            let place = KafkaLane.place(of: KafkaLane.tag(index, offset))
            #expect(place.index == index)
            #expect(place.offset == offset)
        }
    }
}
