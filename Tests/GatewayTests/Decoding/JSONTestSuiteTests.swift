// SPDX-License-Identifier: Apache-2.0
// Nothing that a payload contains can stop the gateway: Nicolas Seriot's JSONTestSuite, through the
// processor. https://github.com/nst/JSONTestSuite
import Foundation
import Testing

@testable import Gateway

private let suite = "suites/JSONTestSuite/test_parsing"

@Suite(.enabled(if: SharedData.has(suite), SharedData.absent))
struct JSONTestSuiteTests {
    private let gateway: TestGateway

    init() throws {
        gateway = try TestGateway()
    }

    /// The files whose names start with a letter: y must parse, n must fail, i is free.
    private func files(_ kind: String) throws -> [(name: String, payload: [UInt8])] {
        let folder = SharedData.folder.appendingPathComponent(suite)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return try names.filter { $0.hasPrefix("\(kind)_") }.sorted()
            .map { name in
                (name, [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))))
            }
    }

    private func process(_ payload: [UInt8]) throws -> ProcessedBatch {
        try gateway.process([TestMessage("fleet/car/state", payload, arrival: .seconds(0))])
    }

    @Test func whatIsNotJSONIsADeadLetterAsItCame() throws {
        let files = try files("n")
        #expect(files.count > 180)
        for (name, payload) in files {
            let processed = try process(payload)
            #expect(processed.outcome.enriched.isEmpty, "\(name)")
            let letters = try processed.flat(StreamName.deadLetter)
            #expect(letters.count == 1, "\(name)")
            let text = letters.first?["payload"]?.text
            let base64 = letters.first?["payload_base64"].flatMap { Data(base64Encoded: $0.text) }
            #expect(
                (text.map { [UInt8]($0.utf8) } ?? base64.map { [UInt8]($0) }) == payload,
                "\(name)"
            )
        }
    }

    @Test func objectsAndArraysOfObjectsDecode() throws {
        let files = try files("y")
        #expect(files.count > 90)
        var objects = 0
        for (name, payload) in files {
            let root = try JSONSerialization.jsonObject(
                with: Data(payload),
                options: [.fragmentsAllowed]
            )
            let elements = root as? [Any] ?? [root]
            let processed = try process(payload)
            guard elements.allSatisfy({ $0 is [String: Any] }) else {
                #expect(!processed.outcome.deadLetter.isEmpty, "\(name)")
                continue
            }
            objects += 1
            #expect(processed.outcome.deadLetter.isEmpty, "\(name)")
            #expect(processed.outcome.enriched.count == elements.count, "\(name)")
        }
        #expect(objects > 10)
    }

    @Test func everyFileIsKeptWholeInTheRawStream() throws {
        for (name, payload) in try files("y") + files("n") + files("i") {
            let processed = try process(payload)
            #expect(processed.outcome.raw.count == 1, "\(name)")
            let event = try #require(processed.outcome.raw.first)
            #expect(Array(processed.batch.bytes[event.payload]) == payload, "\(name)")
            #expect(event.isText == String.isUTF8(payload), "\(name)")
        }
    }

    @Test func whatIsWrittenAboutAnyFileIsJSON() throws {
        for (name, payload) in try files("y") + files("n") + files("i") {
            let processed = try process(payload)
            for text in processed.payloads(StreamName.enriched)
                + processed.payloads(StreamName.deadLetter)
            {
                #expect(throws: Never.self, "\(name)") {
                    try JSONSerialization.jsonObject(with: Data(text.utf8))
                }
            }
        }
    }
}
