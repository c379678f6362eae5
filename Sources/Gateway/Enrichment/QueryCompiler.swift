// SPDX-License-Identifier: Apache-2.0
// SQLite compiles users' SELECTs twice: against empty tables, where the authorizer tells what they read,
// and then with their inputs as parameters.
import GRDBSQLite

/// Compiles SELECTs over `reading`, `vehicle` and the tables.
final class QueryCompiler {
    private let store: TableStore
    private let signals: SignalTable
    private let signalColumns: SignalColumns
    private let rowsMax: Int

    init(store: TableStore, signals: SignalTable, limits: LimitsConfiguration) throws(SQLiteFailure)
    {
        self.store = store
        self.signals = signals
        rowsMax = limits.queryRowsMax
        signalColumns = try SignalColumns(
            store.sandbox,
            signals,
            tables: ["reading", "vehicle"],
            own: [
                "vehicle": .vehicle, "event_time": .eventTime, "arrival_time": .eventTime,
                "source": .vehicle, "topic": .vehicle,
            ]
        )
    }

    /// A column for a signal that only comes into being with an enrichment.
    func add(_ name: String) throws(SQLiteFailure) {
        guard signalColumns.columns[name] == nil else { return }
        try signalColumns.add(name)
    }

    /// Compiles a SELECT; its columns of tables that infer theirs are made on the way.
    func compile(_ text: String) throws(SQLiteFailure) -> ReadingQuery {
        let probe = try signalColumns.compiling(text) { () throws(SQLiteFailure) in
            try probeExpecting(text)
        }
        guard probe.isWhole else {
            throw SQLiteFailure(code: SQLITE_ERROR, message: "must be one SELECT")
        }
        let (names, inputs) = inputs(of: probe)
        let statement = try store.sandbox.statement(sql(text, names, inputs))
        let indices = Dictionary(
            uniqueKeysWithValues: store.tables.map { ($0.name, $0.index) }
        )
        return ReadingQuery(
            columns: probe.results,
            inputs: inputs,
            origins: probe.results.indices.map { column in
                statement.origin(Int32(column)).flatMap { indices[$0] }
            },
            tables: Set(probe.columns.compactMap { indices[$0.table] }),
            version: store.version,
            statement: statement,
            sandbox: store.sandbox,
            rowsMax: rowsMax
        )
    }

    /// How SQLite would go about it, a line a step.
    ///
    /// `isJudged`: the times of validity count for nothing. By them alone SQLite can look up all rows
    /// that hold, which is the whole of what a table has to say.
    func plan(of text: String, isJudged: Bool = false) throws(SQLiteFailure) -> QueryPlan {
        let (names, inputs) = inputs(of: try probe(text))
        let statement = sql(text, names, inputs, isIndexed: !isJudged)
        return try store.sandbox.plan(of: statement)
    }

    /// SQLite's message, the near miss, and a caret under the place.
    func explain(_ failure: SQLiteFailure, in text: String) -> String {
        var failure = failure
        if let name = SignalColumns.missingColumn(failure.message),
            let table = store.tables.first(where: { name.hasPrefix($0.name + ".") })
        {
            let column = String(name.dropFirst(table.name.count + 1))
            failure.message =
                "table '\(table.name)' has no column '\(column)'"
                + Suggestion.sentence(for: column, among: table.definition.columns.map(\.name))
        }
        if let name = SignalColumns.missingColumn(failure.message), !name.contains("."),
            store.tables.contains(where: \.infersColumns)
        {
            failure.message +=
                "; of a table whose columns are inferred, write it with the table's name: "
                + "\(store.tables.first(where: \.infersColumns)?.name ?? "table").\(name)"
        }
        return signalColumns.explain(failure, in: text, what: "SELECT")
    }

    private func probeExpecting(_ text: String) throws(SQLiteFailure) -> SQLProbe {
        while true {
            do throws(SQLiteFailure) {
                return try probe(text)
            } catch {
                guard try expectColumn(error) else { throw error }
            }
        }
    }

    // Inputs.

    private func inputs(of probe: SQLProbe) -> (names: [SQLColumn], inputs: [ReadingQuery.Input]) {
        var names: [SQLColumn] = []
        var inputs: [ReadingQuery.Input] = []
        for column in probe.columns {
            guard let input = input(column) else { continue }
            names.append(column)
            inputs.append(input)
        }
        return (names, inputs)
    }

    private func input(_ column: SQLColumn) -> ReadingQuery.Input? {
        let isReading = column.table == "reading"
        guard isReading || column.table == "vehicle" else { return nil }
        switch column.name {
        case "vehicle": return .vehicleID
        case "event_time": return isReading ? .eventTime : .vehicleTime
        case "arrival_time": return .arrivalTime
        case "source": return .source
        case "topic": return .topic
        default:
            guard case .signal(let id)? = signalColumns.columns[column.name] else { return nil }
            return isReading ? .readingSignal(id) : .vehicleSignal(id)
        }
    }

