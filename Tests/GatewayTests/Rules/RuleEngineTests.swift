// SPDX-License-Identifier: Apache-2.0
// Evaluation: SQL's truth, only what a reading concerns, and failures that stay with their rule.
import Testing

@testable import Gateway

@Suite struct RuleEngineTests {
    @Test(arguments: [
        ("speed > 100", #"{"speed":101}"#, true), ("speed > 100", #"{"speed":100}"#, false),
        ("speed > 100", #"{"speed":100.5}"#, true), ("speed", #"{"speed":-1}"#, true),
        ("headlights AND NOT ignition", #"{"headlights":true,"ignition":false}"#, true),
        ("headlights = 1", #"{"headlights":true}"#, true), ("note = 'on'", #"{"note":"on"}"#, true),
        ("note LIKE '%RAIN%'", #"{"note":"some rain"}"#, true), ("note", #"{"note":"7 on"}"#, true),
        ("note", #"{"note":"on"}"#, false), ("speed IN (1, 2)", #"{"speed":2}"#, true),
        ("vehicle = 'car' AND speed", #"{"speed":1}"#, true),
        ("speed / 2 > 1.2", #"{"speed":2.5}"#, true),
        ("speed / 0 > 1", #"{"speed":2.5}"#, false), ("event_time = 1767600000.0", "{}", true),
        ("speed = 9223372036854775807", #"{"speed":9223372036854775807}"#, true),
    ])
    func conditionIsTrueAsSQLSaysIt(expression: String, payload: String, isTrue: Bool) throws {
        #expect(
            try TestGateway.alerting(["a": expression]).fired(by: payload) == (isTrue ? ["a"] : [])
        )
    }

    @Test(arguments: [
        ("speed > 100 AND ignition", false), ("speed > 100 OR ignition", true),
        ("NOT (speed > 100 AND ignition)", false), ("ignition = 0", false),
        ("ignition <> 1", false),
        ("NOT ignition AND speed", false), ("coalesce(ignition, 0) = 0 AND speed", true),
        ("ignition IS NULL AND speed", true), ("ignition IS NOT 1 AND speed", true),
    ])
    func signalThatWasNotSeenIsNull(expression: String, isTrue: Bool) throws {
        let gateway = try TestGateway.alerting(["a": expression])
        #expect(try gateway.fired(by: #"{"speed":101}"#) == (isTrue ? ["a"] : []))
    }

    @Test func signalThatIsNullDoesNotFire() throws {
        let gateway = try TestGateway.alerting(["a": "speed > 100", "b": "NOT speed > 100"])
        #expect(try gateway.fired(by: #"{"speed":null}"#).isEmpty)
    }

    @Test func conditionMayReadWhatEarlierReadingsLeft() throws {
        let gateway = try TestGateway.alerting(["a": "headlights AND NOT ignition"])
        #expect(try gateway.fired(by: #"{"headlights":true}"#).isEmpty)
        #expect(try gateway.fired(by: #"{"ignition":false}"#) == ["a"])
    }

    @Test func subqueryMayReadTheVehicle() throws {
        let gateway = try TestGateway.alerting([
            "a": "EXISTS (SELECT 1 FROM vehicle WHERE speed > 3)"
        ])
        let fired = try gateway.fired(by: #"{"speed":5}"#)
        // It compiles, and then reads the empty table that the compiler made.
        #expect(fired == ["a"])
    }

    // What is evaluated.

    @Test func readingEvaluatesTheRulesThatItsChangesConcern() throws {
        let gateway = try TestGateway.alerting([
            "a": "speed > 100", "b": "gear = 1", "c": "speed < 0",
        ])
        let engine = gateway.processor.engine
        var counts: [Int] = []
        for payload in [#"{"speed":1}"#, #"{"speed":1}"#, #"{"note":"x"}"#, #"{"gear":2}"#] {
            let before = engine.evaluationCount
            try gateway.process(payload)
            counts.append(engine.evaluationCount - before)
        }
        #expect(counts == [2, 0, 0, 1])
    }

    @Test func everyReadingConcernsARuleAboutTheTime() throws {
        let gateway = try TestGateway.alerting(["a": "event_time > 5", "b": "speed > 3"])
        #expect(try gateway.fired(by: #"{"note":"x"}"#) == ["a"])
    }

    @Test func moreRulesThanOneStatementHoldsAreAllEvaluated() throws {
        let rules = (0..<200).map { ("r\($0)", "speed > \($0)") }
        let gateway = try TestGateway(.cars(), rules: RuleText.file(rules))
        #expect(try gateway.fired(by: #"{"speed":150}"#) == (0..<150).map { "r\($0)" })
    }

    @Test func rulesOfManyColumnsMeetInOneStatement() throws {
        let names = (0..<500).map { "s\($0)" }
        let signals = names.map { SignalConfiguration(name: $0, paths: [$0]) }
        let rules = (0..<100)
            .map { index in
                ("r\(index)", names.shuffled().prefix(20).joined(separator: " + ") + " = 20 AND s0")
            }
        let gateway = try TestGateway(.testing(signals: signals), rules: RuleText.file(rules))
        let payload = "{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
        #expect(try gateway.fired(by: payload).count == 100)
    }

    // Failures.

    private static let recursion = """
        (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n)
        """
    private static let product = """
        (WITH d(i) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))
          SELECT sum(a.i + b.i + c.i + e.i + f.i + g.i + h.i) FROM d a, d b, d c, d e, d f, d g, d h)
        """

    @Test(arguments: [recursion, product])
    func runawayExpressionIsInterrupted(query: String) throws {
        var configuration = try Configuration.cars()
        configuration.limits.ruleStepsMax = 20_000
        let rules: KeyValuePairs = [
            "a": "speed > 1", "loop": "speed AND \(query)", "b": "speed > 2",
        ]
        let gateway = try TestGateway(configuration, rules: RuleText.file(rules))
        #expect(try gateway.fired(by: #"{"speed":5}"#) == ["a", "b"])
        #expect(gateway.processor.engine.errorCounts == [1: 1])
        try gateway.process(#"{"speed":6}"#)
        #expect(gateway.processor.engine.errorCounts == [1: 2])
    }

    @Test func commonTableExpressionMayBeCounted() throws {
        // A table of which no column is read is reported with an empty one; 'd' is not the vehicle.
        _ = try TestGateway.alerting([
            "a": "speed > (WITH d(i) AS (VALUES (1)) SELECT count(*) FROM d)"
        ])
    }

    @Test func failingExpressionDoesNotSilenceItsNeighbours() throws {
        var rules = (0..<150).map { ("r\($0)", "speed > \($0)") }
        rules[70] = ("r70", "json(note) AND speed > 70")
        let gateway = try TestGateway(.cars(), rules: RuleText.file(rules))
        let fired = try gateway.fired(by: #"{"note":"{","speed":100}"#)
        #expect(fired == (0..<100).filter { $0 != 70 }.map { "r\($0)" })
        #expect(gateway.processor.engine.errorCounts == [70: 1])
    }

    @Test func alertWhoseExpressionFailsStaysAsItIs() throws {
        let gateway = try TestGateway.alerting(["a": "json(note) = '1'"])
        #expect(try gateway.fired(by: #"{"note":"1"}"#) == ["a"])
        #expect(try gateway.process(#"{"note":"{"}"#).outcome.outlier.isEmpty)
        #expect(try gateway.process(#"{"note":"2"}"#).outcome.outlier.count == 1)
    }

    @Test func quotedPathThatFindsNoPlaceStopsTheStart() throws {
        var configuration = try Configuration.cars()
        configuration.limits.signalsMax = 1
        let rules = RuleText.file(["a": #""x.y" > 3 AND speed > 3"#])
        #expect(throws: Problems.self) { try TestGateway(configuration, rules: rules) }
    }

    @Test func expressionThatGivesNoRowFailsByItself() throws {
        // SQLite ends an open comment at the end of the text: it takes the compiler's FROM with it.
        let gateway = try TestGateway.alerting([
            "a": "speed > 1", "open": "speed) FROM vehicle WHERE 0 /*", "b": "speed > 2",
        ])
        let fired = try gateway.fired(by: #"{"speed":5}"#)
        #expect(fired == ["a", "b"])
        #expect(gateway.processor.engine.errorCounts == [1: 1])
    }

    @Test func pathsThatDifferInCaseAreRefused() throws {
        // SQLite's columns are the same in either case: rule b would read the signal of rule a.
        #expect(throws: Problems.self) {
            try TestGateway.alerting(["a": #""Door" = 1"#, "b": #""door" = 1"#])
        }
    }
}
