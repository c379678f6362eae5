// SPDX-License-Identifier: Apache-2.0

/// Comma-separated values with a header (RFC 4180).
///
/// NULL is nothing, and an empty text is `""`.
final class CSVWriter: ResultWriter {
    private let output: ResultOutput
    private var header: String?

    init(_ output: ResultOutput, columns: [String]) {
        self.output = output
        header = Self.line(columns.map { .text($0) })
    }

    func write(_ row: [SQLValue]) throws(QueryError) {
        try writeHeader()
        try output.write(Self.line(row))
    }

    func pause() throws(QueryError) {
        try writeHeader()
        try output.flush()
    }

    func finish() throws(QueryError) { try pause() }

    private func writeHeader() throws(QueryError) {
        guard let header else { return }
        self.header = nil
        try output.write(header)
    }

    private static func line(_ row: [SQLValue]) -> String {
        row.map(field).joined(separator: ",") + "\r\n"
    }

    private static func field(_ value: SQLValue) -> String {
        guard let plain = value.plain else { return "" }
        guard case .text = value, needsQuotes(plain) else { return plain }
        return "\"" + plain.replacing("\"", with: "\"\"") + "\""
    }

    private static func needsQuotes(_ text: String) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, let last = bytes.last else { return true }
        return first == 0x20 || last == 0x20
            || bytes.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
    }
}
