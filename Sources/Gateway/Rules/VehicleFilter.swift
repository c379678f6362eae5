// SPDX-License-Identifier: Apache-2.0
import GRDBSQLite

/// A condition over the columns of a vehicle that somebody asks once; in the same sandbox as rules.
///
/// Belongs to one task, with the table of signals that it was made with.
final class VehicleFilter {
    /// Why an expression is no filter, or failed while it ran; a sentence for its author.
    struct Refusal: Error, Equatable {
        var message: String
    }

    private let sandbox: SQLSandbox
    private let statement: SQLiteStatement
    private let columns: [RuleColumn]
    private let stepsMax: Int

    /// Compiles an expression, or says what is wrong with it.
    init(
        _ expression: String,
        signals: SignalTable,
        limits: LimitsConfiguration
    ) throws(Refusal) {
        stepsMax = limits.ruleStepsMax
        let compiler: RuleCompiler
        do throws(SQLiteFailure) {
            sandbox = try SQLSandbox(limits: limits)
            compiler = try RuleCompiler(sandbox: sandbox, signals: signals)
        } catch {
            throw Refusal(message: error.message)
        }
        do throws(SQLiteFailure) {
            let columns = try compiler.columns(of: expression)
            let sql = RuleCompiler.statement(of: [expression], reading: columns.map(\.name))
            statement = try sandbox.statement(sql)
            self.columns = columns.map(\.column)
        } catch {
            throw Refusal(message: compiler.explain(error, in: expression))
        }
    }

    /// Whether the condition is true: not false, and not NULL.
    func matches(_ vehicle: Vehicle) throws(Refusal) -> Bool {
        statement.bind(columns, of: vehicle)
        sandbox.beginEvaluation()
        defer { statement.reset() }
        do throws(SQLiteFailure) {
            return try statement.step() && statement.isTrue(0)
        } catch  where error.code == SQLITE_INTERRUPT {
            throw Refusal(
                message: "for vehicle '\(vehicle.id)' it takes more than \(stepsMax) steps "
                    + "(limits.rule_steps)"
            )
        } catch {
            throw Refusal(message: "for vehicle '\(vehicle.id)': \(error.message)")
        }
    }
}
