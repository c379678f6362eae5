// SPDX-License-Identifier: Apache-2.0
@testable import Gateway

/// Rule files for tests.
enum RuleText {
    /// A file of alerts without `for`, in the order given.
    static func file(_ rules: KeyValuePairs<String, String>) -> String {
        file(rules.map { ($0.key, $0.value) })
    }

    static func file(_ rules: [(name: String, expression: String)]) -> String {
        let rules = rules.map { name, expression in
            let lines = expression.split(separator: "\n", omittingEmptySubsequences: false)
            return "  - alert: \(name)\n    expr: |-\n"
                + lines.map { "      \($0)" }.joined(separator: "\n")
        }
        return "groups:\n- name: g\n  rules:\n" + rules.joined(separator: "\n")
    }
}

extension Configuration {
    /// A catalogue of signals under their own names, and one with a path.
    static func cars() throws -> Configuration {
        let names = ["speed", "headlights", "ignition", "gear", "note"]
        let signals = names.map { SignalConfiguration(name: $0, paths: [$0]) }
        return try .testing(
            signals: signals + [SignalConfiguration(name: "fuel", paths: ["v.tank.level"])]
        )
    }
}

extension TestGateway {
    /// A gateway with alerts over the catalogue of `Configuration.cars`.
    static func alerting(_ rules: KeyValuePairs<String, String>) throws -> TestGateway {
        try TestGateway(.cars(), rules: RuleText.file(rules))
    }

    /// Takes one payload in and gives the alerts that it fires.
    func fired(by payload: String) throws -> [String] {
        try process(payload).flat(StreamName.outlier)
            .compactMap { outlier in
                outlier["state"] == .text("firing") ? outlier["alert"]?.text : nil
            }
    }
}
