// SPDX-License-Identifier: Apache-2.0
// What the writer writes, our parser and Foundation's read back equal.
import Foundation
import Testing

@testable import Gateway

@Suite struct JSONWriterTests {
    private let parser = JSONParser(depthMax: 32)

    private func written(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func readBack(_ value: SignalValue) throws -> SignalValue? {
        try parser.parse(written { $0.value(value) }).value(at: 0)
    }

    @Test func membersAreSeparatedByCommas() {
        let text = written { json in
            json.raw("{")
            json.member("a")
            json.int(1)
            json.member("b")
            json.raw("[")
            json.separate()
            json.string("x")
            json.separate()
            json.value(.null)
            json.raw("]}")
        }
        #expect(text == #"{"a":1,"b":["x",null]}"#)
    }

    @Test(
        arguments: [
            (0, "0"), (9, "9"), (10, "10"), (-1, "-1"), (-10, "-10"),
            (.max, "9223372036854775807"), (.min, "-9223372036854775808"),
        ] as [(Int64, String)]
    )
    func wholeNumberIsDecimal(number: Int64, text: String) {
        #expect(written { $0.int(number) } == text)
    }

    @Test(
        arguments: [
            (12, "12.0"), (0.1, "0.1"), (-0.0, "-0.0"), (1e22, "1e+22"), (1e-7, "1e-07"),
            (.infinity, "null"), (-.infinity, "null"), (.nan, "null"),
        ] as [(Double, String)]
    )
    func doubleStaysADouble(number: Double, text: String) {
        #expect(written { $0.double(number) } == text)
    }

    @Test(arguments: [100_000, 200_000, 1_234_500] as [Double])
    func roundDoubleIsWrittenAsAPersonWouldWriteIt(number: Double) {
        // An odometer of 200,000 km reads "2e+05" in an outlier.
        #expect(written { $0.double(number) } == "\(Int(number)).0")
    }

    @Test func everyControlCharacterIsEscaped() throws {
        let text = String(String.UnicodeScalarView((0..<0x20).compactMap { UnicodeScalar($0) }))
        let json = written { $0.string(text) }
        #expect(json.utf8.allSatisfy { $0 >= 0x20 })
        #expect(
            json.contains(#"\u0000"#) && json.contains(#"\u001f"#) && json.contains(#"\n\u000b"#)
        )
        #expect(try readBack(.text(text)) == .text(text))
    }

    @Test func quotesAndBackslashesAreEscaped() {
        #expect(written { $0.string(#"a"b\c/"#) } == #""a\"b\\c/""#)
    }

    @Test func everyDoubleReadsBackAsItself() throws {
        var random = SplitMix64(seed: 2)
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            guard case .double(let back)? = try readBack(.double(number)) else {
                Issue.record("\(number) does not read back as a double")
                continue
            }
            #expect(back.bitPattern == number.bitPattern)
        }
    }

    @Test func everyValueReadsBackAsItself() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<5_000 {
            let value: SignalValue =
                switch random.int(0...4) {
                case 0: .null
                case 1: .bool(random.oneIn(2))
                case 2: .int(Int64(bitPattern: random.next()) >> random.int(0...63))
                case 3: .double(Double(random.int(-1_000_000...1_000_000)) / 1_000)
                default: .text(random.text(count: 20))
                }
            #expect(try readBack(value) == value)
        }
    }

    @Test func foundationReadsItToo() throws {
        var random = SplitMix64(seed: 4)
        for _ in 0..<500 {
            let texts = [random.text(count: 10): random.text(count: 30)]
            let number = Double(random.int(-1_000_000...1_000_000)) * 1e-3
            let json = written { json in
                json.raw("[{")
                for (name, text) in texts {
                    json.member(name)
                    json.string(text)
                }
                json.raw("}")
                json.separate()
                json.double(number)
                json.raw("]")
            }
            let read = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [Any]
            #expect(read?.first as? [String: String] == texts)
            // Foundation rounds the last digit of some numbers.
            let difference = (read?.last as? Double).map { abs($0 - number) }
            #expect(difference.map { $0 < 1e-9 } == true)
        }
    }
}
