// SPDX-License-Identifier: Apache-2.0
// What becomes of readings that break their contract: each of the three choices, for messages and for
// elements of them.
import Testing

@testable import Gateway

@Suite struct ContractProcessingTests {
    private static let schema = """
        properties:
          speed: {type: number, minimum: 0, maximum: 250}
          gear: {enum: [P, R, N, D]}
        required: [speed]
        """

    private func gateway(_ action: ContractConfiguration.Action) throws -> TestGateway {
        var topic = try TopicConfiguration.testing()
        topic.contract = ContractConfiguration(
            schema: try ContractRig(Self.schema).schema,
            action: action
        )
        let other = try TopicConfiguration.testing("free/{vehicle}/state")
        return try TestGateway(.testing(topics: [topic, other]))
    }

    private func counted(_ processed: ProcessedBatch) -> [ContractConfiguration.Action: Int] {
        processed.outcome.counts.contractViolations.reduce(into: [:]) {
            $0[$1.key.action] = $1.value
        }
    }

    @Test(arguments: ContractConfiguration.Action.allCases)
    func whatKeepsItsContractGoesItsWay(action: ContractConfiguration.Action) throws {
        let processed = try gateway(action).process(#"{"speed":80,"gear":"D"}"#)
        #expect(processed.outcome.deadLetter.isEmpty)
        #expect(processed.outcome.counts.contractViolations.isEmpty)
        #expect(
            processed.payloads(StreamName.enriched) == [
                #"{"vehicle":"car","event_time":1767600000000,"arrival_time":1767600000000,"#
                    + #""gateway":"depot","source":"vehicles","offset":1,"alerts":[],"#
                    + #""signals":{"speed":80,"gear":"D"}}"#
            ]
        )
    }

    @Test func deadLetterKeepsTheMessageAndAppliesNothing() throws {
        let gateway = try gateway(.deadLetter)
        let processed = try gateway.process(#"{"speed":300,"gear":"X"}"#)
        #expect(processed.outcome.enriched.isEmpty)
        #expect(gateway.processor.fleet.count == 0)
        #expect(gateway.processor.signals.existingID(ofName: "speed") == nil)
        let letter = try #require(try processed.flat(StreamName.deadLetter).first)
        #expect(
            letter["reason"]
                == .text(
                    "breaks its contract: /speed: 300 is above the maximum 250; "
                        + #"/gear: "X" is none of "P", "R", "N", "D""#
                )
        )
        #expect(letter["payload"] == .text(#"{"speed":300,"gear":"X"}"#))
        #expect(processed.outcome.deadLetter.map(\.key) == ["car"])
        let kind = OutcomeCounts.DeadLetterKind(source: 0, kind: .contract)
        #expect(processed.outcome.counts.deadLetters == [kind: 1])
        #expect(counted(processed) == [.deadLetter: 1])
    }

    @Test func flagAppliesAndTellsWhatIsWrong() throws {
        let gateway = try gateway(.flag)
        let processed = try gateway.process(#"{"speed":300,"gear":"X"}"#)
        #expect(processed.outcome.deadLetter.isEmpty)
        #expect(
            processed.payloads(StreamName.enriched)[0]
                .contains(
                    #""alerts":[],"violations":["/speed: 300 is above the maximum 250","#
                        + #""/gear: \"X\" is none of \"P\", \"R\", \"N\", \"D\""],"signals":{"speed":300,"#
                )
        )
        #expect(gateway.processor.fleet.count == 1)
        #expect(counted(processed) == [.flag: 1])
        // The next reading does not inherit it.
        #expect(
            !(try gateway.process(#"{"speed":1}"#).payloads(StreamName.enriched)[0]
                .contains("violations"))
        )
    }

    @Test func countOnlyCounts() throws {
        let processed = try gateway(.count).process(#"{"gear":"X"}"#)
        #expect(processed.outcome.deadLetter.isEmpty)
        #expect(processed.payloads(StreamName.enriched).count == 1)
        #expect(!processed.payloads(StreamName.enriched)[0].contains("violations"))
        #expect(counted(processed) == [.count: 1])
    }

    @Test func eachElementIsHeldAgainstTheContract() throws {
        let payload = #"[{"speed":1},{"speed":-1},{"speed":2},{"gear":"D"},7]"#
        let refused = try gateway(.deadLetter).process(payload)
        #expect(
            try refused.flat(StreamName.enriched).map { $0["signals.speed"] } == [.int(1), .int(2)]
        )
        let letters = try refused.flat(StreamName.deadLetter)
        #expect(
            letters.map { $0["reason"] } == [
                .text(
                    "element 1: breaks its contract: /speed: -1 is below the minimum 0 "
                        + "(and 2 more elements)"
                )
            ]
        )
        #expect(counted(refused) == [.deadLetter: 2])
        let flagged = try gateway(.flag).process(payload)
        #expect(
            try flagged.flat(StreamName.enriched).map { $0["violations.0"] } == [
                nil, .text("/speed: -1 is below the minimum 0"), nil, .text("'speed' is missing"),
            ]
        )
    }

    @Test func otherTopicsHaveNoContract() throws {
        let message = TestMessage("free/car/state", #"{"speed":300}"#, arrival: .seconds(0))
        let processed = try gateway(.deadLetter).process([message])
        #expect(processed.outcome.enriched.count == 1)
        #expect(processed.outcome.counts.contractViolations.isEmpty)
    }

    @Test func whatIsNoJSONIsToldAsBefore() throws {
        let processed = try gateway(.flag).process(#"{"speed":"#)
        #expect(processed.outcome.counts.deadLetters.keys.map(\.kind) == [.notJSON])
        #expect(processed.outcome.counts.contractViolations.isEmpty)
    }

    @Test func flaggedReadingsComeBackFromTheLog() throws {
        let flagged = try gateway(.flag)
        let logged = try LoggedGateway(flagged.configuration)
        try logged.process([
            TestMessage("fleet/car/state", #"{"speed":300}"#, arrival: .seconds(0))
        ])
        try logged.restart()
        let signal = try #require(logged.processor.signals.existingID(ofName: "speed"))
        #expect(logged.processor.fleet.vehicles.map { $0.value(of: signal) } == [.int(300)])
    }
}
