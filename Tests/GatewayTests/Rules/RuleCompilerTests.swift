// SPDX-License-Identifier: Apache-2.0
// What an expression may be, what it reads, and how its mistakes are told.
import Foundation
import Testing

@testable import Gateway

@Suite struct RuleCompilerTests {
    private func columns(_ expression: String) throws -> [String] {
        let gateway = try TestGateway.alerting(["a": expression])
        return gateway.processor.engine.rules[0].columns.map(\.name)
    }

    private func problem(_ rules: KeyValuePairs<String, String>) -> String {
        problem(file: RuleText.file(rules))
    }

    private func problem(file: String) -> String {
        let problems = #expect(throws: Problems.self) { try TestGateway(.cars(), rules: file) }
        return problems?.description ?? ""
    }

    // Dependencies.

    @Test(arguments: [
        ("speed > 3 AND ignition", ["speed", "ignition"]), ("speed > speed", ["speed"]),
        ("SPEED > 3 and vehicle.Gear = 'R'", ["speed", "gear"]),
        ("CASE WHEN ignition THEN speed ELSE gear END", ["ignition", "speed", "gear"]),
        ("abs(coalesce(speed, gear)) > 3", ["speed", "gear"]),
        ("EXISTS (SELECT 1 WHERE headlights) AND gear", ["headlights", "gear"]),
        ("vehicle = 'car' AND event_time > speed", ["vehicle", "event_time", "speed"]),
        (#""v.body.lights" AND "Motor" > 1"#, ["v.body.lights", "Motor"]),
        ("speed > 3 -- the limit", ["speed"]), ("note = 'ignition'", ["note"]),
    ])
    func expressionDependsOnTheColumnsItReads(expression: String, names: [String]) throws {
        #expect(try columns(expression) == names)
    }

    @Test func quotedPathMayHoldAQuote() throws {
        _ = try columns(#""odd ""name""" > 1"#)
    }

    @Test func quotedPathBecomesASignal() throws {
        let gateway = try TestGateway.alerting(["a": #""v.body.lights" = 'on'"#])
        #expect(try gateway.fired(by: #"{"v":{"body":{"lights":"off"}}}"#).isEmpty)
        #expect(try gateway.fired(by: #"{"v":{"body":{"lights":"on"}}}"#) == ["a"])
    }

    // Mistakes.

    @Test func unknownColumnIsToldWithCaretAndSuggestion() {
        #expect(
            problem(["a": "ignition AND\nheadlight AND speed > 3"]) == """
                rules.yaml:5: groups[0].rules[0].expr: no such column: headlight; \
                did you mean 'headlights'?
                    headlight AND speed > 3
                    ^
                """
        )
    }

    @Test func unknownColumnFarFromAllSaysHowToNameAPath() {
        let text = problem(["a": "speed > 3 AND colour = 1"])
        #expect(text.contains("no such column: colour; it is not in the catalogue"))
        #expect(text.hasSuffix("\n    speed > 3 AND colour = 1\n                  ^"))
    }

    @Test(arguments: [
        ("speed >> > 3", "near \">\": syntax error", "         ^"),
        ("speed > (3", "the expression ends too early", "          ^"),
        ("größe('x') > speed", "no such function: größe", "^"),
        (
            "coalesce('ü', 1) > sped", "no such column: sped; did you mean 'speed'?",
            "                   ^"
        ),
    ])
    func caretStandsUnderThePlace(expression: String, message: String, caret: String) {
        let lines = problem(["a": expression]).split(separator: "\n")
        #expect(lines.first?.hasSuffix(message) == true, "\(lines)")
        #expect(lines.last == "    \(caret)")
    }

    @Test(arguments: [
        "random() > speed", "RANDOM() > 1", "total_changes() > speed",
        "last_insert_rowid() > speed",
        "load_extension('x') > speed", "hex(randomblob(4)) > speed", "current_timestamp > note",
        "current_date > note", "changes() > speed",
    ])
    func functionThatGivesOtherAnswersIsRefused(expression: String) {
        let text = problem(["a": expression])
        #expect(text.contains("is not allowed: the same data must give the same answer"), "\(text)")
    }

    @Test(arguments: [
        "date('now') > note", "datetime('NOW', '-1 day') > note", "julianday() > speed",
        "unixepoch ( ) > event_time", "strftime('%s', 'now') > speed",
    ])
    func wallClockIsRefused(expression: String) {
        #expect(problem(["a": expression]).contains("must not read the wall clock; use event_time"))
    }

    @Test(arguments: [
        "strftime('%s') > speed", "date('n' || 'ow') > note", "time/**/() > note",
    ])
    func wallClockIsNowhereToBeFoundHoweverItIsReached(expression: String) throws {
        // No search of the text finds them all; what is missed reads NULL, because there is no clock.
        let fired = try TestGateway.alerting(["a": "(\(expression)) IS NOT NULL AND speed"])
            .fired(by: #"{"speed":1,"note":"a"}"#)
        #expect(fired.isEmpty)
    }

    @Test(arguments: [
        "(SELECT count(*) FROM sqlite_master) > speed", "speed IN (SELECT 1 FROM sqlite_schema)",
        "EXISTS (SELECT 1 FROM pragma_table_info('vehicle')) AND speed",
        "(SELECT value FROM json_each('[1]')) > speed", "(SELECT 1 FROM other) > speed",
    ])
    func subqueryOnAnotherTableIsRefused(expression: String) {
        let text = problem(["a": expression])
        #expect(
            text.contains("may only read the vehicle's columns") || text.contains("no such table"),
            "\(text)"
        )
    }

    @Test(arguments: [
        "1, 2", "speed > 3; DROP TABLE vehicle", "", "speed > 3)", "1) FROM vehicle --",
        "speed = (DELETE FROM vehicle)",
    ])
    func whatIsNoExpressionIsRefused(expression: String) {
        #expect(!problem(["a": expression]).isEmpty)
    }

    @Test(arguments: ["speed > ?1", "speed > ?", "speed > :limit", "speed > $limit"])
    func parameterIsRefused(expression: String) {
        // In the engine's statement parameter 1 is the first column.
        #expect(throws: Problems.self) { try TestGateway.alerting(["a": expression]) }
    }

    @Test(arguments: ["1", "vehicle = 'car'", "rowid > 0"])
    func expressionThatReadsNoSignalIsRefused(expression: String) throws {
        // No reading would concern it, so that it never fired, and nobody was told.
        #expect(throws: Problems.self) { try TestGateway.alerting(["a": expression]) }
    }

    @Test func cataloguedPathInQuotesIsRefusedOrMeansItsSignal() throws {
        // The decoder renames the path, so a column of the path's own name stays NULL for ever.
        let gateway = try TestGateway.alerting(["a": #""v.tank.level" < 10"#])
        let fired = try gateway.fired(by: #"{"v":{"tank":{"level":5}}}"#)
        #expect(fired == ["a"])
    }

    // Several rules.

    @Test func duplicateAlertNameIsToldWithTheFirst() {
        #expect(
            problem(["a": "speed", "b": "speed", "a": "gear"])
                == "rules.yaml:10: groups[0].rules[2]: alert 'a' exists already at rules.yaml:4"
        )
    }

    @Test func allMistakesAreToldAtOnce() {
        let text = problem(["a": "sped", "b": "speed", "c": "random()", "d": "(("])
        #expect(text.components(separatedBy: "rules.yaml:").count == 4)
    }

    private func withSummary(_ expression: String, _ summary: String) -> String {
        RuleText.file(["a": expression]) + "\n    annotations: {summary: '\(summary)'}"
    }

    @Test func templateWithAnUnknownNameIsToldWithASuggestion() {
        #expect(
            problem(file: withSummary("speed", "{{ vehicle }} does {{ sped }}"))
                == "rules.yaml:4: groups[0].rules[0]: annotation names '{{ sped }}', which is no signal"
                + "; did you mean 'speed'?"
        )
    }

    @Test func templateThatIsUnclosedOrNamesAVariableIsAProblem() {
        #expect(problem(file: withSummary("speed", "{{ speed")).contains("'{{' without '}}'"))
        #expect(
            problem(file: withSummary("speed", "{{ $labels.car }}"))
                .contains("'{{ $labels.car }}': there are no variables here")
        )
    }

    @Test func templateMayNameAPathThatIsNotCatalogued() throws {
        let rules = withSummary("speed", "{{ v.gear }} {{ time }} {{ since }}")
        #expect(throws: Never.self) { try TestGateway(.cars(), rules: rules) }
    }

    @Test func templateMayNameWhatItsExpressionReads() {
        #expect(throws: Never.self) {
            try TestGateway(.cars(), rules: withSummary(#""Motor" > 3"#, "{{ Motor }}"))
        }
    }

    @Test func pathsThatDifferInCaseOnlyAreRefused() {
        // SQLite folds ASCII and Swift every letter: the two must not chase each other for ever.
        let text = problem(["a": #""TÜR" > 1"#, "b": #""tür" > 1"#])
        #expect(text.contains("differ only in case"))
    }
}
