// SPDX-License-Identifier: Apache-2.0
// Goal: CBOR becomes the JSON that docs/encodings.md says. Method: the examples of RFC 8949, Appendix A,
// all of them in their order, and what a hostile device may send.
import Testing

@testable import Gateway

@Suite struct CBORTests {
    private let transcoder = PayloadTranscoder(depthMax: 32, bytesMax: 4_096)

    private func json(_ bytes: [UInt8], _ transcoder: PayloadTranscoder? = nil) throws -> String {
        let transcoder = transcoder ?? self.transcoder
        let length = try transcoder.transcode(bytes[...], from: .cbor)
        return String(decoding: transcoder.bytes[..<length], as: UTF8.self)
    }

    private func failure(
        _ hex: String,
        _ transcoder: PayloadTranscoder? = nil
    ) -> DecodingFailure? {
        #expect(throws: DecodingFailure.self) { try json([UInt8](hex: hex), transcoder) }
    }

    @Test(arguments: AppendixA.examples)
    func exampleOfTheStandard(example: AppendixA) throws {
        #expect(try json([UInt8](hex: example.hex)) == example.json)
    }

    /// RFC 8949 knows no meaning for these, and neither does JSON.
    @Test(arguments: ["f0", "f818", "f8ff"])
    func simpleValueIsRefused(hex: String) {
        #expect(
            failure(hex)
                == DecodingFailure(
                    kind: .notCBOR,
                    reason: "no CBOR item begins here",
                    position: 0
                )
        )
    }

    @Test func integersBecomeKeys() throws {
        #expect(try json([UInt8](hex: "a301f5 20f4 c1 05f6")) == #"{"1":true,"-1":false,"5":null}"#)
        #expect(try json([UInt8](hex: "a17f6161 6162ff01")) == #"{"ab":1}"#)
    }

    @Test func bigNumbersOfManySizesAreNumbers() throws {
        #expect(try json([UInt8](hex: "c2420100")) == "256")
        #expect(try json([UInt8](hex: "c34a00000000000000000005")) == "-6")
        #expect(try json([UInt8](hex: "c240")) == "0")
        #expect(try json([UInt8](hex: "c2 5f 4101 4100 ff")) == "256")
        #expect(try json([UInt8](hex: "3b8000000000000000")) == "-9.223372036854776e+18")
    }

    @Test(arguments: [
        ("", 0, "empty payload"),
        ("83 01 02", 3, "the payload is cut off"),
        ("1a 0102", 3, "the payload is cut off"),
        ("62 61", 2, "the payload is cut off"),
        ("c1", 1, "the payload is cut off"),
        ("9f 01", 2, "the payload is cut off"),
        ("5b ffffffffffffffff", 9, "the payload is cut off"),
        ("01 02", 1, "bytes follow the item"),
        ("82 01 1c", 2, "no CBOR item begins here"),
        ("ff", 0, "an end stands where a value must"),
        ("82 01 ff", 2, "an end stands where a value must"),
        ("9f c1 ff", 2, "an end stands where a value must"),
        ("bf 6161 ff", 3, "a map ends after a key without its value"),
        ("a1 80 01", 1, "a map key is an array or a map"),
        ("a1 f5 01", 1, "a map key is neither text nor an integer"),
        ("a1 f93c00 01", 1, "a map key is neither text nor an integer"),
        ("a1 4101 01", 1, "a map key is a byte string"),
        ("a1 3b8000000000000000 01", 1, "a map key is an integer below -2^63"),
        ("7f 01 ff", 1, "a string in pieces holds something else"),
        ("7f 4101 ff", 1, "a string in pieces holds something else"),
        ("7f 7f 6161 ff ff", 1, "a string in pieces holds something else"),
        ("5f c1 4101 ff", 1, "a string in pieces holds something else"),
        ("82 01 63 61 ff 62", 4, "a text string is not valid UTF-8"),
        ("63 eda080", 1, "a text string is not valid UTF-8"),
        ("62 c080", 1, "a text string is not valid UTF-8"),
        ("7f 61c3 61a9 ff", 2, "a text string is not valid UTF-8"),
    ])
    func brokenItemTellsWhatAndWhere(hex: String, position: Int, reason: String) {
        #expect(
            failure(hex) == DecodingFailure(kind: .notCBOR, reason: reason, position: position)
        )
    }

    @Test func nestingIsBounded() throws {
        let deep = [UInt8](repeating: 0x81, count: 31) + [0x80]
        #expect(
            try json(deep) == String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        )
        for opener in [0x81, 0x9F, 0xA1] as [UInt8] {
            let bomb = [UInt8](repeating: opener, count: 1_000_000)
            let failure = #expect(throws: DecodingFailure.self) { try json(bomb) }
            #expect(failure?.kind == .notCBOR)
            #expect((failure?.position ?? 100) <= 32)
        }
    }

    /// Tags nest without a level of JSON; neither may they cost a level of the stack.
    @Test func millionTagsAreOneItem() throws {
        #expect(try json([UInt8](repeating: 0xC6, count: 1_000_000) + [0x01]) == "1")
    }

    @Test func lengthOfTheTextIsBounded() throws {
        let small = PayloadTranscoder(depthMax: 32, bytesMax: 100)
        for hex in [
            "7864" + String(repeating: "61", count: 100),
            "5850" + String(repeating: "00", count: 80),
            "7819" + String(repeating: "01", count: 25),
            "9864" + String(repeating: "01", count: 100),
        ] {
            let failure = failure(hex, small)
            #expect(failure?.kind == .overLimit)
            #expect(
                failure?.reason
                    == "the payload is longer than limits.unpacked when it is written as JSON"
            )
        }
        #expect(try json([UInt8](hex: "01"), small) == "1")
    }

    /// Whatever the bytes: JSON that the parser takes, or a reason; never a crash.
    @Test func anyBytesAreReadOrRefused() throws {
        var random = SplitMix64(seed: 8_949)
        let parser = JSONParser(depthMax: 32)
        var readable = 0
        for _ in 0..<20_000 {
            let heads: [UInt8] = [
                0x01, 0x20, 0x61, 0x41, 0x82, 0xA1, 0x9F, 0xBF, 0x7F, 0xF9, 0xFF, 0xC2,
            ]
            let bytes = (0..<Int.random(in: 1...12, using: &random))
                .map { _ in
                    Bool.random(using: &random)
                        ? heads.randomElement(using: &random)!
                        : UInt8.random(in: 0...255, using: &random)
                }
            for encoding in [PayloadEncoding.cbor, .messagePack] {
                guard let length = try? transcoder.transcode(bytes[...], from: encoding) else {
                    continue
                }
                _ = try parser.parse(transcoder.bytes, in: 0..<length)
                readable += 1
            }
        }
        #expect(readable > 1_000)
    }
}
