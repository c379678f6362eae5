// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct RuleFileTests {
    private static let full = """
        groups:
          - name: lights
            rules:
              - alert: headlights_left_on
                expr: headlights AND NOT ignition
                for: 5m
                keep_firing_for: 30s
                labels: {severity: critical, team: depot}
                annotations:
                  summary: "{{ vehicle }} left its lights on"
          - name: speed
            rules:
              - {alert: speeding, expr: speed_kmh > 130}
        """

    private func decode(_ text: String) -> (drafts: [RuleDraft], problems: [String]) {
        let problems = ProblemCollector()
        let drafts = RuleFile.decode(text: text, file: "/etc/rules/fleet.yaml", problems: problems)
        return (drafts.alerts, problems.all.map(\.description))
    }

    @Test func ruleHasWhatItsAuthorWrote() throws {
        let (drafts, problems) = decode(Self.full)
        #expect(problems.isEmpty)
        let rule = try #require(drafts.first).rule
        #expect(rule.name == "headlights_left_on")
        #expect(rule.expression == "headlights AND NOT ignition")
        #expect(rule.forMilliseconds == 300_000)
        #expect(rule.keepFiringMilliseconds == 30_000)
        #expect(rule.labels.map(\.name) == ["severity", "team"])
        #expect(rule.severity == "critical")
        #expect(rule.annotations.map(\.name) == ["summary"])
        #expect(rule.file == "fleet.yaml")
        #expect(rule.line == 4)
    }

    @Test func ruleWithoutMoreIsAWarningThatFiresAtOnce() throws {
        let rule = try #require(decode(Self.full).drafts.last).rule
        #expect(rule.name == "speeding")
        #expect(rule.forMilliseconds == 0)
        #expect(rule.keepFiringMilliseconds == 0)
        #expect(rule.severity == "warning")
    }

    @Test func versionChangesWithTheFile() {
        let version = RuleFile.version(of: Self.full)
        #expect(version.count == 8)
        #expect(RuleFile.version(of: Self.full) == version)
        #expect(RuleFile.version(of: Self.full + "\n") != version)
        // FNV-1a's own test vectors.
        #expect(RuleFile.version(of: "") == "811c9dc5")
        #expect(RuleFile.version(of: "foobar") == "bf9cf968")
    }

    @Test(arguments: [
        ("groups: []\ngrups: []", "2: grups: unknown key; did you mean 'groups'?"),
        ("rules: []", "1: 'groups' is missing"),
        ("groups:\n- rules: []", "2: groups[0]: 'name' is missing"),
        ("groups:\n- name: g", "2: groups[0]: 'rules' is missing"),
        ("groups:\n- name: g\n  rules:\n  - expr: x", "4: groups[0].rules[0]: 'alert' is missing"),
        ("groups:\n- name: g\n  rules:\n  - alert: a", "4: groups[0].rules[0]: 'expr' is missing"),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: A b, expr: x}",
            "4: groups[0].rules[0].alert: an alert's name must be a lower-case word"
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {record: a, expr: x}",
            "4: groups[0].rules[0].record: 'record' rules are not available"
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: a, expr: x, for: long}",
            "4: groups[0].rules[0].for: must be a duration"
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: a, exp: x}",
            "4: groups[0].rules[0].exp: unknown key; did you mean 'expr'?"
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: a, expr: x, labels: {a: []}}",
            "4: groups[0].rules[0].labels.a: must be a single value"
        ),
    ])
    func mistakeIsToldWithItsPlace(text: String, problem: String) {
        let problems = decode(text).problems
        #expect(
            problems.contains { $0.hasPrefix("/etc/rules/fleet.yaml:\(problem)") },
            "\(problems)"
        )
    }

    @Test func fileThatIsNotThereIsAProblem() {
        let problems = ProblemCollector()
        #expect(RuleFile.read(path: "/nonexistent/rules.yaml", problems: problems).alerts.isEmpty)
        #expect(
            problems.all.map(\.description) == ["/nonexistent/rules.yaml: rule file can't be read"]
        )
    }

    // Templates.

    @Test func templateIsFilledIn() {
        let template = RuleTemplate(#"{{vehicle}} does {{ speed_kmh }} km/h, {{ "v.gear" }}!"#)
        #expect(template.names == ["vehicle", "speed_kmh", "v.gear"])
        #expect(template.render { "<\($0)>" } == "<vehicle> does <speed_kmh> km/h, <v.gear>!")
    }

    @Test(arguments: ["", "plain", "{ vehicle }", "{{ open", "}} {{"])
    func textWithoutPlacesStaysAsItIs(text: String) {
        #expect(RuleTemplate(text).names.isEmpty)
        #expect(RuleTemplate(text).render { _ in "x" } == text)
    }
}
