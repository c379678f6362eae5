// SPDX-License-Identifier: Apache-2.0

/// Makes rows of a file's bytes, which come in pieces.
protocol RowReader {
    /// Takes the next bytes of the file.
    mutating func append(_ bytes: [UInt8])
    /// No more bytes come.
    mutating func finish()
    /// The next row as a JSON object, or as what stood there with the reason why it is none; `nil` when
    /// more bytes are needed, or none are left.
    mutating func next() throws(FeedFileError) -> FeedRecord?
}

extension FileFeedConfiguration.Format {
    func makeReader() -> any RowReader {
        switch self {
        case .csv: CSVReader()
        case .jsonl: JSONLinesReader()
        }
    }
}

/// The bytes of a file that are not used up yet; counts its lines.
struct RowBuffer {
    /// A row that is longer is refused: without a limit one quote that nobody closes takes all memory.
    static let rowBytesMax = 1 << 20
    /// How much of what is refused goes into the dead letter.
    static let refusedBytesMax = 64 << 10
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private(set) var bytes: [UInt8] = []
    /// Where the next row begins.
    private(set) var start = 0
    /// The line of the file in which it begins.
    private(set) var line = 1
    private(set) var isFinished = false
    /// Whether it is known what the first bytes are.
    private(set) var hasBegun = false
    /// The rest of a line that was refused is still to come.
    private var isSkipping = false

    /// Whether a row that is not complete may become so.
    var mayGrow: Bool { !isFinished && bytes.count - start <= Self.rowBytesMax }

    mutating func append(_ more: [UInt8]) {
        bytes.removeFirst(start)
        start = 0
        bytes += more
        guard !hasBegun, bytes.count >= Self.byteOrderMark.count else { return }
        begin()
    }

    mutating func finish() {
        isFinished = true
        if !hasBegun { begin() }
    }

    private mutating func begin() {
        hasBegun = true
        if bytes.starts(with: Self.byteOrderMark) { start = Self.byteOrderMark.count }
    }

    /// Whether there is something of a row; drops what is left of a refused line before it.
    mutating func hasRow() -> Bool {
        guard hasBegun else { return false }
        if isSkipping {
            let (end, next) = lineEnd(from: start)
            isSkipping = next == end && !isFinished
            advance(to: next, lines: isSkipping ? 0 : 1)
        }
        return !isSkipping && start < bytes.count
    }

    /// A row that begins in this line of the file.
    func row(_ payload: [UInt8], line: Int) -> FeedRecord {
        var record = FeedRecord(payload: payload)
        record.place.line = line
        return record
    }

    /// The next row begins here.
    mutating func advance(to index: Int, lines: Int) {
        start = index
        line += lines
    }

    /// Where the line that holds an index ends, and the next begins; the end of what is there at last.
    func lineEnd(from index: Int) -> (end: Int, next: Int) {
        guard let feed = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) else {
            return (bytes.count, bytes.count)
        }
        let hasReturn = feed > start && bytes[feed - 1] == UInt8(ascii: "\r")
        return (hasReturn ? feed - 1 : feed, feed + 1)
    }

    /// Gives up what stands up to the end of the line that holds an index, so many lines below.
    mutating func refuseLine(of index: Int, lines: Int, because reason: String) -> FeedRecord {
        let (end, next) = lineEnd(from: index)
        let record = refused(start..<end, line: line, because: reason)
        isSkipping = next == end && !isFinished
        advance(to: next, lines: isSkipping ? lines : lines + 1)
        return record
    }

    /// A part of the bytes as a row that is none, for the reason given.
    func refused(_ range: Range<Int>, line: Int, because reason: String) -> FeedRecord {
        let end = min(range.upperBound, range.lowerBound + Self.refusedBytesMax)
        var record = row(Array(bytes[range.lowerBound..<end]), line: line)
        record.failure = reason
        return record
    }
}
