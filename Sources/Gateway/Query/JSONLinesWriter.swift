// SPDX-License-Identifier: Apache-2.0

/// One JSON object a line.
///
/// Numbers are numbers, NULL is null, a blob is base64, and text stays text,
/// also when it holds JSON: SQL takes that apart (`payload ->> '$.reason'`).
final class JSONLinesWriter: ResultWriter {
    private let output: ResultOutput
    private let names: [String]
    private var json = JSONWriter()

    init(_ output: ResultOutput, columns: [String]) {
        self.output = output
        names = Self.unique(columns)
    }

    func write(_ row: [SQLValue]) throws(QueryError) {
        json.removeAll()
        json.raw("{")
        for (position, value) in row.enumerated() {
            // Not `member`: it looks at the last byte, and a name may end in a bracket.
            if position > 0 { json.raw(",") }
            json.key(names[position])
            append(value)
        }
        json.raw("}\n")
        try output.write(json.bytes)
    }

    func pause() throws(QueryError) { try output.flush() }

    func finish() throws(QueryError) { try output.flush() }

    private func append(_ value: SQLValue) {
        switch value {
        case .null: json.raw("null")
        case .int(let number): json.int(number)
        case .double(let number): json.double(number)
        case .text(let text): json.string(text)
        case .blob: json.string(value.plain ?? "")
        }
    }

    /// An object has each name once: the second `a` is `a_2`.
    private static func unique(_ columns: [String]) -> [String] {
        var used = Set<String>()
        return columns.map { column in
            var name = column
            var number = 2
            while !used.insert(name).inserted {
                name = "\(column)_\(number)"
                number += 1
            }
            return name
        }
    }
}
