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

    init(sandbox: SQLSandbox, signals: SignalTable) throws(SQLiteFailure) {
        self.sandbox = sandbox
        self.signals = signals
        try sandbox.execute("CREATE TABLE vehicle (vehicle, event_time)")
        columns = ["vehicle": .vehicle, "event_time": .eventTime]
        for name in signals.names.prefix(Self.columnsMax) { try addColumn(name) }
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
                let names = try dependencies(of: rule.expression)
                try Self.checkCase(of: names, in: rule.expression)
                guard names.contains(where: { columns[$0] != nil && columns[$0] != .vehicle })
                else {
                    throw SQLiteFailure(
                        code: SQLITE_ERROR,
                        message: "reads no signal, so nothing would ever evaluate it"
                    )
                }
                checkTemplates(draft, reads: names)
                rule.columns = names.compactMap { name in columns[name].map { (name, $0) } }
                return rule
            } catch {
                draft.expressionValue.report(explain(error, in: draft.rule.expression))
                return nil
            }
        }
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
        let lowered = name.lowercased()
        if let twin = columns.keys.first(where: { $0.lowercased() == lowered }) {
            throw SQLiteFailure(
                code: SQLITE_ERROR,
                message: "\"\(name)\" and '\(twin)' differ only in case, which SQL does not see; "
                    + "give the path a name of its own in the catalogue"
            )
        }
        try sandbox.execute("ALTER TABLE vehicle ADD COLUMN \(Self.quoted(name))")
        // A catalogued path in quotes is its signal.
        let canonical = signals.entry(path: name)?.name ?? name
        guard let id = signals.id(ofName: canonical) else {
            throw SQLiteFailure(
                code: SQLITE_ERROR,
                message: "\"\(name)\" is one signal more than limits.signals"
            )
        }
        columns[name] = .signal(id)
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
    private func explain(_ failure: SQLiteFailure, in expression: String) -> String {
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
