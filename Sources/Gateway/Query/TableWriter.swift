// SPDX-License-Identifier: Apache-2.0

/// An aligned table for people.
///
/// The first rows decide the widths; a later value that is wider is
/// written whole and pushes its line to the right.
final class TableWriter: ResultWriter {
    private static let rowsAhead = 100
    /// A column that holds payloads must not push the others off the screen.
    private static let widthMax = 60

    private let output: ResultOutput
    private let columns: [String]
    /// Rows that wait for the widths.
    private var ahead: [[SQLValue]] = []
    private var widths: [Int]?
    private var isRight: [Bool] = []

    init(_ output: ResultOutput, columns: [String]) {
        self.output = output
        self.columns = columns.map(Self.visible)
    }

    func write(_ row: [SQLValue]) throws(QueryError) {
        guard let widths else {
            ahead.append(row)
            if ahead.count >= Self.rowsAhead { try settle() }
            return
        }
        try output.write(line(row, widths))
    }

    func pause() throws(QueryError) {
        // A header without rows would have to guess the widths of all that comes.
        if widths == nil, !ahead.isEmpty { try settle() }
        try output.flush()
    }

    func finish() throws(QueryError) {
        if widths == nil { try settle() }
        try output.flush()
    }

    /// Decides the widths and writes the header and what has waited.
    private func settle() throws(QueryError) {
        var widths = columns.map(\.count)
        isRight = columns.indices.map { column in
            ahead.contains { $0[column].isNumber }
                && ahead.allSatisfy { $0[column].isNumber || $0[column] == .null }
        }
        for row in ahead {
            for (column, value) in row.enumerated() {
                widths[column] = max(widths[column], Self.cell(value).count)
            }
        }
        for column in widths.indices { widths[column] = min(widths[column], Self.widthMax) }
        self.widths = widths
        if !columns.isEmpty {
            try output.write(Self.joined(columns, widths, isRight))
            let rule = widths.map { String(repeating: "-", count: max(1, $0)) }
            try output.write(rule.joined(separator: "-+-") + "\n")
        }
        for row in ahead { try output.write(line(row, widths)) }
        ahead = []
    }

    private func line(_ row: [SQLValue], _ widths: [Int]) -> String {
        Self.joined(row.map(Self.cell), widths, isRight)
    }

    private static func joined(_ cells: [String], _ widths: [Int], _ isRight: [Bool]) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            if column > 0 { line += " | " }
            let space = String(repeating: " ", count: max(0, widths[column] - cell.count))
            if isRight[column] { line += space }
            line += cell
            // No space at the end of a line.
            if !isRight[column], column < cells.count - 1 { line += space }
        }
        return line + "\n"
    }

    private static func cell(_ value: SQLValue) -> String {
        value.plain.map(visible) ?? "NULL"
    }

    /// Text that a vehicle has sent must not steer the terminal, nor break the table's lines.
    static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var visible = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": visible += "\\n"
            case "\r": visible += "\\r"
            case "\t": visible += "\\t"
            case _ where isControl(scalar):
                visible += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}
