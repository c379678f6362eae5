// SPDX-License-Identifier: Apache-2.0
// CSV as RFC 4180 has it, on bytes, with what spreadsheets add: `;` or a tab between fields, a byte
// order mark, line feeds alone. (SwiftCSV wants the whole file as a String and knows no line numbers.)
//
// A row that can't be read costs one line: reading goes on behind the line in which its quote opens.

/// Makes JSON objects of CSV rows, whose first line names the columns.
///
/// Every value is a string; an empty field without quotes is null. Empty lines are no rows. A quote in
/// the middle of a field without quotes stands for itself.
struct CSVReader: RowReader {
    /// One field of the row that was split last.
    private struct Field {
        /// Where it stands in the buffer, without its quotes.
        var range: Range<Int>
        var isQuoted = false
        /// It holds quotes, which are doubled.
        var hasQuotes = false
    }

    /// How splitting a row came out.
    private enum Split {
        case row(end: Int, next: Int, lines: Int)
        /// More bytes are needed.
        case incomplete
        /// More than a row may have has come.
        case endless
        /// The quote at this index, so many lines below the row's first, is never closed.
        case unclosed(quote: Int, lines: Int)
        /// Something other than a delimiter follows the quote that closes the one at this index.
        case overrun(quote: Int, lines: Int)
    }

    private static let quote = UInt8(ascii: "\"")
    private static let feed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private var buffer = RowBuffer()
    private var delimiter: UInt8?
    /// What stands before each value of a row's object: `{"a":`, `,"b":`.
    private var names: [[UInt8]]?
    private var fields: [Field] = []

    mutating func append(_ bytes: [UInt8]) { buffer.append(bytes) }

    mutating func finish() { buffer.finish() }

    mutating func next() throws(FeedFileError) -> FeedRecord? {
        guard buffer.hasBegun, try findHeader(), let delimiter, let names else { return nil }
        while buffer.hasRow() {
            let start = buffer.start
            let line = buffer.line
            switch split(delimiter) {
            case .incomplete: return nil
            case .row(let end, let next, let lines):
                buffer.advance(to: next, lines: lines)
                guard end > start else { continue }
                return row(start..<end, names, line)
            case .endless:
                let reason = "line \(line) is longer than 1 MiB"
                return buffer.refuseLine(of: start, lines: 0, because: reason)
            case .unclosed(let quote, let lines):
                let reason = "the quote that opens in line \(line + lines) is not closed"
                return buffer.refuseLine(of: quote, lines: lines, because: reason)
            case .overrun(let quote, let lines):
                let (end, next) = buffer.lineEnd(from: quote)
                guard next > end || !buffer.mayGrow else { return nil }
                let reason =
                    "a field in quotes that begins in line \(line + lines) has something behind its end"
                return buffer.refuseLine(of: quote, lines: lines, because: reason)
            }
        }
        return nil
    }

    // Rows.

    private func row(_ range: Range<Int>, _ names: [[UInt8]], _ line: Int) -> FeedRecord {
        guard fields.count == names.count else {
            let fields = "\(fields.count) field\(fields.count == 1 ? "" : "s")"
            return buffer.refused(
                range,
                line: line,
                because: "line \(line) has \(fields), the header has \(names.count)"
            )
        }
        guard isUTF8(range) else {
            return buffer.refused(range, line: line, because: "line \(line) is no valid UTF-8")
        }
        var json = JSONWriter()
        for (field, name) in zip(fields, names) {
            json.raw(name)
            append(field, to: &json)
        }
        json.raw("}")
        return buffer.row(json.bytes, line: line)
    }

    private func append(_ field: Field, to json: inout JSONWriter) {
        guard field.isQuoted || !field.range.isEmpty else { return json.raw("null") }
        json.raw("\"")
        var index = field.range.lowerBound
        while index < field.range.upperBound {
            let byte = buffer.bytes[index]
            json.escape(byte)
            // Of two quotes one is meant.
            index += field.hasQuotes && byte == Self.quote ? 2 : 1
        }
        json.raw("\"")
    }

    private func isUTF8(_ range: Range<Int>) -> Bool {
        let bytes = buffer.bytes[range]
        guard bytes.contains(where: { $0 >= 0x80 }) else { return true }
        return String(validating: bytes, as: UTF8.self) != nil
    }

    // Splitting.

