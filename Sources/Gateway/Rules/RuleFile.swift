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

/// The rules of one file, or of several.
struct RuleDrafts {
    var alerts: [RuleDraft] = []
    var selects: [SelectDraft] = []
}

/// Reads rule files; what is wrong with them is gathered, not thrown.
struct RuleFile {
    /// The rules of a file.
    static func read(path: String, problems: ProblemCollector) -> RuleDrafts {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            problems.report(
                Problem(file: path, line: 0, key: "", message: "rule file can't be read")
            )
            return RuleDrafts()
        }
        return decode(text: text, file: path, problems: problems)
    }

    static func decode(text: String, file: String, problems: ProblemCollector) -> RuleDrafts {
        let reader = RuleFile(
            name: URL(fileURLWithPath: file).lastPathComponent,
            version: version(of: text)
        )
        var drafts = RuleDrafts()
        guard let root = YAMLValue.compose(text: text, file: file, problems: problems) else {
            return drafts
        }
        _ = root.mapping { root in
            for group in root.required("groups")?.list() ?? [] {
                _ = group.mapping { reader.group($0, &drafts) }
            }
        }
        return drafts
    }

    /// The streams that a file's `select` rules make, whatever else is wrong with it.
    static func streams(path: String) -> [String] {
        read(path: path, problems: ProblemCollector()).selects.map(\.name)
    }

    /// Eight hexadecimal digits of the file's text (FNV-1a).
    static func version(of text: String) -> String {
        let hash = text.utf8.reduce(0x811C_9DC5 as UInt32) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// What an outlier tells without annotations.
    private static let members = [
        "time", "alert", "state", "vehicle", "severity", "values", "enrichment", "since", "labels",
        "gateway", "rule", "version", "id",
    ]

    private let name: String
    private let version: String

    private func group(_ section: YAMLMapping, _ drafts: inout RuleDrafts) {
        _ = section.required("name")?.string()
        for rule in section.required("rules")?.list() ?? [] {
            _ = rule.mapping { section in
                if let select = section.optional("select") {
                    self.select(section, select).map { drafts.selects.append($0) }
                } else {
                    alert(section).map { drafts.alerts.append($0) }
                }
            }
        }
    }

    private func select(_ section: YAMLMapping, _ select: YAMLValue) -> SelectDraft? {
        let query = section.required("query")
        guard let name = select.string(), let query, let text = query.string() else { return nil }
        if !SignalConfiguration.isIdentifier(name) {
            select.report("a stream's name must be a lower-case SQL name such as fast_rentals")
        } else if TableName.isReserved(name) {
            select.report("'\(name)' is the gateway's own; choose another name for the stream")
        }
        return SelectDraft(name: name, query: text, queryValue: query, value: section.value)
    }

    private func alert(_ section: YAMLMapping) -> RuleDraft? {
        section.optional("record")?
            .report("'record' rules are not available; write an 'alert' or a 'select'")
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
        if name == Processor.staleAlert {
            alert.report("'\(name)' is the gateway's own alert; choose another name")
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
