// SPDX-License-Identifier: Apache-2.0
// Dead letters for the eye. What a vehicle has sent must not steer the terminal.
import Foundation

/// One dead letter a line.
enum DeadLetterLines {
    static let header = ["OFFSET", "TIME", "SOURCE", "VEHICLE", "TOPIC", "REASON"]
    /// A long topic must not push the reasons off the screen.
    private static let widthMax = 40

    static func cells(_ letter: StoredDeadLetter) -> [String] {
        let mark = letter.replayedAt == nil ? "" : "[replayed] "
        return [
            "\(letter.offset)", letter.arrival.iso8601, letter.source, letter.vehicle, letter.topic,
            mark + letter.reason,
        ]
        .map { TableWriter.visible($0) }
    }

    /// Lines with their columns under each other, cut to `width` if there is one.
    static func aligned(_ rows: [[String]], width: Int?) -> [String] {
        guard let first = rows.first else { return [] }
        var widths = [Int](repeating: 0, count: first.count)
        for row in rows {
            for (column, cell) in row.enumerated() {
                widths[column] = min(Self.widthMax, max(widths[column], cell.count))
            }
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                guard column < row.count - 1 else { break }
                line += String(repeating: " ", count: max(0, widths[column] - cell.count) + 2)
            }
            guard let width, line.count > width, width > 1 else { return line }
            return line.prefix(width - 1) + "…"
        }
    }

    /// The columns of the terminal; `nil` when the output is none.
    static func terminalWidth() -> Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1,
            unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0
        else { return nil }
        return Int(size.ws_col)
    }
}

/// Everything about one dead letter.
struct DeadLetterPage {
    /// Bytes on each side of the place that are shown with a caret below.
    private static let excerptBytes = 30

    let letter: StoredDeadLetter
    /// Why it can't be processed again; `nil` when it can, or was.
    let refusal: String?

    var lines: [String] {
        var fields = [
            ("offset", "\(letter.offset)"), ("time", letter.arrival.iso8601),
            ("source", letter.source), ("vehicle", letter.vehicle), ("topic", letter.topic),
        ]
        if let line = letter.line { fields.append(("line", "\(line)")) }
        fields.append(("kind", letter.kind ?? "-"))
        fields.append(("reason", letter.reason))
        if let position = letter.position { fields.append(("position", "\(position)")) }
        if case .some(let elements) = letter.elements {
            fields.append(("elements", elements.map { "\($0)" }.joined(separator: ", ")))
        }
        if let offset = letter.replayOf { fields.append(("replay of", "\(offset)")) }
        fields.append(("replay", replay))
        var lines = fields.map { name, value in
            name + String(repeating: " ", count: 10 - name.count) + TableWriter.visible(value)
        }
        guard let payload = letter.payload else {
            return lines + ["", String(decoding: letter.json, as: UTF8.self)]
        }
        if let position = letter.position { lines += [""] + Self.excerpt(payload, at: position) }
        lines += ["", "payload, \(payload.count) bytes:"]
        guard letter.isText, let text = String(validating: payload, as: UTF8.self) else {
            return lines + Self.hexadecimal(payload, mark: letter.position)
        }
        return lines
            + text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { TableWriter.visible(String($0)) }
    }

    private var replay: String {
        if let time = letter.replayedAt { return "done at \(time.iso8601)" }
        return refusal.map { "not possible: \($0)" } ?? "possible"
    }

    /// The surroundings of a byte, with a caret under it.
    static func excerpt(_ payload: [UInt8], at position: Int) -> [String] {
        let place = min(max(0, position), payload.count)
        let start = max(0, place - excerptBytes)
        let end = min(payload.count, place + excerptBytes)
        let before = (start > 0 ? "…" : "") + shown(payload[start..<place])
        let line = before + shown(payload[place..<end]) + (end < payload.count ? "…" : "")
        return [line, String(repeating: " ", count: before.count) + "^ byte \(position)"]
    }

    /// Bytes as text; those that are none, or cut in two, by their numbers.
    private static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return TableWriter.visible(text) }
        return
            bytes.map { byte in
                (0x20..<0x7F).contains(byte)
                    ? String(UnicodeScalar(byte)) : "\\x" + Self.twoDigits(byte)
            }
            .joined()
    }

    /// Sixteen bytes a line, with a caret under the one at `mark`.
    static func hexadecimal(_ payload: [UInt8], mark: Int?) -> [String] {
        var lines: [String] = []
        for start in stride(from: 0, to: payload.count, by: 16) {
            let row = payload[start..<min(start + 16, payload.count)]
            let number = String(start, radix: 16)
            var line = String(repeating: "0", count: max(0, 8 - number.count)) + number + " "
            for column in 0..<16 {
                line +=
                    row.indices.contains(start + column)
                    ? " " + twoDigits(row[start + column]) : "   "
            }
            line += "  |"
            for byte in row {
                line += (0x20..<0x7F).contains(byte) ? String(UnicodeScalar(byte)) : "."
            }
            lines.append(line + "|")
            if let mark, (start..<start + 16).contains(mark) {
                lines.append(
                    String(repeating: " ", count: 10 + (mark - start) * 3) + "^^ byte \(mark)"
                )
            }
        }
        return lines
    }

    private static func twoDigits(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
