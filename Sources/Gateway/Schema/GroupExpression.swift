// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// The configured expression that tells which vehicles are alike; belongs to the intake thread.
final class GroupExpression {
    private let sandbox: SQLSandbox
    private let statement: SQLiteStatement
    private let columns: [RuleColumn]
    /// Signals that it reads: only their change can move a vehicle into another group.
    let inputs: [SignalID]
    /// Evaluations that failed; the vehicle counts as without a group.
    private(set) var errorCount = 0

    /// Compiles an expression; `explain` makes a message of what is wrong with it.
    init(
        _ expression: String,
        signals: SignalTable,
        limits: LimitsConfiguration,
        explain: (String) -> Void
    ) throws(SQLiteFailure) {
        sandbox = try SQLSandbox(limits: limits)
        let compiler = try RuleCompiler(sandbox: sandbox, signals: signals)
        do throws(SQLiteFailure) {
            let columns = try compiler.columns(of: expression)
            let sql = RuleCompiler.statement(of: [expression], reading: columns.map(\.name))
            statement = try sandbox.statement(sql)
            self.columns = columns.map(\.column)
        } catch {
            explain(compiler.explain(error, in: expression))
            throw error
        }
        inputs = columns.compactMap { if case .signal(let id) = $0 { id } else { nil } }
    }

    /// The name of a vehicle's group; empty when the expression is NULL.
    func group(of vehicle: Vehicle) -> String {
        statement.bind(columns, of: vehicle)
        sandbox.beginEvaluation()
        defer { statement.reset() }
        do throws(SQLiteFailure) {
            guard try statement.step(), !statement.isNull(0) else { return "" }
            return statement.value(0).text
        } catch {
            errorCount += 1
            return ""
        }
    }
}
