// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

/// What one call of the processor took and gave.
struct ProcessedBatch {
    let batch: MessageBatch
    let outcome: Outcome

    /// The payloads of a stream's events, as text.
    func payloads(_ stream: String) -> [String] {
        let bytes = stream == StreamName.raw ? batch.bytes : outcome.bytes.bytes
        return outcome.events(of: stream).map { String(decoding: bytes[$0.payload], as: UTF8.self) }
    }

    /// The payloads of a stream's events, flattened to paths and values.
    func flat(_ stream: String) throws -> [[String: SignalValue]] {
        try payloads(stream).map { try flatten($0) }
    }
}

/// The paths and values of a JSON text; of a root array, those of its first element.
func flatten(_ text: String) throws -> [String: SignalValue] {
    let parser = JSONParser(depthMax: 1_000)
    let document = try parser.parse(text)
    var found: [String: SignalValue] = [:]
    for position in document.leaves(of: 0) {
        found[parser.path(element: 0, leaf: position)] = document.value(at: position)
    }
    return found
}

/// A gateway without sockets, threads, files and wall clock: configuration, rules and processor.
final class TestGateway {
    let configuration: Configuration
    let processor: Processor

    init(
        _ configuration: Configuration? = nil,
        rules: String = "groups: []",
        nextOffsets: [String: Int64] = [:]
    ) throws {
        let configuration = try configuration ?? .testing()
        self.configuration = configuration
        processor = Processor(
            configuration: configuration,
            rules: try .testing(configuration, rules: rules),
            nextOffsets: nextOffsets
        )
    }

    /// Makes a batch of messages and processes it.
    @discardableResult
    func process(_ messages: [TestMessage], clock: ClockReading? = nil) throws -> ProcessedBatch {
        let batch = batch(of: messages)
        return ProcessedBatch(batch: batch, outcome: processor.process(batch, clock: clock))
    }

    /// Processes one payload of one vehicle, on the default topic.
    @discardableResult
    func process(
        _ payload: String,
        vehicle: String = "car",
        arrival: Timestamp = .seconds(0)
    ) throws -> ProcessedBatch {
        try process([TestMessage("fleet/\(vehicle)/state", payload, arrival: arrival)])
    }

    func batch(of messages: [TestMessage]) -> MessageBatch {
        var batch = MessageBatch()
        for message in messages {
            batch.append(message, patterns: configuration.patterns(of: message.source))
        }
        return batch
    }
}
