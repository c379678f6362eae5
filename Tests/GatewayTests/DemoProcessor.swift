// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Gateway

/// A processor with the demo's configuration and rules of choice; no broker, no log, no wall clock.
final class DemoProcessor {
    /// An alert that fired.
    struct Firing: Hashable, Sendable {
        let alert: String
        let vehicle: String
        let time: Timestamp
        let arrival: Timestamp
    }

    /// What came out so far.
    struct Tally: Sendable {
        var firings: [Firing] = []
        var resolved = 0
        var enriched = 0
        var deadLetters = 0
        var late = 0
        var clockFlagged = 0
        /// The payloads of all outliers.
        var outliers: [[UInt8]] = []
    }

    /// The folder that holds Package.swift.
    static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    let engine: RuleEngine
    private let processor: Processor
    private let patterns: [TopicPattern]
    private let tableNames: [String]
    private var topics: [String: Topic] = [:]
    private var batch = MessageBatch()
    private(set) var tally = Tally()

    /// Rule files are named relative to the package.
    init(rules: [String]) throws {
        let configuration = try Self.configuration(rules: rules)
        let rules = try CompiledRules.make(configuration)
        engine = rules.engine
        processor = Processor(
            configuration: configuration,
            rules: rules,
            nextOffsets: [:]
        )
        patterns = configuration.sources[0].topics.map(\.pattern)
        tableNames = configuration.tables.map(\.name)
    }

    /// Puts a message into the batch.
    func append(topic name: String, payload: UnsafeRawBufferPointer, arrival: Timestamp) {
        let topic = topics[name] ?? Topic(name: name, patterns: patterns)
        topics[name] = topic
        unsafe batch.append(
            source: 0,
            topic: topic,
            payload: payload,
            qos: 1,
            packetID: 0,
            arrival: arrival
        )
    }

    /// Puts change events of a table into the batch.
    func append(_ changes: [[UInt8]], to table: String, arrival: Timestamp) throws {
        let index = try #require(tableNames.firstIndex(of: table))
        let topic = Topic(name: "cdc/\(table)", patterns: [])
        for change in changes {
            unsafe change.withUnsafeBytes { payload in
                unsafe batch.append(
                    source: 1 + index,
                    topic: topic,
                    payload: payload,
                    qos: 1,
                    packetID: 0,
                    arrival: arrival
                )
            }
        }
    }

    /// Processes the batch; then time passes up to `now`, if it is given.
    func process(now: Timestamp? = nil) throws {
        let clock = now.map { ClockReading(now: $0, isHeard: [true]) }
        let outcome = processor.process(batch, clock: clock)
        batch.removeAll()
        tally.enriched += outcome.enriched.count
        tally.deadLetters += outcome.deadLetter.count
        tally.late += outcome.counts.late.values.reduce(0, +)
        tally.clockFlagged += outcome.counts.clockFlagged.values.reduce(0, +)
        for event in outcome.outlier {
            tally.outliers.append(Array(outcome.bytes.bytes[event.payload]))
            let text = String(decoding: outcome.bytes.bytes[event.payload], as: UTF8.self)
            guard text.contains(#""state":"firing""#) else {
                tally.resolved += 1
                continue
            }
            tally.firings.append(
                Firing(
                    alert: event.topic,
                    vehicle: event.key,
                    time: event.eventTime,
                    arrival: event.arrival
                )
            )
        }
    }

    /// demo/gateway.yaml with its placeholders filled in.
    private static func configuration(rules: [String]) throws -> Configuration {
        let template = packageRoot.appendingPathComponent("demo/gateway.yaml")
        let certificates = FileManager.default.temporaryDirectory
            .appendingPathComponent("demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: certificates,
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(at: certificates) }
        // Decoding looks whether the files are there, not what is in them.
        for name in ["ca.crt", "gateway.crt", "gateway.key"] {
            try Data().write(to: certificates.appendingPathComponent(name))
        }
        var text = try String(contentsOf: template, encoding: .utf8)
        for (placeholder, value) in [
            ("@PORT@", "8884"), ("@CERTS@", certificates.path), ("@DATA@", certificates.path),
            ("@RULES@", packageRoot.appendingPathComponent("rules").path), ("@HTTP_PORT@", "0"),
        ] {
            text = text.replacing(placeholder, with: value)
        }
        var configuration = try Configuration.decode(text: text, file: template.path)
        configuration.ruleFiles = rules.map { packageRoot.appendingPathComponent($0).path }
        configuration.log.keepsRaw = false
        return configuration
    }
}
