// SPDX-License-Identifier: Apache-2.0
// Expressions are SQL, and SQLite compiles them. Which columns an expression reads is not guessed:
// SQLite's authorizer reports each one while the statement is prepared, against an empty table
// that has a column for every signal. The same authorizer refuses whatever is not reading.
import GRDBSQLite

/// Compiles expressions against the table of signals; finds what they read.
final class RuleCompiler {
    /// SQLite's limit is 2,000 columns; the rest is for paths that rules name in quotes.
    private static let columnsMax = 1_900
    private static let prefix = "SELECT (\n"
    private static let suffix = "\n) FROM vehicle"

    private let sandbox: SQLSandbox
    private let signals: SignalTable
    private var columns: [String: RuleColumn] = [:]
    /// The columns as SQL sees them, without case.
    private var spellings: [String: String] = [:]

    init(sandbox: SQLSandbox, signals: SignalTable) throws(SQLiteFailure) {
        self.sandbox = sandbox
        self.signals = signals
        columns = ["vehicle": .vehicle, "event_time": .eventTime]
        spellings = ["vehicle": "vehicle", "event_time": "event_time"]
        let names = signals.names.prefix(Self.columnsMax)
        for name in names {
            try refuseTwin(of: name)
            try learn(name)
        }
        // One statement: with a step for each column SQLite would read the schema as often.
        let all = ["vehicle", "event_time"] + names.map(Self.quoted)
        try sandbox.execute("CREATE TABLE vehicle (\(all.joined(separator: ", ")))")
    }

    /// The names that an expression may use without quotes.
    var names: [String] { Array(columns.keys) }

    /// Compiles all drafts, or reports what is wrong with each.
    func compile(_ drafts: [RuleDraft], problems: ProblemCollector) -> [AlertRule] {
        var seen: [String: AlertRule] = [:]
        return drafts.compactMap { draft in
            if let other = seen[draft.rule.name] {
                draft.value.report(
                    "alert '\(draft.rule.name)' exists already at \(other.file):\(other.line)"
                )
            }
            seen[draft.rule.name] = draft.rule
            do throws(SQLiteFailure) {
                var rule = draft.rule
                rule.columns = try columns(of: rule.expression)
                guard rule.columns.contains(where: { $0.column != .vehicle }) else {
                    throw SQLiteFailure(
                        code: SQLITE_ERROR,
                        message: "reads no signal, so nothing would ever evaluate it"
                    )
                }
                checkTemplates(draft, reads: rule.columns.map(\.name))
                return rule
            } catch {
                draft.expressionValue.report(explain(error, in: draft.rule.expression))
                return nil
            }
        }
    }

    /// What an expression reads, in the order in which it first names it.
    func columns(
        of expression: String
    )
        throws(SQLiteFailure) -> [(name: String, column: RuleColumn)]
    {
        let names = try dependencies(of: expression)
        try Self.checkCase(of: names, in: expression)
        return names.compactMap { name in columns[name].map { (name, $0) } }
    }

    /// One statement over a row that the columns are bound to, with a result for each expression.
    static func statement(of expressions: [String], reading names: [String]) -> String {
        let inputs = names.enumerated().map { "?\($0 + 1) AS \(quoted($1))" }
        let source = inputs.isEmpty ? "1" : inputs.joined(separator: ", ")
        let results = expressions.map { "(\n\($0)\n)" }.joined(separator: ", ")
        return "WITH vehicle AS (SELECT \(source)) SELECT \(results) FROM vehicle"
    }

    /// The columns an expression reads; quoted paths become columns on the way.
    func dependencies(of expression: String) throws(SQLiteFailure) -> [String] {
        if let reason = Self.impurity(of: expression) {
            throw SQLiteFailure(code: SQLITE_AUTH, message: reason)
        }
        while true {
            do {
                return try prepare(expression)
            } catch {
                guard let path = Self.missingColumn(error.message), columns[path] == nil,
                    expression.contains(Self.quoted(path))
                else { throw error }
                try addColumn(path)
            }
        }
    }

    private func prepare(_ expression: String) throws(SQLiteFailure) -> [String] {
        do throws(SQLiteFailure) {
            let probe = try sandbox.probe(
                Self.prefix + expression + Self.suffix,
                reading: ["vehicle"]
            )
            guard probe.isWhole, probe.results.count == 1 else {
                throw SQLiteFailure(code: SQLITE_ERROR, message: "must be one expression")
            }
            return probe.columns.map(\.name)
        } catch {
            var failure = error
            failure.offset = failure.offset.map { $0 - Self.prefix.utf8.count }
            throw failure
        }
    }

    private func addColumn(_ name: String) throws(SQLiteFailure) {
        try refuseTwin(of: name)
        try sandbox.execute("ALTER TABLE vehicle ADD COLUMN \(Self.quoted(name))")
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

    private func checkTemplates(_ draft: RuleDraft, reads columns: [String]) {
        let known = RuleTemplate.builtIn + signals.names + columns
        let templates = draft.rule.annotations.map(\.template)
        if templates.contains(where: \.isUnclosed) {
            draft.value.report("an annotation has '{{' without '}}'")
        }
        for name in templates.flatMap(\.names) where !known.contains(name) {
            guard !name.hasPrefix("$") else {
                draft.value.report(
                    "annotation names '{{ \(name) }}': there are no variables here; name a signal, "
                        + "or one of \(RuleTemplate.builtIn.joined(separator: ", "))"
                )
                continue
            }
            // A path that the catalogue doesn't name is a signal once a vehicle sends it.
            guard !name.contains(".") else { continue }
            draft.value.report(
                "annotation names '{{ \(name) }}', which is no signal"
                    + Suggestion.sentence(for: name, among: known)
            )
        }
    }

    /// SQLite's message, the near miss, and a caret under the place.
    func explain(_ failure: SQLiteFailure, in expression: String) -> String {
        var message = failure.message
        let bytes = Array(expression.utf8)
        var offset = failure.offset
        if let place = offset, place >= bytes.count {
            message = "the expression ends too early"
            offset = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 }
        }
        if let name = Self.missingColumn(message) {
            let near = Suggestion.sentence(for: name, among: columns.keys)
            message +=
                near.isEmpty
                ? "; it is not in the catalogue (a path that is not catalogued is written in quotes)"
                : near
        }
        guard let offset, offset >= 0 else { return message + "\n    " + expression }
        let start = bytes[..<offset].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let line = String(decoding: bytes[start..<end], as: UTF8.self)
        let column = String(decoding: bytes[start..<offset], as: UTF8.self).count
        return "\(message)\n    \(line)\n    \(String(repeating: " ", count: column))^"
    }

    /// SQL does not see case, but paths have it: what is quoted must be spelled like its column.
    private static func checkCase(
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

    private static func missingColumn(_ message: String) -> String? {
        let start = "no such column: "
        return message.hasPrefix(start) ? String(message.dropFirst(start.count)) : nil
    }

    /// Why an expression would not give the same answer twice, if it would not.
    private static func impurity(of expression: String) -> String? {
        let text = expression.lowercased()
        guard
            text.contains("'now'")
                || text.contains(/\b(date|time|datetime|julianday|unixepoch)\s*\(\s*\)/)
        else { return nil }
        return "an expression must not read the wall clock; use event_time"
    }

    static func quoted(_ name: String) -> String {
        "\"\(name.replacing("\"", with: "\"\""))\""
    }
}
