// SPDX-License-Identifier: Apache-2.0
// Evaluation: all alerts that one shape of reading can change form one prepared statement,
//   WITH vehicle AS (SELECT ?1 AS "headlights", ?2 AS "ignition", …)
//   SELECT (expr 1), (expr 2), … FROM vehicle
// so the cost of a reading grows with what it changed and not with how many rules there are.
import GRDBSQLite

/// The alerts that a shape of reading can change, with the statements that evaluate them.
final class RulePlan {
    /// One statement, and what to bind to it.
    struct Step {
        let statement: SQLiteStatement
        let columns: [RuleColumn]
        let rules: [Int]
    }

    /// The rules by index, in the order of their results.
    let rules: [Int]
    let steps: [Step]
    /// Signals whose change can change a result; `nil` when every reading can.
    let inputs: Set<SignalID>?

    init(rules: [Int], steps: [Step], inputs: Set<SignalID>?) {
        self.rules = rules
        self.steps = steps
        self.inputs = inputs
    }
}

/// Holds the compiled rules and evaluates them; belongs to the intake thread.
final class RuleEngine {
    /// How many expressions one statement may hold.
    private static let expressionsPerStatement = 64
    /// Plans that are remembered.
    private static let plansMax = 4_096

    let rules: [AlertRule]
    private let sandbox: SQLSandbox
    /// Rules that read a signal, by the signal.
    private var readers: [SignalID: [Int]] = [:]
    /// Rules that read the event time: every reading concerns them.
    private var timeReaders: [Int] = []
    private var plans: [[Int]: RulePlan] = [:]
    private(set) var errorCounts: [Int: Int] = [:]
    private(set) var evaluationCount = 0

    /// Compiles the rules of the given drafts, or throws all that is wrong with them.
    init(
        drafts: [RuleDraft],
        signals: SignalTable,
        limits: LimitsConfiguration,
        problems: ProblemCollector
    ) throws {
        sandbox = try SQLSandbox(limits: limits)
        let compiler = try RuleCompiler(sandbox: sandbox, signals: signals)
        rules = compiler.compile(drafts, problems: problems)
        index()
    }

    private func index() {
        for (index, rule) in rules.enumerated() {
            for case .signal(let id) in rule.columns.map(\.column) {
                readers[id, default: []].append(index)
            }
            if rule.columns.contains(where: { $0.column == .eventTime }) {
                timeReaders.append(index)
            }
        }
    }

    /// The plan for a shape; made when the shape is first seen.
    ///
    /// `added` are signals that come with it from tables: one source's readings all have the same.
    func plan(for shape: Shape, and added: [SignalID] = []) -> RulePlan {
        if let plan = shape.plan { return plan }
        let signals = shape.columns.compactMap(\.signal) + added
        let touched = signals.flatMap { readers[$0] ?? [] }
        let rules = Set(touched + timeReaders).sorted()
        shape.plan = plan(of: rules)
        return plan(of: rules)
    }

    /// The plan of everything that a vehicle's signals and a shape can change.
    func plan(for vehicle: Vehicle, _ shape: Shape, and added: [SignalID] = []) -> RulePlan {
        let signals = Set(vehicle.signals + shape.columns.compactMap(\.signal) + added)
        return plan(of: Set(signals.flatMap { readers[$0] ?? [] } + timeReaders).sorted())
    }

    private func plan(of rules: [Int]) -> RulePlan {
        if let known = plans[rules] { return known }
        // Shapes keep the plans they use; the memory of the others is not worth keeping.
        if plans.count >= Self.plansMax { plans.removeAll() }
        let plan = makePlan(rules)
        plans[rules] = plan
        return plan
    }

    private func makePlan(_ indices: [Int]) -> RulePlan {
        var steps: [RulePlan.Step] = []
        for start in stride(from: 0, to: indices.count, by: Self.expressionsPerStatement) {
            let end = min(start + Self.expressionsPerStatement, indices.count)
            steps += makeSteps(Array(indices[start..<end]))
        }
        var inputs: Set<SignalID>? = []
        for column in indices.flatMap({ rules[$0].columns }).map(\.column) {
            switch column {
            case .signal(let id): inputs?.insert(id)
            case .eventTime: inputs = nil
            case .vehicle: break
            }
        }
        return RulePlan(rules: steps.flatMap(\.rules), steps: steps, inputs: inputs)
    }

    /// Expressions that compile one by one may be too long together: then they are parted.
    private func makeSteps(_ indices: [Int]) -> [RulePlan.Step] {
        do throws(SQLiteFailure) {
            return [try makeStep(indices)]
        } catch {
            guard indices.count > 1 else {
                errorCounts[indices[0], default: 0] += 1
                return []
            }
            let middle = indices.count / 2
            return makeSteps(Array(indices[..<middle])) + makeSteps(Array(indices[middle...]))
        }
    }

    private func makeStep(_ indices: [Int]) throws(SQLiteFailure) -> RulePlan.Step {
        var names: [String] = []
        var columns: [RuleColumn] = []
        for (name, column) in indices.flatMap({ rules[$0].columns }) where !names.contains(name) {
            names.append(name)
            columns.append(column)
        }
        let expressions = indices.map { rules[$0].expression }
        let sql = RuleCompiler.statement(of: expressions, reading: names)
        let statement = try sandbox.statement(sql)
        return RulePlan.Step(statement: statement, columns: columns, rules: indices)
    }

    /// Evaluates a plan; a result is `nil` when its expression failed.
    func evaluate(_ plan: RulePlan, on vehicle: Vehicle, into results: inout [Bool?]) {
        results.removeAll(keepingCapacity: true)
        for step in plan.steps {
            evaluationCount += step.rules.count
            do throws(SQLiteFailure) {
                try run(step, on: vehicle, into: &results)
            } catch  where step.rules.count > 1 {
                // One failing expression must not silence its neighbours.
                for rule in step.rules { results.append(evaluateAlone(rule, on: vehicle)) }
            } catch {
                errorCounts[step.rules[0], default: 0] += 1
                results.append(nil)
            }
        }
    }

    private func evaluateAlone(_ rule: Int, on vehicle: Vehicle) -> Bool? {
        var results: [Bool?] = []
        guard let step = plan(of: [rule]).steps.first else { return nil }
        do throws(SQLiteFailure) {
            try run(step, on: vehicle, into: &results)
            return results[0]
        } catch {
            errorCounts[rule, default: 0] += 1
            return nil
        }
    }

    private func run(
        _ step: RulePlan.Step,
        on vehicle: Vehicle,
        into results: inout [Bool?]
    )
        throws(SQLiteFailure)
    {
        let statement = step.statement
        statement.bind(step.columns, of: vehicle)
        sandbox.beginEvaluation()
        defer { statement.reset() }
        guard try statement.step() else {
            throw SQLiteFailure(code: SQLITE_DONE, message: "the expression gave no row")
        }
        for column in 0..<step.rules.count { results.append(statement.isTrue(Int32(column))) }
    }
}

extension SQLiteStatement {
    /// Binds the columns that expressions read to what a vehicle holds.
    func bind(_ columns: [RuleColumn], of vehicle: Vehicle) {
        for (index, column) in columns.enumerated() {
            switch column {
            case .signal(let id): bind(Int32(index + 1), vehicle.value(of: id))
            case .vehicle: bind(Int32(index + 1), vehicle.id)
            case .eventTime:
                bind(Int32(index + 1), Double(vehicle.eventTime.milliseconds) / 1_000)
            }
        }
    }
}
