// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct CSVReaderTests {
    /// A row as it came out: its columns, or why it is none.
    enum Row: Equatable {
        case columns([String: String?])
        case failed(String)
    }

    /// Reads bytes that come in pieces of these sizes, again and again.
    static func rows(
        _ bytes: [UInt8],
        pieces: [Int] = [1 << 20],
        _ reader: any RowReader = CSVReader()
    ) throws -> [FeedRecord] {
        var reader = reader
        var rows: [FeedRecord] = []
        var start = 0
        var piece = 0
        while start < bytes.count {
            let end = min(bytes.count, start + pieces[piece % pieces.count])
            piece += 1
            reader.append(Array(bytes[start..<end]))
            while let row = try reader.next() { rows.append(row) }
            start = end
        }
        reader.finish()
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    private static func read(_ bytes: [UInt8], pieces: [Int] = [1 << 20]) throws -> [Row] {
        try rows(bytes, pieces: pieces)
            .map { record in
                if let failure = record.failure { return .failed(failure) }
                let object = try JSONSerialization.jsonObject(with: Data(record.payload))
                let columns = try #require(object as? [String: Any])
                return .columns(columns.mapValues { $0 as? String })
            }
    }

    private static func read(_ text: String) throws -> [Row] {
        let whole = try read(Array(text.utf8))
        // Whatever the pieces are, the rows are the same.
        for size in [1, 2, 3, 7] { #expect(try read(Array(text.utf8), pieces: [size]) == whole) }
        return whole
    }

    @Test(arguments: [
        "id,name\n1,Ada\n2,Grace\n", "id,name\r\n1,Ada\r\n2,Grace\r\n", "id;name\n1;Ada\n2;Grace",
        "id\tname\n1\tAda\n\n2\tGrace\r\n\r\n", "\u{FEFF}id,name\n1,Ada\n2,Grace\r",
        "\"id\",\"name\"\n\"1\",Ada\n2,\"Grace\"",
    ])
    func everyUsualFormIsRead(text: String) throws {
        #expect(
            try Self.read(text) == [
                .columns(["id": "1", "name": "Ada"]), .columns(["id": "2", "name": "Grace"]),
            ]
        )
    }

    @Test func quotedFieldsHoldDelimitersQuotesAndLineBreaks() throws {
        let text = "id,text\n1,\"a,b\"\n2,\"say \"\"hi\"\"\"\n3,\"two\r\nlines\"\n4,\"\"\"\"\n"
        #expect(
            try Self.read(text) == [
                .columns(["id": "1", "text": "a,b"]), .columns(["id": "2", "text": #"say "hi""#]),
                .columns(["id": "3", "text": "two\r\nlines"]), .columns(["id": "4", "text": "\""]),
            ]
        )
    }

    @Test func emptyFieldIsNullAndQuotedEmptyFieldIsEmpty() throws {
        #expect(
            try Self.read("a,b,c\n,\"\",\n") == [.columns(["a": String?.none, "b": "", "c": nil])]
        )
    }

    @Test func valuesStayStringsAndSpacesStay() throws {
        #expect(
            try Self.read("a,b\n 007 ,1e5\n") == [.columns(["a": " 007 ", "b": "1e5"])]
        )
    }

    @Test func quoteInsideOfAFieldAndReturnByItselfStandForThemselves() throws {
        #expect(
            try Self.read("a,b\n5\" pipe,x\ry\n") == [.columns(["a": "5\" pipe", "b": "x\ry"])]
        )
    }

    @Test func delimiterIsTheMostFrequentOfTheHeader() throws {
        #expect(
            try Self.read("\"a,b,c\";d\n1;2\n") == [.columns(["a,b,c": "1", "d": "2"])]
        )
        #expect(try Self.read("only\n1;2\n") == [.columns(["only": "1;2"])])
    }

    @Test func rowWithTheWrongNumberOfFieldsIsRefusedWithItsLine() throws {
        let text = "a,b\n1,2\n\"x\ny\",2\n1,2,3\n1\n3,4\n"
        #expect(
            try Self.read(text) == [
                .columns(["a": "1", "b": "2"]), .columns(["a": "x\ny", "b": "2"]),
                .failed("line 5 has 3 fields, the header has 2"),
                .failed("line 6 has 1 field, the header has 2"),
                .columns(["a": "3", "b": "4"]),
            ]
        )
        let refused = try Self.rows(Array(text.utf8)).compactMap { $0.failure == nil ? nil : $0 }
        #expect(refused.map { String(decoding: $0.payload, as: UTF8.self) } == ["1,2,3", "1"])
    }

    @Test func everyRowNamesTheLineInWhichItBegins() throws {
        let text = "\"a\nb\",c\n1,2\n\n\"x\ny\",2\n1\n\"a\nb\"c,\n1,\"2\n5,6\n"
        for pieces in [[1 << 20], [1], [3]] {
            let rows = try Self.rows(Array(text.utf8), pieces: pieces)
            #expect(rows.map(\.place.line) == [3, 5, 7, 8, 9, 10, 11], "\(rows)")
        }
    }

    @Test func quoteThatIsNeverClosedCostsOneLine() throws {
        #expect(
            try Self.read("a,b\n1,\"2\n3,4\n5,6\n") == [
                .failed("the quote that opens in line 2 is not closed"),
                .columns(["a": "3", "b": "4"]), .columns(["a": "5", "b": "6"]),
            ]
        )
        // The next quote seems to close it.
        #expect(
            try Self.read("a,b\n1,\"2\n3,\"4\"\n") == [
                .failed(
                    "a field in quotes that begins in line 2 has something behind its end"
                ),
                .columns(["a": "3", "b": "4"]),
            ]
        )
    }

    @Test func rowThatIsNoUTF8IsRefused() throws {
        let bytes = Array("a,b\n1,".utf8) + [0xC3, 0x28] + Array("\n2,ü\n".utf8)
        #expect(
            try Self.read(bytes) == [
                .failed("line 2 is no valid UTF-8"), .columns(["a": "2", "b": "ü"]),
            ]
        )
    }

    @Test func rowWithoutEndDoesNotTakeAllMemory() throws {
        let long = String(repeating: "x", count: RowBuffer.rowBytesMax + 10)
        for pieces in [[1 << 18], [3 << 20]] {
            let plain = try Self.rows(Array("a,b\n1,\(long)\n3,4\n".utf8), pieces: pieces)
            // In one piece its end is there, and it is a row like any other.
            #expect(plain.count == 2)
            #expect(plain[1].failure == nil)
            #expect(plain[0].payload.count <= RowBuffer.rowBytesMax + 100)
            let quoted = try Self.rows(Array("a,b\n1,\"\(long)\n3,4\n".utf8), pieces: pieces)
            #expect(
                quoted.map(\.failure) == [
                    "the quote that opens in line 2 is not closed", nil,
                ]
            )
        }
    }

    @Test(arguments: [
        ("a,b,a\n1,2,3\n", "the header names column \"a\" twice"),
        ("a,,c\n1,2,3\n", "column 2 has no name in the header"),
        ("\n1,2,3\n", "the header is empty"), ("\u{FEFF}", "the header is empty"),
        ("a,\"b\n1,2\n", "the header has a quote in the wrong place"),
    ])
    func headerThatNamesNoColumnsRefusesTheFile(text: String, reason: String) {
        #expect(throws: FeedFileError.content(reason)) { try Self.rows(Array(text.utf8)) }
    }

    @Test func headerAloneIsATableWithoutRows() throws {
        #expect(try Self.read("a,b\n").isEmpty)
    }

    @Test(arguments: 0..<200)
    func whatIsWrittenIsRead(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let delimiter = random.pick([",", ";", "\t"])
        let names = (0..<random.int(2...5)).map { "c\($0)" }
        let lineEnd = random.pick(["\n", "\r\n"])
        var text = names.joined(separator: delimiter) + lineEnd
        var expected: [Row] = []
        for _ in 0..<random.int(0...30) {
            var columns: [String: String?] = [:]
            var fields: [String] = []
            for name in names {
                guard !random.oneIn(6) else {
                    columns[name] = String?.none
                    fields.append("")
                    continue
                }
                let value = random.text(count: 12)
                let isPlain = !value.isEmpty && value.allSatisfy { $0.isLetter || $0.isNumber }
                columns[name] = value
                fields.append(
                    isPlain && random.oneIn(2)
                        ? value : "\"\(value.replacing("\"", with: "\"\""))\""
                )
            }
            expected.append(.columns(columns))
            text += fields.joined(separator: delimiter) + lineEnd
        }
        let pieces = (0..<5).map { _ in random.int(1...40) }
        #expect(try Self.read(Array(text.utf8), pieces: pieces) == expected, "seed \(seed)")
    }

    @Test(arguments: 0..<200)
    func whateverComesPiecesMakeNoDifference(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let signs = Array("ab,;\"\"\"\n\n\r".utf8) + [0xC3, 0xA4]
        let body = (0..<random.int(0...200)).map { _ in random.pick(signs) }
        let bytes = Array("a,b\n".utf8) + body
        let whole = try Self.rows(bytes).map { [$0.payload, Array(($0.failure ?? "").utf8)] }
        let pieces = (0..<5).map { _ in random.int(1...9) }
        let parts = try Self.rows(bytes, pieces: pieces)
            .map { [$0.payload, Array(($0.failure ?? "").utf8)] }
        #expect(parts == whole, "seed \(seed)")
    }
}

