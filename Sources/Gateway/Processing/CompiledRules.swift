// SPDX-License-Identifier: Apache-2.0
// Everything in SQL that users wrote, compiled in the order in which one needs the other: tables, then
// enrichments over them, then selects and alerts, which see what enrichments return.

/// What the configuration's SQL has become; belongs to the intake thread.
struct CompiledRules {
    let signals: SignalTable
    let engine: RuleEngine
    let tables: TableStore
    /// By source; `nil` where a source has none.
    let enrichments: [Enrichment?]
    let selects: [SelectRule]
    let compiler: QueryCompiler
    /// Signals that are columns of an enrichment.
    let enrichmentSignals: Set<SignalID>
    /// What tells vehicles apart whose messages may look different.
    let schemaGroup: GroupExpression?
    private let groupInputs: [SignalID]

    /// Compiles a configuration; throws every problem of its SQL.
    static func make(_ configuration: Configuration) throws -> CompiledRules {
        let problems = ProblemCollector()
        let files = configuration.ruleFiles.map { RuleFile.read(path: $0, problems: problems) }
        let rules = try CompiledRules(
            configuration,
            alerts: files.flatMap(\.alerts),
            selects: files.flatMap(\.selects),
            problems: problems
        )
        try problems.throwIfAny()
        return rules
    }

    /// What enrichments return, by name.
    var enrichmentNames: [String] {
        Set(enrichments.compactMap(\.self).flatMap(\.select.query.columns)).sorted()
    }

    /// Whether a signal's change may move a vehicle into another group of its schema.
    @inline(__always)
    func movesGroup(_ signal: SignalID) -> Bool { groupInputs.contains(signal) }

    /// The tables that readings of a source are joined with.
    func tables(joinedBy source: Int) -> Set<Int> {
        selects.reduce(enrichments[source]?.tables ?? []) {
            $0.union($1.select.query.tables)
        }
    }

    /// Compiles what was read; what is wrong is gathered in `problems`.
    init(
        _ configuration: Configuration,
        alerts: [RuleDraft],
        selects drafts: [SelectDraft],
        problems: ProblemCollector
    ) throws {
        signals = SignalTable(
            catalogue: configuration.signals,
            signalsMax: configuration.limits.signalsMax
        )
        let parser = JSONParser(depthMax: configuration.limits.depthMax)
        tables = try TableStore(configuration, parser: parser)
        compiler = try QueryCompiler(
            store: tables,
            signals: signals,
            limits: configuration.limits
        )
        let maker = EnrichmentMaker(
            configuration: configuration,
            compiler: compiler,
            signals: signals,
            tables: tables,
            problems: problems
        )
        enrichments = configuration.sources.map { maker.enrichment(of: $0) }
        enrichmentSignals = Set(enrichments.compactMap(\.self).flatMap(\.signals))
        selects = drafts.compactMap { maker.select($0) }
        engine = try RuleEngine(
            drafts: alerts,
            signals: signals,
            limits: configuration.limits,
            problems: problems
        )
        schemaGroup = maker.schemaGroup()
        groupInputs = schemaGroup?.inputs ?? []
    }
}

/// Compiles enrichments and selects, and says what is wrong with them.
private struct EnrichmentMaker {
    let configuration: Configuration
    let compiler: QueryCompiler
    let signals: SignalTable
    let tables: TableStore
    let problems: ProblemCollector

    func enrichment(of source: SourceConfiguration) -> Enrichment? {
        guard let wanted = source.enrichment else { return nil }
        func report(_ message: String) {
            let place = wanted.place
            problems.report(
                Problem(file: place.file, line: place.line, key: place.key, message: message)
            )
        }
        do throws(SQLiteFailure) {
            let query = try compiler.compile(wanted.select)
            guard check(query.columns, isEnrichment: true, report) else { return nil }
            try refuseScan(of: wanted.select, report)
            var ids: [SignalID] = []
            for name in query.columns {
                try compiler.add(name)
                guard let id = signals.id(ofName: name) else {
                    report("'\(name)' is one signal more than limits.signals")
                    return nil
                }
                signals.reserve(name)
                ids.append(id)
            }
            let select = StandingQuery(text: wanted.select, query: query, compiler: compiler)
            return Enrichment(wanted, select: select, signals: ids)
        } catch {
            report(compiler.explain(error, in: wanted.select))
            return nil
        }
    }

    func schemaGroup() -> GroupExpression? {
        guard
            case .expression(let text, let file, let line, let key) = configuration.schema.grouping
        else { return nil }
        // What is wrong was told by `explain`.
        return try? GroupExpression(text, signals: signals, limits: configuration.limits) {
            problems.report(Problem(file: file, line: line, key: key, message: $0))
        }
    }

    func select(_ draft: SelectDraft) -> SelectRule? {
        do throws(SQLiteFailure) {
            let query = try compiler.compile(draft.query)
            guard check(query.columns, isEnrichment: false, draft.queryValue.report) else {
                return nil
            }
            try refuseScan(of: draft.query, draft.queryValue.report)
            return SelectRule(
                name: draft.name,
                select: StandingQuery(text: draft.query, query: query, compiler: compiler)
            )
        } catch {
            draft.queryValue.report(compiler.explain(error, in: draft.query))
            return nil
        }
    }

    /// Whether the names of the result can be used.
    private func check(
        _ names: [String],
        isEnrichment: Bool,
        _ report: (String) -> Void
    ) -> Bool {
        var seen: Set<String> = []
        var isGood = true
        func refuse(_ message: String) {
            report(message)
            isGood = false
        }
        for name in names {
            if !seen.insert(name).inserted {
                refuse("returns two columns '\(name)'; name one of them with AS")
            }
            guard isEnrichment else { continue }
            if !SignalConfiguration.isIdentifier(name) {
                refuse("the column '\(name)' needs a lower-case SQL name: write AS name behind it")
            } else if ReservedColumn(rawValue: name) != nil {
                refuse("'\(name)' is the gateway's own column; name it with AS")
            } else if configuration.signals.contains(where: { $0.name == name }) {
                refuse("'\(name)' is a signal already, and would be overwritten; name it with AS")
            }
        }
        return isGood
    }

    /// A join that reads a large table from end to end for every reading is a mistake.
    private func refuseScan(
        of text: String,
        _ report: (String) -> Void
    ) throws(SQLiteFailure) {
        let plan = try compiler.plan(of: text, isJudged: true)
        for table in tables.tables
        where table.configuration.isLarge && plan.scanned.contains(table.name) {
            report(
                "would read the whole of table '\(table.name)', which is marked large, for every "
                    + "reading; join it by its key (\(table.configuration.key.joined(separator: ", "))) "
                    + "or add an 'index' to the table. SQLite's plan:\n    "
                    + plan.steps.joined(separator: "\n    ")
            )
        }
    }
}
