// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct JSONParserTests {
    private let parser = JSONParser(depthMax: 32)

    /// The leaves of a text in document order, as `path=value`.
    private func leaves(_ text: String, element: Int = 0) throws -> [String] {
        let document = try parser.parse(text)
        return document.leaves(of: element)
            .map { position in
                let path = parser.path(element: element, leaf: position)
                return "\(path)=\(document.value(at: position).map { "\($0)" } ?? "none")"
            }
    }

    private func error(_ text: String) -> JSONError? {
        #expect(throws: JSONError.self) { try parser.parse(text) }
    }

    // Flattening.

    @Test func objectOfFiveLevelsIsFlattened() throws {
        #expect(
            try leaves(#"{"a":{"b":{"c":{"d":{"e":1}},"x":true}},"z":null}"#)
                == ["a.b.c.d.e=int(1)", "a.b.x=bool(true)", "z=null"]
        )
    }

    @Test func arraysAreFlattenedByIndex() throws {
        #expect(
            try leaves(#"{"a":[1,[2,{"b":3}],"x"]}"#)
                == ["a.0=int(1)", "a.1.0=int(2)", "a.1.1.b=int(3)", "a.2=text(\"x\")"]
        )
    }

    @Test func emptyContainersAreLeavesWithoutValue() throws {
        #expect(try leaves(#"{"a":{},"b":[],"c":1}"#) == ["a=none", "b=none", "c=int(1)"])
    }

    @Test func keysAreTakenAsTheyAre() throws {
        #expect(
            try leaves(#"{"größe":1,"🚗":{"日本":2},"":3,"a.b":4,"q\"\\\u00e9\n":5}"#)
                == [
                    "größe=int(1)", "🚗.日本=int(2)", "=int(3)", "a.b=int(4)", "q\"\\é\n=int(5)",
                ]
        )
    }

    @Test func escapesInTextsAreUndone() throws {
        let document = try parser.parse(#"{"a":"\"\\\/\b\f\n\r\t\u00fc\ud83d\ude97\u0000"}"#)
        #expect(document.value(at: 0) == .text("\"\\/\u{8}\u{C}\n\r\tü🚗\u{0}"))
    }

    @Test func arrayAtTheRootGivesItsElements() throws {
        let document = try parser.parse(#"[{"a":1},{"b":{"c":2}},3]"#)
        #expect(document.count == 3)
        #expect((0..<3).map { document.isObject($0) } == [true, true, false])
        #expect(document.leaves(of: 1) == 1..<2)
        #expect(parser.path(element: 1, leaf: 1) == "b.c")
        #expect(parser.path(element: 2, leaf: 2).isEmpty)
    }

    @Test func emptyArrayAtTheRootHasNoElements() throws {
        #expect(try parser.parse("[]").count == 0)
    }

    @Test func bareScalarIsOneLeafWithoutPath() throws {
        #expect(try leaves(" 12.5 ") == ["=double(12.5)"])
    }

    // Numbers.

    @Test(
        arguments: [
            ("0", .int(0)), ("-0", .int(0)), ("9223372036854775807", .int(.max)),
            ("-9223372036854775808", .int(.min)), ("9007199254740993", .int(9_007_199_254_740_993)),
            ("9223372036854775808", .unsigned(0x8000_0000_0000_0000)),
            ("18446744073709551615", .unsigned(.max)),
            ("1.0", .double(1)), ("-0.0", .double(0)), ("1e3", .double(1_000)),
            ("1E-400", .double(0)), ("5e-324", .double(.leastNonzeroMagnitude)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
        ] as [(String, SignalValue)]
    )
    func numberIsAsExactAsItCanBe(text: String, value: SignalValue) throws {
        #expect(try parser.parse("{\"a\":\(text)}").value(at: 0) == value)
    }

    @Test(arguments: [
        "1e400", "-1e400", "01", "1.", ".5", "+1", "0x10", "NaN", "Infinity", "-", "1e",
    ])
    func numberThatIsNoneIsRefused(text: String) {
        #expect(error("{\"a\":\(text)}")?.position == 5)
    }

    // Shapes.

    @Test func equalPathsAndKindsHaveEqualHashes() throws {
        let first = try parser.parse(#"{"a":{"b":1},"c":"x"}"#).hash(of: 0)
        #expect(try parser.parse(#"{ "a" : {"b":-2.5} , "c":"y"}"#).hash(of: 0) == first)
    }

    @Test(arguments: [
        #"{"a":{"b":"1"},"c":"x"}"#, #"{"a":{"b":1},"d":"x"}"#, #"{"a":[1],"c":"x"}"#,
        #"{"c":"x","a":{"b":1}}"#, #"{"a":{"b":1}}"#, #"{"a.b":1,"c":"x"}"#,
        #"{"a":{"b":null},"c":"x"}"#, #"{"a":{"b":true},"c":"x"}"#,
    ])
    func anyOtherShapeHasAnotherHash(text: String) throws {
        let first = try parser.parse(#"{"a":{"b":1},"c":"x"}"#).hash(of: 0)
        #expect(try parser.parse(text).hash(of: 0) != first)
    }

    // Errors.

    @Test(arguments: [
        ("", "empty payload", 0), ("   ", "empty payload", 0), ("nope", "not JSON", 0),
        (#"{"a":}"#, "not JSON", 5), (#"{"a":1,}"#, "not JSON", 7), (#"{'a':1}"#, "not JSON", 1),
        (#"{} x"#, "not JSON", 3), (#"{"a":tru}"#, "not JSON", 5), (#"{"a":nul}"#, "not JSON", 5),
        (#"{"a":[1,nonsense]}"#, "not JSON", 8), (#"{"a":maybe}"#, "not JSON", 5),
        (#"{"a":1e400}"#, "a number is beyond what a double holds", 5),
        (#"{"a":[-1.5E+999]}"#, "a number is beyond what a double holds", 6),
        (#"{"a": 18446744073709551616}"#, "an integer needs more than 64 bits", 6),
        (#"{"a":-9223372036854775809}"#, "an integer needs more than 64 bits", 5),
        (#"{"a":01}"#, "a number is malformed", 5), (#"{"a":1.}"#, "a number is malformed", 5),
        (" 1e400", "a number is beyond what a double holds", 0),
        (#"{"a":"x"#, "a string is not closed", 7), ("{\u{FEFF}}", "not JSON", 1),
    ])
    func errorTellsWhatAndWhere(text: String, message: String, position: Int) {
        #expect(error(text) == JSONError(message: message, position: position))
    }

    @Test func brokenUTF8IsAnErrorAtItsFirstByte() {
        let bytes: [UInt8] = Array(#"{"a":"ü"#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
        let padded = bytes + [UInt8](repeating: 0, count: JSONParser.padding)
        let error = #expect(throws: JSONError.self) {
            try parser.parse(padded, in: 0..<bytes.count)
        }
        #expect(error == JSONError(message: "not valid UTF-8", position: 8))
    }

    @Test func textIsReadAnywhereInABuffer() throws {
        let text = Array(#"{"a":7}"#.utf8)
        let bytes = Array("##".utf8) + text + [UInt8](repeating: 0xFF, count: JSONParser.padding)
        #expect(try parser.parse(bytes, in: 2..<2 + text.count).value(at: 0) == .int(7))
    }

    @Test func parserWorksAfterAnError() throws {
        _ = error("{")
        #expect(try leaves(#"{"a":1}"#) == ["a=int(1)"])
    }

    // Depth.

    /// A number in so many arrays, as wide as asked for.
    private func nested(_ levels: Int, width: Int = 0) -> String {
        let text =
            String(repeating: "[", count: levels) + "1" + String(repeating: "]", count: levels)
        return text + String(repeating: " ", count: max(0, width - text.count))
    }

    @Test func nestingBelowTheLimitIsAllowed() throws {
        #expect(try JSONParser(depthMax: 5).parse(nested(4)).count == 1)
    }

    @Test func nestingAboveTheLimitIsRefused() {
        for levels in [6, 100, 100_000] {
            let error = #expect(throws: JSONError.self) {
                try JSONParser(depthMax: 5).parse(nested(levels))
            }
            #expect(error == JSONError(message: "nested too deeply", position: 6))
        }
    }

    @Test func nestingAtTheLimitIsAllowed() throws {
        // simdjson refuses the level that reaches its limit: it wants one more than is allowed.
        _ = try JSONParser(depthMax: 5).parse(nested(5))
    }

    @Test func limitHoldsAfterAnEmptyPayload() {
        let parser = JSONParser(depthMax: 5)
        #expect(throws: JSONError.self) { try parser.parse("") }
        #expect(throws: JSONError.self) { try parser.parse(nested(10)) }
    }

    /// In a batch the next message stands there, and a vehicle may write anything.
    @Test(arguments: ["[", "{", "[[[[", #"{"a":"#, "[1,", #"{"a":[{"b""#, "-", "tru", "[1e"])
    func placeOfAnErrorDoesNotDependOnWhatFollowsTheText(text: String) {
        func place(before byte: Character) -> Int? {
            let padding = String(repeating: byte, count: 4_096)
            let bytes = Array((text + padding).utf8)
            let error = #expect(throws: JSONError.self) {
                try parser.parse(bytes, in: 0..<text.utf8.count)
            }
            return error?.position
        }
        let expected = place(before: "\0")
        for byte in #"[]{},:"1e.-n"# {
            #expect(place(before: byte) == expected, "\(text) before \(byte)")
        }
    }
}