@Suite struct JSONLinesReaderTests {
    private func lines(_ text: String, pieces: [Int]) throws -> [String] {
        try CSVReaderTests.rows(Array(text.utf8), pieces: pieces, JSONLinesReader())
            .map { $0.failure ?? String(decoding: $0.payload, as: UTF8.self) }
    }

    @Test(arguments: [1, 3, 1_000])
    func eachLineThatIsNotEmptyIsARow(piece: Int) throws {
        let text = "\u{FEFF}{\"a\":1}\r\n\n \t\n{\"a\":2}\nnonsense"
        #expect(try lines(text, pieces: [piece]) == [#"{"a":1}"#, #"{"a":2}"#, "nonsense"])
    }

    @Test(arguments: [100_000, 3 << 20])
    func lineThatIsTooLongIsRefusedWithItsNumber(piece: Int) throws {
        let long = String(repeating: "x", count: RowBuffer.rowBytesMax + 300_000)
        #expect(
            try lines("1\n\(long)\n3\n", pieces: [piece]) == [
                "1", "line 2 is longer than 1 MiB", "3",
            ]
        )
    }

    @Test func fileWithoutRowsIsRefused() {
        #expect(throws: FeedFileError.content("it has no rows")) {
            try lines("\n\n", pieces: [10])
        }
    }
}
