// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Why something stands in the dead-letter stream.
struct DeadLetter {
    var source: String
    var topic: String
    /// Where the topic is a file, the line in which the row begins.
    var line: Int?
    var reason: String
    /// The byte at which decoding stopped.
    var position: Int?
    var arrival: Timestamp
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
        member("reason")
        string(letter.reason)
        if let position = letter.position {
            member("position")
            int(Int64(position))
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