    /// Finds the fields of the next row.
    private mutating func split(_ delimiter: UInt8) -> Split {
        fields.removeAll(keepingCapacity: true)
        let end = buffer.bytes.count
        var index = buffer.start
        var lines = 0
        while true {
            // A field begins.
            var field = Field(range: index..<index)
            if index < end, buffer.bytes[index] == Self.quote {
                let quote = index
                let quoteLines = lines
                guard let close = closingQuote(of: &field, from: index + 1, lines: &lines) else {
                    return buffer.mayGrow ? .incomplete : .unclosed(quote: quote, lines: quoteLines)
                }
                index = close + 1
                field.range = quote + 1..<close
                let follows = index < end ? buffer.bytes[index] : Self.feed
                let isReturn = follows == Self.carriageReturn
                guard follows == delimiter || follows == Self.feed || isReturn else {
                    return .overrun(quote: quote, lines: quoteLines)
                }
                if isReturn, index + 1 < end, buffer.bytes[index + 1] != Self.feed {
                    return .overrun(quote: quote, lines: quoteLines)
                }
            } else {
                index = fieldEnd(from: index, delimiter)
                field.range = field.range.lowerBound..<index
            }
            if index < end, buffer.bytes[index] == delimiter {
                fields.append(field)
                index += 1
                continue
            }
            // The row ends here, or the file, or what is there of it.
            guard let next = rowEnd(at: index) else {
                return buffer.mayGrow ? .incomplete : .endless
            }
            fields.append(field)
            return .row(end: index, next: next, lines: lines + 1)
        }
    }

    /// Where a quoted field ends; `nil` when it does not.
    private func closingQuote(of field: inout Field, from start: Int, lines: inout Int) -> Int? {
        field.isQuoted = true
        let end = buffer.bytes.count
        var index = start
        while index < end {
            switch buffer.bytes[index] {
            case Self.quote:
                guard index + 1 < end else { return buffer.isFinished ? index : nil }
                guard buffer.bytes[index + 1] == Self.quote else { return index }
                field.hasQuotes = true
                index += 1
            case Self.feed: lines += 1
            default: break
            }
            index += 1
        }
        return nil
    }

    /// Where a field without quotes ends: at a delimiter, at a line's end, or with the bytes.
    private func fieldEnd(from start: Int, _ delimiter: UInt8) -> Int {
        let end = buffer.bytes.count
        var index = start
        while index < end {
            let byte = buffer.bytes[index]
            if byte == delimiter || byte == Self.feed { return index }
            // A return by itself is a sign like any other.
            if byte == Self.carriageReturn,
                index + 1 == end || buffer.bytes[index + 1] == Self.feed
            {
                return index
            }
            index += 1
        }
        return end
    }

    /// Where the next row begins when this one ends at an index; `nil` when that is not known yet.
    private func rowEnd(at index: Int) -> Int? {
        let rest = buffer.bytes[index...].prefix(2)
        if rest.first == Self.feed { return index + 1 }
        if rest.count == 2 { return index + 2 }
        return buffer.isFinished ? buffer.bytes.count : nil
    }

    // The header.

    /// Whether the columns' names are known.
    private mutating func findHeader() throws(FeedFileError) -> Bool {
        guard names == nil else { return true }
        let delimiter = delimiter ?? mostFrequentDelimiter()
        switch split(delimiter) {
        case .incomplete: return false
        case .row(let end, let next, let lines):
            guard end > buffer.start else { throw FeedFileError.content("the header is empty") }
            names = try header(buffer.start..<end)
            self.delimiter = delimiter
            buffer.advance(to: next, lines: lines)
            return true
        case .endless: throw FeedFileError.content("the header is longer than 1 MiB")
        case .unclosed, .overrun:
            throw FeedFileError.content("the header has a quote in the wrong place")
        }
    }

    private func header(_ range: Range<Int>) throws(FeedFileError) -> [[UInt8]] {
        guard isUTF8(range) else {
            throw FeedFileError.content("the header is no valid UTF-8")
        }
        var seen: Set<[UInt8]> = []
        var names: [[UInt8]] = []
        for (number, field) in fields.enumerated() {
            guard !field.range.isEmpty else {
                throw FeedFileError.content("column \(number + 1) has no name in the header")
            }
            var json = JSONWriter()
            append(field, to: &json)
            guard seen.insert(json.bytes).inserted else {
                let text = String(decoding: json.bytes, as: UTF8.self)
                throw FeedFileError.content("the header names column \(text) twice")
            }
            let opening = number == 0 ? UInt8(ascii: "{") : UInt8(ascii: ",")
            names.append([opening] + json.bytes + [UInt8(ascii: ":")])
        }
        return names
    }

    /// What stands most often between the quotes of the first line.
    private func mostFrequentDelimiter() -> UInt8 {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in buffer.bytes[buffer.start...] {
            if byte == Self.quote { isQuoted.toggle() }
            guard !isQuoted else { continue }
            if byte == Self.feed { break }
            counts[byte, default: 0] += 1
        }
        // The first of equals, so that a single column has a comma.
        var best = UInt8(ascii: ",")
        for other in [UInt8(ascii: ";"), UInt8(ascii: "\t")]
        where counts[other, default: 0] > counts[best, default: 0] {
            best = other
        }
        return best
    }
}
