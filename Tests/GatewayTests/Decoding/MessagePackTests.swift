// SPDX-License-Identifier: Apache-2.0
// Goal: MessagePack becomes the JSON that docs/encodings.md says. Method: every family of formats of the
// specification at the ends of its range, and what a hostile device may send.
import Testing

@testable import Gateway

@Suite struct MessagePackTests {
    private let transcoder = PayloadTranscoder(depthMax: 32, bytesMax: 1 << 20)

    private func json(_ bytes: [UInt8]) throws -> String {
        let length = try transcoder.transcode(bytes[...], from: .messagePack)
        return String(decoding: transcoder.bytes[..<length], as: UTF8.self)
    }

    @Test(arguments: [
        // nil, bool
        ("c0", "null"), ("c2", "false"), ("c3", "true"),
        // positive and negative fixint
        ("00", "0"), ("7f", "127"), ("ff", "-1"), ("e0", "-32"),
        // uint 8, 16, 32, 64
        ("ccff", "255"), ("cdffff", "65535"), ("ceffffffff", "4294967295"),
        ("cfffffffffffffffff", "18446744073709551615"),
        // int 8, 16, 32, 64
        ("d080", "-128"), ("d18000", "-32768"), ("d280000000", "-2147483648"),
        ("d38000000000000000", "-9223372036854775808"), ("d3000000000000000a", "10"),
        // float 32, 64
        ("ca3fc00000", "1.5"), ("ca40490fdb", "3.1415927"),
        ("cb400921fb54442d18", "3.141592653589793"),
        ("cb7ff8000000000000", "null"), ("cbfff0000000000000", "null"),
        // fixstr, str 8, 16, 32
        ("a0", #""""#), ("a3616263", #""abc""#), ("d90161", #""a""#), ("da000161", #""a""#),
        ("db0000000161", #""a""#), ("a3e282ac", #""€""#), (#"a2225c"#, #""\"\\""#),
        ("a10a", #""\u000a""#),
        // bin 8, 16, 32
        ("c403010203", #""AQID""#), ("c5000101", #""AQ==""#), ("c60000000101", #""AQ==""#),
        ("c400", #""""#),
        // fixarray, array 16, 32
        ("90", "[]"), ("93010203", "[1,2,3]"), ("dc000201c0", "[1,null]"), ("dd0000000101", "[1]"),
        // fixmap, map 16, 32
        ("80", "{}"), ("82a16101a16290", #"{"a":1,"b":[]}"#), ("de0001a16101", #"{"a":1}"#),
        ("df00000001a16101", #"{"a":1}"#), ("820102ff80", #"{"1":2,"-1":{}}"#),
        // fixext 1, 2, 4, 8, 16, ext 8, 16, 32
        ("d405ff", #""/w==""#), ("d505ffff", #""//8=""#), ("d605ffffffff", #""/////w==""#),
        ("d7050000000000000000", #""AAAAAAAAAAA=""#),
        ("d80500000000000000000000000000000000", #""AAAAAAAAAAAAAAAAAAAAAA==""#),
        ("c70105ff", #""/w==""#), ("c8000105ff", #""/w==""#), ("c90000000105ff", #""/w==""#),
        // timestamp 32, 64, 96
        ("d6ff65920080", "1704067200"), ("d7ff1dcd650065920080", "1704067200.125"),
        ("c70cff00000000fffffffffffffffe", "-2"), ("c70cff1dcd6500000000000000000a", "10.5"),
    ])
    func everyFamilyBecomesJSON(hex: String, expected: String) throws {
        #expect(try json([UInt8](hex: hex)) == expected)
    }

    @Test(arguments: [
        ("", 0, "empty payload"),
        ("93 01 02", 3, "the payload is cut off"),
        ("a2 61", 2, "the payload is cut off"),
        ("ce 0102", 3, "the payload is cut off"),
        ("c6 ffffffff 00", 6, "the payload is cut off"),
        ("dd ffffffff", 5, "the payload is cut off"),
        ("82 a161 01", 4, "the payload is cut off"),
        ("01 02", 1, "bytes follow the item"),
        ("92 01 c1", 2, "no MessagePack item begins here"),
        ("81 c0 01", 1, "a map key is neither text nor an integer"),
        ("81 90 01", 1, "a map key is an array or a map"),
        ("81 c40101 01", 3, "a map key is a byte string"),
        ("92 01 a3 61ff62", 4, "a text string is not valid UTF-8"),
        ("d5 ff 0000", 1, "a timestamp is not of 4, 8 or 12 bytes"),
    ])
    func brokenItemTellsWhatAndWhere(hex: String, position: Int, reason: String) {
        let failure = #expect(throws: DecodingFailure.self) { try json([UInt8](hex: hex)) }
        #expect(failure?.kind == .notMessagePack)
        #expect(failure?.reason == reason)
        #expect(failure?.position == position)
    }

    @Test func nestingIsBounded() throws {
        let deep = [UInt8](repeating: 0x91, count: 31) + [0x90]
        #expect(try json(deep).count == 64)
        for opener in [[0x91], [0x81, 0x01], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]] {
            let bomb = Array(repeatElement(opener, count: 200_000).joined())
            let failure = #expect(throws: DecodingFailure.self) { try json(bomb) }
            #expect(failure?.reason == "nested too deeply")
        }
    }
}
