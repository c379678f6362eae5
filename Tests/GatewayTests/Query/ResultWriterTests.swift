// SPDX-License-Identifier: Apache-2.0
// What is written can be read again: CSV by a reader that knows RFC 4180 only, JSON by Foundation.
import Foundation
import Testing

@testable import Gateway

@Suite struct ResultWriterTests {
    private let rig: QueryRig

    init() throws {
        rig = try QueryRig()
    }

    private func written(
        _ format: ResultFormat,
        _ rows: [[SQLValue]],
        columns: [String]
    ) throws
        -> String
    {
        let output = rig.output(QueryBudget(milliseconds: 30_000))
        let writer = format.writer(to: output, columns: columns)
        for row in rows { try writer.write(row) }
        try writer.finish()
        return try rig.written()
    }

    private static func randomValue(_ random: inout SplitMix64) -> SQLValue {
        let pieces = ["\"", ",", "\r\n", "\n", " ", "a", "ü", "🚗", "\\", "\u{1}", "'", "NULL"]
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .null
        case 1: return .int(.random(in: .min ... .max, using: &random))
        case 2: return .double(.random(in: -1e9...1e9, using: &random))
        case 3: return .blob((0..<5).map { _ in .random(in: .min ... .max, using: &random) })
        default:
            let count = Int.random(in: 0..<6, using: &random)
            return .text(
                (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            )
        }
    }

    private static func randomRows(seed: UInt64) -> [[SQLValue]] {
        var random = SplitMix64(seed: seed)
        return (0..<200).map { _ in (0..<3).map { _ in randomValue(&random) } }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func csvComesBackAsItWas(seed: UInt64) throws {
        let rows = Self.randomRows(seed: seed)
        let read = try CSVReader.rows(try written(.csv, rows, columns: ["a", "b,c", ""]))
        #expect(read.first == ["a", "b,c", ""])
        #expect(Array(read.dropFirst()) == rows.map { $0.map(\.plain) })
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func jsonComesBackAsItWas(seed: UInt64) throws {
        let rows = Self.randomRows(seed: seed)
        let lines = try written(.json, rows, columns: ["a", "a", "{"]).split(separator: "\n")
        try #require(lines.count == rows.count)
        for (line, row) in zip(lines, rows) {
            let read = try JSONDecoder().decode([String: Scalar].self, from: Data(line.utf8))
            #expect(read.keys.sorted() == ["a", "a_2", "{"])
            for (name, value) in zip(["a", "a_2", "{"], row) {
                #expect(try #require(read[name]).matches(value), "\(line)")
            }
        }
    }

    @Test func tableIsAligned() throws {
        let rows: [[SQLValue]] = [
            [.text("car-1"), .int(7), .null], [.text("c"), .int(120), .text("")],
            [.text("a\nb\u{1B}[2J"), .null, .text("x")],
        ]
        #expect(
            try written(.table, rows, columns: ["id", "kmh", "note"]) == """
                id            |  kmh | note
                --------------+------+-----
                car-1         |    7 | NULL
                c             |  120 |\u{20}
                a\\nb\\u{1b}[2J | NULL | x

                """
        )
    }

    @Test func laterRowsAreWrittenWhole() throws {
        let long = String(repeating: "x", count: 100)
        let rows = (0..<150).map { [SQLValue.text($0 < 149 ? "a" : long), .int($0)] }
        let lines = try written(.table, rows.map { $0 }, columns: ["t", "n"])
            .split(separator: "\n")
        #expect(lines.count == 152)
        #expect(lines.last == "\(long) | 149")
    }

    @Test func emptyResultHasAHeader() throws {
        #expect(try written(.table, [], columns: ["a", "b"]) == "a | b\n--+--\n")
        #expect(try written(.csv, [], columns: ["a", "b"]) == "a,b\r\n")
        #expect(try written(.json, [], columns: ["a", "b"]) == "")
    }

    /// A JSON scalar as Foundation reads it.
    private enum Scalar: Decodable {
        case null
        case int(Int64)
        case double(Double)
        case text(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let int = try? container.decode(Int64.self) {
                self = .int(int)
            } else {
                self = .double(try container.decode(Double.self))
            }
        }

        func matches(_ value: SQLValue) -> Bool {
            switch (self, value) {
            case (.null, .null): true
            case (.int(let read), .int(let number)): read == number
            case (.double(let read), .double(let number)): read == number
            case (.int(let read), .double(let number)): Double(read) == number
            case (.text(let read), .text(let text)): read == text
            case (.text(let read), .blob(let bytes)):
                read == Data(bytes).base64EncodedString()
            default: false
            }
        }
    }
}

/// RFC 4180, with the one addition that an unquoted empty field is NULL.
private enum CSVReader {
    struct Malformed: Error {}

    static func rows(_ text: String) throws -> [[String?]] {
        var rows: [[String?]] = []
        var row: [String?] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            row.append(try field(&rest))
            if rest.first == UInt8(ascii: ",") {
                rest = rest.dropFirst()
                continue
            }
            guard rest.starts(with: [13, 10]) else { throw Malformed() }
            rest = rest.dropFirst(2)
            rows.append(row)
            row = []
        }
        return rows
    }

    private static func field(_ rest: inout ArraySlice<UInt8>) throws -> String? {
        guard rest.first == UInt8(ascii: "\"") else {
            let plain = rest.prefix { $0 != UInt8(ascii: ",") && $0 != 13 && $0 != 10 }
            rest = rest.dropFirst(plain.count)
            return plain.isEmpty ? nil : String(decoding: plain, as: UTF8.self)
        }
        rest = rest.dropFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") {
                guard rest.first == byte else { return String(decoding: bytes, as: UTF8.self) }
                rest = rest.dropFirst()
            }
            bytes.append(byte)
        }
        throw Malformed()
    }
}
