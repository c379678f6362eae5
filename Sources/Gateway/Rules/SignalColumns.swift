// SPDX-License-Identifier: Apache-2.0
// What users' SQL is compiled against: empty tables with a column for every signal. What it names in
// quotes and nobody has seen yet becomes a column on the way.
import GRDBSQLite

/// The columns that expressions and SELECTs may name.
final class SignalColumns {
    /// SQLite's limit is 2,000 columns; the rest is for paths that are named in quotes.
    private static let columnsMax = 1_900

    private let sandbox: SQLSandbox
    private let signals: SignalTable
    private let tables: [String]
    /// By name, what is bound where it is read.
    private(set) var columns: [String: RuleColumn]
    /// The columns as SQL sees them, without case.
    private var spellings: [String: String] = [:]

    /// Makes the tables, each with these columns of the gateway's own and one for every signal.
    init(
        _ sandbox: SQLSandbox,
        _ signals: SignalTable,
        tables: [String],
        own: [String: RuleColumn]
    ) throws(SQLiteFailure) {
        self.sandbox = sandbox
        self.signals = signals
        self.tables = tables
        columns = own
        for name in own.keys { spellings[name.lowercased()] = name }
        let names = signals.names.prefix(Self.columnsMax)
        for name in names {
            try refuseTwin(of: name)
            try learn(name)
        }
        // One statement: with a step for each column SQLite would read the schema as often.
        let all = own.keys.sorted() + names.map(RuleCompiler.quoted)
        for table in tables {
            try sandbox.execute("CREATE TABLE \(table) (\(all.joined(separator: ", ")))")
        }
    }

    /// Compiles a text that must give the same answer twice, as often as it names new paths.
    func compiling<Result>(
        _ text: String,
        _ compile: () throws(SQLiteFailure) -> Result
    ) throws(SQLiteFailure) -> Result {
        if let reason = Self.impurity(of: text) {
            throw SQLiteFailure(code: SQLITE_AUTH, message: reason)
        }
        while true {
            do {
                return try compile()
            } catch {
                guard let name = Self.missingColumn(error.message),
                    let path = paths(name)
                        .first(where: {
                            columns[$0] == nil && text.contains(RuleCompiler.quoted($0))
                        })
                else { throw error }
                try add(path)
            }
        }
    }

    /// A missing column's name, with and without the table that stands before it.
    private func paths(_ name: String) -> [String] {
        [name]
            + tables.compactMap { table in
                name.hasPrefix(table + ".") ? String(name.dropFirst(table.count + 1)) : nil
            }
    }

    /// Makes a column for a signal.
    func add(_ name: String) throws(SQLiteFailure) {
        try refuseTwin(of: name)
        for table in tables {
            try sandbox.execute("ALTER TABLE \(table) ADD COLUMN \(RuleCompiler.quoted(name))")
        }
        try learn(name)
    }

    private func refuseTwin(of name: String) throws(SQLiteFailure) {
        if let twin = spellings[name.lowercased()] {
            throw SQLiteFailure(
                code: SQLITE_ERROR,
                message: "\"\(name)\" and '\(twin)' differ only in case, which SQL does not see; "
                    + "give the path a name of its own in the catalogue"
            )
        }
    }

    private func learn(_ name: String) throws(SQLiteFailure) {
        // A catalogued path in quotes is its signal.
        let canonical = signals.entry(path: name)?.name ?? name
        guard let id = signals.id(ofName: canonical) else {
            throw SQLiteFailure(
                code: SQLITE_ERROR,
                message: "\"\(name)\" is one signal more than limits.signals"
            )
        }
        columns[name] = .signal(id)
        spellings[name.lowercased()] = name
    }

    // Messages.

    /// SQLite's message, the near miss, and a caret under the place.
    func explain(_ failure: SQLiteFailure, in text: String, what: String) -> String {
        var message = failure.message
        let bytes = Array(text.utf8)
        var offset = failure.offset
        if let place = offset, place >= bytes.count {
            message = "the \(what) ends too early"
            offset = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 }
        }
        if let name = Self.missingColumn(message) {
            let near = Suggestion.sentence(for: paths(name).last ?? name, among: columns.keys)
            message +=
                near.isEmpty
                ? "; it is not in the catalogue (a path that is not catalogued is written in quotes)"
                : near
        }
        guard let offset, offset >= 0 else { return message + "\n    " + text }
        let start = bytes[..<offset].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let line = String(decoding: bytes[start..<end], as: UTF8.self)
        let column = String(decoding: bytes[start..<offset], as: UTF8.self).count
        return "\(message)\n    \(line)\n    \(String(repeating: " ", count: column))^"
    }

    /// SQL does not see case, but paths have it: what is quoted must be spelled like its column.
    static func checkCase(
        of names: [String],
        in expression: String
    )
        throws(SQLiteFailure)
    {
        for match in expression.matches(of: /"((?:[^"]|"")+)"/) {
            let path = String(match.1).replacing("\"\"", with: "\"")
            guard !names.contains(path),
                let twin = names.first(where: { $0.lowercased() == path.lowercased() })
            else { continue }
            throw SQLiteFailure(
                code: SQLITE_ERROR,
                message: "\"\(path)\" and '\(twin)' differ only in case, which SQL does not see; "
                    + "give the path a name of its own in the catalogue"
            )
        }
    }

    static func missingColumn(_ message: String) -> String? {
        let start = "no such column: "
        return message.hasPrefix(start) ? String(message.dropFirst(start.count)) : nil
    }

    /// Why a text would not give the same answer twice, if it would not.
    private static func impurity(of text: String) -> String? {
        let text = text.lowercased()
        guard
            text.contains("'now'")
                || text.contains(/\b(date|time|datetime|julianday|unixepoch)\s*\(\s*\)/)
        else { return nil }
        return "an expression must not read the wall clock; use event_time"
    }
}
