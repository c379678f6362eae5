// SPDX-License-Identifier: Apache-2.0
// Goal: a dead letter gives its message back byte for byte. Method: what the writer wrote is read again.
import Testing

@testable import Gateway

@Suite struct StoredDeadLetterTests {
    /// A dead letter about a payload, as the log has it.
    private func letter(
        _ payload: [UInt8],
        kind: String = "not_json",
        elements: [Int] = []
    ) -> StoredDeadLetter {
        var json = JSONWriter()
        json.deadLetter(
            DeadLetter(
                source: "vehicles",
                topic: "fleet/car/state",
                kind: kind,
                reason: "not JSON",
                position: 3,
                elements: elements,
                replayOf: 7,
                arrival: .seconds(1)
            ),
            payload: payload[...]
        )
        return StoredDeadLetter(offset: 9, arrival: .seconds(1), vehicle: "car", json: json.bytes)
    }

    @Test(
        arguments: [
            "", "{\"a\":}", "\u{0}", "a\u{0}b\u{1}\u{1F}\u{7F}", "\u{FEFF}{}", "\u{2028}\u{2029}",
            "e\u{301}é", "\\u0000\\\"\\n", "\r\n\t", "🚗\u{10FFFF}", "\u{FFFD}\u{FFFF}",
        ]
    )
    func textComesBack(text: String) {
        let letter = letter(Array(text.utf8))
        #expect(letter.isText)
        #expect(letter.payload == Array(text.utf8))
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0x00, 0xFE], [0xF4, 0x90, 0x80, 0x80],
            [0xE2, 0x82],
        ] as [[UInt8]]
    )
    func whatIsNoTextComesBack(bytes: [UInt8]) {
        let letter = letter(bytes)
        #expect(!letter.isText)
        #expect(letter.payload == bytes)
    }

    @Test func anyBytesComeBack() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<2_000 {
            // From narrow ranges too, so that many are text with control characters.
            let top = [UInt8](arrayLiteral: 0x20, 0x7F, 0xFF).randomElement(using: &random) ?? 0xFF
            let bytes = (0..<Int.random(in: 0...40, using: &random))
                .map { _ in UInt8.random(in: 0...top, using: &random) }
            #expect(letter(bytes).payload == bytes)
        }
    }

    @Test func membersComeBack() {
        let letter = letter(Array("x".utf8), elements: [1, 3])
        #expect(letter.source == "vehicles")
        #expect(letter.topic == "fleet/car/state")
        #expect(letter.kind == "not_json")
        #expect(letter.position == 3)
        #expect(letter.replayOf == 7)
        #expect(letter.elements == .some([1, 3]))
        #expect(!letter.isGap)
    }

    private func old(_ json: String) -> StoredDeadLetter {
        StoredDeadLetter(offset: 1, arrival: .seconds(0), vehicle: "", json: Array(json.utf8))
    }

    @Test func lettersOfEarlierVersionsAreUnderstood() {
        let whole = #"{"source":"a","topic":"t","reason":"not JSON","payload":"[1]"}"#
        #expect(old(whole).kind == nil)
        #expect(old(whole).elements == .all)
        let one = #"{"source":"a","topic":"t","reason":"element 2: no id","payload":"[]"}"#
        #expect(old(one).elements == .some([2]))
        let many =
            #"{"source":"a","topic":"t","reason":"element 2: no id (and 3 more elements)","payload":"[]"}"#
        #expect(old(many).elements == .unknown)
    }

    @Test func gapIsNoMessage() {
        let gap = old(
            #"{"time":"t","reason":"evicted for the disk budget","stream":"raw","events":2}"#
        )
        #expect(gap.isGap)
        #expect(gap.kind == "gap")
        #expect(gap.topic == "raw")
        #expect(gap.payload == nil)
    }

    @Test func rowThatIsNoDeadLetterIsTold() {
        #expect(old("nonsense").reason.contains("not readable"))
    }

    @Test func exportHasWhatTheLogHasAndTheOffset() {
        var letter = letter([0xFF])
        letter.replayedAt = .seconds(5)
        let line = String(decoding: DeadLetterExport.line(letter), as: UTF8.self)
        #expect(
            line.hasPrefix(
                #"{"offset":9,"vehicle":"car","replayed":"2026-01-05T08:00:05.000Z","time":"#
            )
        )
        #expect(line.hasSuffix(#","payload_base64":"/w=="}"#))
    }

    // For the eye.

    @Test func placeHasACaret() {
        let lines = DeadLetterPage.excerpt(Array("{\"ts\": 1, \"v\": nonsense}".utf8), at: 15)
        #expect(lines == ["{\"ts\": 1, \"v\": nonsense}", "               ^ byte 15"])
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000)
        let cut = DeadLetterPage.excerpt(long, at: 500)
        #expect(cut[0].count == 62)
        #expect(
            cut[1].firstIndex(of: "^").map { cut[1].distance(from: cut[1].startIndex, to: $0) }
                == 31
        )
    }

    @Test func bytesAreShownInHexadecimal() {
        let lines = DeadLetterPage.hexadecimal(
            [0xFF, 0x00] + Array("abcdefghijklmnop".utf8),
            mark: 1
        )
        #expect(
            lines == [
                "00000000  ff 00 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e  |..abcdefghijklmn|",
                "             ^^ byte 1",
                "00000010  6f 70                                            |op|",
            ]
        )
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        let page = DeadLetterPage(letter: letter(Array("a\u{1B}[31mb".utf8)), refusal: nil)
        #expect(!page.lines.joined().contains("\u{1B}"))
    }

    @Test func linesAreAlignedAndCut() {
        let rows = [["A", "B"], ["long", "reason"]]
        #expect(DeadLetterLines.aligned(rows, width: nil) == ["A     B", "long  reason"])
        #expect(DeadLetterLines.aligned(rows, width: 8) == ["A     B", "long  r…"])
    }
}
