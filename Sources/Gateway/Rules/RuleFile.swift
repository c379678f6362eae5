// SPDX-License-Identifier: Apache-2.0
// Rule files have Prometheus's shape, because operators know it:
// https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
import Foundation

/// A rule and the place of its expression, for messages.
struct RuleDraft {
    var rule: AlertRule
    /// Where the expression's text starts.
    var expressionValue: YAMLValue
    var value: YAMLValue
}

/// Reads rule files; what is wrong with them is gathered, not thrown.
struct RuleFile {
    /// The rules of a file.
    static func read(path: String, problems: ProblemCollector) -> [RuleDraft] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            problems.report(
                Problem(file: path, line: 0, key: "", message: "rule file can't be read")
            )
            return []
        }
        return decode(text: text, file: path, problems: problems)
    }

    static func decode(text: String, file: String, problems: ProblemCollector) -> [RuleDraft] {
        let reader = RuleFile(
            name: URL(fileURLWithPath: file).lastPathComponent,
            version: version(of: text)
        )
        guard let root = YAMLValue.compose(text: text, file: file, problems: problems) else {
            return []
        }
        return root.mapping { root in
            root.required("groups")?.list()
                .flatMap { group in
                    group.mapping { reader.group($0) } ?? []
                } ?? []
        } ?? []
    }

    /// Eight hexadecimal digits of the file's text (FNV-1a).
    static func version(of text: String) -> String {
        let hash = text.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// What an outlier tells without annotations.
    private static let members = [
        "time", "alert", "state", "vehicle", "severity", "values", "since", "labels", "gateway",
        "rule", "version", "id",
    ]

    private let name: String
    private let version: String

    private func group(_ section: YAMLMapping) -> [RuleDraft] {
        _ = section.required("name")?.string()
        return section.required("rules")?.list()
            .compactMap { rule in
                rule.mapping { self.rule($0) } ?? nil
            } ?? []
    }

    private func rule(_ section: YAMLMapping) -> RuleDraft? {
        for kind in ["record", "select"] {
            section.optional(kind)?.report("'\(kind)' rules are not available; write an 'alert'")
        }
        let alert = section.required("alert")
        let expression = section.required("expr")
        let forMilliseconds = section.milliseconds("for", default: 0)
        let keepFiring = section.milliseconds("keep_firing_for", default: 0)
        let labels = section.optional("labels")?.mapping { texts($0) } ?? []
        let annotations = section.optional("annotations")?.mapping { texts($0) } ?? []
        guard let alert, let name = alert.string(), let expression, let text = expression.string()
        else { return nil }
        if !SignalConfiguration.isIdentifier(name) {
            alert.report("an alert's name must be a lower-case word such as headlights_left_on")
        }
        for (name, _) in annotations where Self.members.contains(name) {
            section.optional("annotations")?
                .report("'\(name)' is a member of every outlier; give the annotation another name")
        }
        let rule = AlertRule(
            name: name,
            expression: text,
            forMilliseconds: forMilliseconds,
            keepFiringMilliseconds: keepFiring,
            labels: labels,
            annotations: annotations.map { ($0.name, RuleTemplate($0.value)) },
            file: self.name,
            line: alert.line,
            version: version
        )
        return RuleDraft(rule: rule, expressionValue: expression, value: section.value)
    }

    private func texts(_ section: YAMLMapping) -> [(name: String, value: String)] {
        section.entries().compactMap { name, value in value.string().map { (name, $0) } }
    }
}
