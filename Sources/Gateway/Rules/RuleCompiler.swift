// SPDX-License-Identifier: Apache-2.0
// Expressions are SQL, and SQLite compiles them. Which columns an expression reads is not guessed:
// SQLite's authorizer reports each one while the statement is prepared, against an empty table
// that has a column for every signal. The same authorizer refuses whatever is not reading.
import GRDBSQLite

/// Compiles expressions against the table of signals; finds what they read.
final class RuleCompiler {
    private static let prefix = "SELECT (\n"
    private static let suffix = "\n) FROM vehicle"

    private let sandbox: SQLSandbox
    private let signals: SignalTable
    private let signalColumns: SignalColumns
    private var columns: [String: RuleColumn] { signalColumns.columns }

    init(sandbox: SQLSandbox, signals: SignalTable) throws(SQLiteFailure) {
        self.sandbox = sandbox
        self.signals = signals
        signalColumns = try SignalColumns(
            sandbox,
            signals,
            tables: ["vehicle"],
            own: ["vehicle": .vehicle, "event_time": .eventTime]
        )
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
        try SignalColumns.checkCase(of: names, in: expression)
        return names.compactMap { name in columns[name].map { (name, $0) } }
    }

    /// SQLite's message, the near miss, and a caret under the place.
    func explain(_ failure: SQLiteFailure, in expression: String) -> String {
        signalColumns.explain(failure, in: expression, what: "expression")
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
        try signalColumns.compiling(expression) { () throws(SQLiteFailure) in
            try prepare(expression)
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

    static func quoted(_ name: String) -> String {
        "\"\(name.replacing("\"", with: "\"\""))\""
    }
}
