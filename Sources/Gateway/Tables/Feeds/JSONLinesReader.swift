// SPDX-License-Identifier: Apache-2.0

/// Reads JSON Lines (https://jsonlines.org): each line that is not empty is a row as it is.
///
/// Whether a line is JSON is found out where all change events are decoded.
struct JSONLinesReader: RowReader {
    private var buffer = RowBuffer()
    private var hasRows = false

    mutating func append(_ bytes: [UInt8]) { buffer.append(bytes) }

    mutating func finish() { buffer.finish() }

    mutating func next() throws(FeedFileError) -> FeedRecord? {
        while buffer.hasRow() {
            let start = buffer.start
            let (end, next) = buffer.lineEnd(from: start)
            if end - start > RowBuffer.rowBytesMax {
                let reason = "line \(buffer.line) is longer than 1 MiB"
                return buffer.refuseLine(of: start, lines: 0, because: reason)
            }
            guard next > end || buffer.isFinished else { return nil }
            let line = buffer.line
            buffer.advance(to: next, lines: 1)
            let row = buffer.bytes[start..<end]
            guard row.contains(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") })
            else {
                continue
            }
            hasRows = true
            return buffer.row(Array(row), line: line)
        }
        // As with a file of no bytes: nobody knows whether it is meant.
        guard hasRows || !buffer.isFinished else { throw FeedFileError.content("it has no rows") }
        return nil
    }
}