    // SQL.

    private func probe(_ text: String) throws(SQLiteFailure) -> SQLProbe {
        let (prefix, rest) = Self.prefixed(asOf("0"), text)
        do throws(SQLiteFailure) {
            return try store.sandbox.probe(
                prefix + rest,
                reading: store.names.union(["reading", "vehicle"])
            )
        } catch {
            var failure = error
            let shift = prefix.utf8.count - (text.utf8.count - rest.utf8.count)
            failure.offset = failure.offset.map { max(0, $0 - shift) }
            throw failure
        }
    }

    private func sql(
        _ text: String,
        _ names: [SQLColumn],
        _ inputs: [ReadingQuery.Input],
        isIndexed: Bool = true
    ) -> String {
        let relations = ["reading", "vehicle"]
            .map { table in
                let columns = names.enumerated().filter { $0.element.table == table }
                    .map { "?\($0.offset + 2) AS \(RuleCompiler.quoted($0.element.name))" }
                let list = columns.isEmpty ? "NULL" : columns.joined(separator: ", ")
                return "\(table) AS NOT MATERIALIZED (SELECT \(list))"
            }
        let (prefix, rest) = Self.prefixed(relations + asOf("?1", isIndexed), text)
        return prefix + rest
    }

    private func asOf(_ time: String, _ isIndexed: Bool = true) -> [String] {
        store.tables.compactMap { $0.definition.asOf(time, isIndexed: isIndexed) }
    }

    /// Our common table expressions before the text, or before its own.
    private static func prefixed(_ expressions: [String], _ text: String) -> (String, String) {
        guard !expressions.isEmpty else { return ("", text) }
        let list = expressions.joined(separator: ", ")
        let with = #/(?i)^(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*WITH\s(?:\s*RECURSIVE\s)?/#
        guard let own = text.firstMatch(of: with) else { return ("WITH \(list)\n", text) }
        return ("WITH RECURSIVE \(list), ", String(text[own.range.upperBound...]))
    }

    /// Makes the column that is missing, if it is one of a table that infers its columns.
    private func expectColumn(_ failure: SQLiteFailure) throws(SQLiteFailure) -> Bool {
        guard let name = SignalColumns.missingColumn(failure.message),
            let table = store.tables.first(where: {
                $0.infersColumns && name.hasPrefix($0.name + ".")
            })
        else { return false }
        try table.expect(String(name.dropFirst(table.name.count + 1)))
        return true
    }
}

extension CompiledRules {
    /// How each SELECT will be evaluated, for a person.
    func planLines(_ configuration: Configuration) throws(SQLiteFailure) -> [String] {
        var lines: [String] = []
        func add(_ place: String, _ text: String) throws(SQLiteFailure) {
            lines.append("\(place):")
            lines += try compiler.plan(of: text).steps.map { "    " + $0 }
        }
        for (source, enrichment) in zip(configuration.sources, enrichments) {
            guard let enrichment else { continue }
            try add("enrich of source \(source.name)", enrichment.configuration.select)
        }
        for select in selects { try add("select \(select.name)", select.select.text) }
        return lines
    }
}

/// How SQLite would evaluate a SELECT.
struct QueryPlan: Equatable {
    /// A line a step, indented by what it is part of.
    var steps: [String]
    /// Tables that would be read from end to end.
    var scanned: Set<String>
}

extension SQLSandbox {
    /// Asks SQLite for its plan (https://www.sqlite.org/eqp.html), and its program for what that leaves
    /// open: a plan names a table by its alias.
    func plan(of sql: String) throws(SQLiteFailure) -> QueryPlan {
        var plan = QueryPlan(steps: [], scanned: [])
        var depths: [Int64: Int] = [:]
        let explained = try statement("EXPLAIN QUERY PLAN " + sql)
        while try explained.step() {
            let depth = depths[explained.int(1), default: -1] + 1
            depths[explained.int(0)] = depth
            plan.steps.append(String(repeating: "  ", count: depth) + explained.text(3))
        }
        var roots: [Int64: String] = [:]
        let schema = try statement(
            "SELECT rootpage, tbl_name FROM sqlite_schema WHERE rootpage > 0"
        )
        while try schema.step() { roots[schema.int(0)] = schema.text(1) }
        // https://www.sqlite.org/opcode.html: OpenRead binds a cursor (P1) to a root page (P2); Rewind
        // and Last start at an end of it, and Count counts its rows.
        var cursors: [Int64: String] = [:]
        let program = try statement("EXPLAIN " + sql)
        var starts: Set<Int64> = []
        while try program.step() {
            switch program.text(1) {
            case "OpenRead" where program.int(4) == 0:
                cursors[program.int(2)] = roots[program.int(3)]
            case "Rewind", "Last", "Count": starts.insert(program.int(2))
            default: break
            }
        }
        plan.scanned = Set(starts.compactMap { cursors[$0] })
        return plan
    }
}
