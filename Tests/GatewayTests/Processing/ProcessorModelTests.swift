// SPDX-License-Identifier: Apache-2.0
// Goal: what the gateway tells about each vehicle is what an obvious model tells, however the
// messages fall into batches, and wherever the gateway is thrown away and recovered from its log.
// Method: random scripts (late, early and absurd event times, broken payloads, silence, a source that
// is not heard) are played to both. A failing seed repeats its script.
import Testing

@testable import Gateway

@Suite struct ProcessorModelTests {
    private static func configuration() throws -> Configuration {
        let names = ["speed", "temp", "coolant", "lights", "ignition", "door", "note"]
        var configuration = try Configuration.testing(
            signals: names.map { SignalConfiguration(name: $0, paths: [$0]) }
        )
        // The model knows nothing of schemas: SchemaPropertyTests do.
        configuration.schema.isEnabled = false
        return configuration
    }

    /// How messages fall into batches.
    enum Batching: CaseIterable {
        case single
        case whole
        case random
    }

    /// Calls `process` for every batch; a look at the clock ends one.
    private func play(
        _ script: Script,
        _ batching: Batching,
        _ random: inout SplitMix64,
        _ process: (_ messages: [TestMessage], _ clock: ClockReading?) throws -> Void
    ) throws {
        var batch: [TestMessage] = []
        for step in script.steps {
            switch step {
            case .message(let message):
                batch.append(message.test)
                guard batching == .single || (batching == .random && random.oneIn(4)) else {
                    continue
                }
                try process(batch, nil)
                batch = []
            case .clock(let now, let isHeard):
                try process(
                    batch,
                    ClockReading(now: Timestamp(milliseconds: now), isHeard: [isHeard])
                )
                batch = []
            }
        }
        try process(batch, nil)
    }

    private func told(by outcome: Outcome, into told: inout Told) throws {
        for stream in StreamName.all where stream != StreamName.raw {
            for event in outcome.events(of: stream) {
                try told.event(
                    stream,
                    key: event.key,
                    payload: outcome.bytes.bytes[event.payload]
                )
            }
        }
    }

    private func expect(_ told: Told, agreesWith model: ModelGateway) {
        let told = told.grouped(as: model.told)
        let difference = told.firstDifference(from: model.told)
        #expect(difference == nil, "\(difference ?? "")")
    }

    @Test(arguments: Batching.allCases, 1...8)
    func answerIsTheModelsWhateverTheBatching(batching: Batching, seed: UInt64) throws {
        let script = Script(seed: seed, steps: 500, hasClocks: true)
        var random = SplitMix64(seed: seed)
        let gateway = try TestGateway(Self.configuration(), rules: ModelRule.file)
        var told = Told()
        try play(script, batching, &random) { messages, clock in
            try self.told(by: gateway.process(messages, clock: clock).outcome, into: &told)
        }
        expect(told, agreesWith: ModelGateway(playing: script))
    }

    @Test(arguments: Batching.allCases)
    func answerIsTheModelsWithoutAClock(batching: Batching) throws {
        let script = Script(seed: 100, steps: 2_000, hasClocks: false)
        var random = SplitMix64(seed: 100)
        let gateway = try TestGateway(Self.configuration(), rules: ModelRule.file)
        var told = Told()
        try play(script, batching, &random) { messages, clock in
            try self.told(by: gateway.process(messages, clock: clock).outcome, into: &told)
        }
        expect(told, agreesWith: ModelGateway(playing: script))
    }

    @Test(arguments: 1...8)
    func answerIsTheModelsWhereverTheGatewayIsRecovered(seed: UInt64) throws {
        let script = Script(seed: seed, steps: 400, hasClocks: true)
        var random = SplitMix64(seed: seed)
        let gateway = try LoggedGateway(Self.configuration(), rules: ModelRule.file)
        var choices = SplitMix64(seed: ~seed)
        try play(script, .random, &random) { messages, clock in
            try gateway.process(messages, clock: clock)
            if choices.oneIn(6) { try gateway.saveVehicles() }
            if choices.oneIn(6) { try gateway.recover(rules: ModelRule.file) }
            if choices.oneIn(20) { try gateway.restart(rules: ModelRule.file) }
        }
        var told = Told()
        for stream in StreamName.all where stream != StreamName.raw {
            let events = try gateway.events(stream)
            #expect(
                events.map(\.offset) == Array(0..<events.count).map { Int64($0 + 1) },
                "\(stream)"
            )
            for event in events { try told.event(stream, key: event.key, payload: event.payload) }
        }
        expect(told, agreesWith: ModelGateway(playing: script))
    }

    @Test(arguments: 1...6)
    func batchThatFailedAndCameAgainTakesEffectOnce(seed: UInt64) throws {
        // The processor is thrown away with what it knew of the batch, as after a full disk.
        let script = Script(seed: seed, steps: 300, hasClocks: true)
        var random = SplitMix64(seed: seed)
        let gateway = try LoggedGateway(Self.configuration(), rules: ModelRule.file)
        var choices = SplitMix64(seed: ~seed)
        try play(script, .random, &random) { messages, clock in
            if choices.oneIn(5) {
                var batch = MessageBatch()
                let patterns = gateway.configuration.sources[0].topics.map(\.pattern)
                for message in messages { batch.append(message, patterns: patterns) }
                _ = gateway.processor.process(batch, clock: clock)
                try gateway.recover(rules: ModelRule.file)
            }
            try gateway.process(messages, clock: clock)
        }
        var told = Told()
        for stream in StreamName.all where stream != StreamName.raw {
            for event in try gateway.events(stream) {
                try told.event(stream, key: event.key, payload: event.payload)
            }
        }
        expect(told, agreesWith: ModelGateway(playing: script))
    }

    @Test func scriptsReachEveryCornerOfTheModel() {
        // A test of the test: every alert fires and resolves, readings are late and flagged.
        let lines = (1...12)
            .flatMap {
                ModelGateway(playing: Script(seed: $0, steps: 600, hasClocks: true)).told.lines
            }
        for rule in ModelRule.all {
            for state in ["firing", "resolved"] {
                #expect(
                    lines.contains {
                        $0.contains("\"\(rule.name)\"") && $0.contains("\"\(state)\"")
                    }
                )
            }
        }
        for mark in ["\"late\":true", "\"past\"", "\"future\"", "\"unreadable\"", "payload_base64"]
        {
            #expect(lines.contains { $0.contains(mark) })
        }
    }
}
