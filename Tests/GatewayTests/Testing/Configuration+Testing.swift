// SPDX-License-Identifier: Apache-2.0
@testable import Gateway

extension Configuration {
    /// A configuration for parts that need one: sources without a broker behind them.
    static func testing(
        topics: [TopicConfiguration]? = nil,
        signals: [SignalConfiguration] = [],
        sources: [String] = ["vehicles"]
    ) throws -> Configuration {
        let topics = try topics ?? [.testing()]
        return Configuration(
            gateway: GatewayConfiguration(id: "depot", dataDirectory: "/nonexistent"),
            sources: sources.map { name in
                SourceConfiguration(
                    name: name,
                    connection: MQTTConnectionConfiguration(
                        host: "localhost",
                        port: 1_883,
                        usesTLS: false,
                        clientID: name
                    ),
                    topics: topics
                )
            },
            signals: signals,
            ruleFiles: [],
            sinks: []
        )
    }
}

extension Configuration {
    /// The patterns of a source, or of a table's feed behind them.
    func patterns(of index: Int) -> [TopicPattern] {
        let session = index < sources.count ? sources[index] : tables[index - sources.count].session
        return session?.topics.map(\.pattern) ?? []
    }
}

extension TopicConfiguration {
    /// A topic whose payloads tell their event time, in milliseconds, under `t`.
    static func testing(
        _ pattern: String = "fleet/{vehicle}/state",
        format: PayloadFormat = .object,
        vehicle: String? = nil,
        eventTime: EventTimeConfiguration? = .milliseconds,
        arrays: [String: ArrayMode] = [:]
    ) throws -> TopicConfiguration {
        TopicConfiguration(
            pattern: try TopicPattern(pattern),
            format: format,
            vehiclePath: vehicle,
            eventTime: eventTime,
            arrays: arrays.map { ArrayConfiguration(path: $0.key, mode: $0.value) }
        )
    }
}

extension EventTimeConfiguration {
    /// Milliseconds since 1970 under `t`.
    static let milliseconds = EventTimeConfiguration(
        paths: ["t"],
        format: .epoch(unitsPerMillisecond: 1)
    )
}

extension CompiledRules {
    /// Compiles a configuration with the text of a rule file; throws all problems.
    static func testing(_ configuration: Configuration, rules: String) throws -> CompiledRules {
        let problems = ProblemCollector()
        let drafts = RuleFile.decode(text: rules, file: "rules.yaml", problems: problems)
        let compiled = try CompiledRules(
            configuration,
            alerts: drafts.alerts,
            selects: drafts.selects,
            problems: problems
        )
        try problems.throwIfAny()
        return compiled
    }
}

extension RuleEngine {
    /// Compiles a rule file; throws all of its problems.
    static func testing(
        rules: String,
        signals: SignalTable,
        limits: LimitsConfiguration = LimitsConfiguration()
    ) throws -> RuleEngine {
        let problems = ProblemCollector()
        let drafts = RuleFile.decode(text: rules, file: "rules.yaml", problems: problems)
        let engine = try RuleEngine(
            drafts: drafts.alerts,
            signals: signals,
            limits: limits,
            problems: problems
        )
        try problems.throwIfAny()
        return engine
    }
}
