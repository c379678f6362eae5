// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why something stands in the dead-letter stream.
struct DeadLetter {
    var source: String
    var topic: String
    /// Where the topic is a file, the line in which the row begins.
    var line: Int?
    /// A word that stays the same whatever the reason says, for grouping.
    var kind: String
    var reason: String
    /// The byte at which decoding stopped.
    var position: Int?
    /// Which elements of the array have failed, if others took effect.
    var elements: [Int] = []
    /// The dead letter that was processed again and has failed again.
    var replayOf: Int64?
    var arrival: Timestamp

    /// The kind of what a sink has refused.
    static let refusedKind = "refused"
}

/// What has failed among the elements of one message.
struct ElementFailures {
    private let total: Int
    private var first: DecodingFailure?
    private var failed: [Int] = []

    init(of total: Int) {
        self.total = total
    }

    var count: Int { failed.count }

    /// The elements that failed; none when there is nothing else in the message.
    var elements: [Int] { failed.count == total ? [] : failed }

    /// The first failure, with the number of the others.
    var summary: DecodingFailure? {
        guard var failure = first else { return nil }
        if count > 1 { failure.reason += " (and \(count - 1) more elements)" }
        return failure
    }

    mutating func add(_ failure: DecodingFailure, at element: Int) {
        failed.append(element)
        guard first == nil else { return }
        var failure = failure
        if total > 1 { failure.reason = "element \(element): \(failure.reason)" }
        first = failure
    }
}

extension JSONWriter {
    /// A dead letter with the whole payload: as text when it is text, otherwise in Base64.
    mutating func deadLetter(_ letter: DeadLetter, payload: ArraySlice<UInt8>) {
        raw("{")
        member("time")
        string(letter.arrival.iso8601)
        member("source")
        string(letter.source)
        member("topic")
        string(letter.topic)
        if let line = letter.line {
            member("line")
            int(Int64(line))
        }
        member("kind")
        string(letter.kind)
        member("reason")
        string(letter.reason)
        if let position = letter.position {
            member("position")
            int(Int64(position))
        }
        if !letter.elements.isEmpty {
            member("elements")
            raw("[")
            for element in letter.elements {
                separate()
                int(Int64(element))
            }
            raw("]")
        }
        if let offset = letter.replayOf {
            member("replay_of")
            int(offset)
        }
        if let text = String(validating: payload, as: UTF8.self) {
            member("payload")
            string(text)
        } else {
            member("payload_base64")
            string(Data(payload).base64EncodedString())
        }
        raw("}")
    }
}

extension String {
    /// Whether bytes are valid UTF-8.
    static func isUTF8(_ bytes: some Sequence<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }
}
