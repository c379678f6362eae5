// SPDX-License-Identifier: Apache-2.0
// Nothing that a payload contains can stop the gateway, and what counts as JSON is decided: Nicolas
// Seriot's JSONTestSuite, by the parser alone and through the processor.
// https://github.com/nst/JSONTestSuite
import Foundation
import Testing

@testable import Gateway

@Suite struct JSONTestSuiteTests {
    /// Any JSON is a reading of the topic's signal here, so only the parser can refuse.
    private let scalars: TestGateway
    private let objects: TestGateway

    init() throws {
        let topic = try TopicConfiguration.testing("fleet/{vehicle}/v/{signal}", format: .scalar)
        scalars = try TestGateway(.testing(topics: [topic]))
        objects = try TestGateway()
    }

    private struct Sample {
        var name: String
        var payload: [UInt8]
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Fixtures/JSONTestSuite/test_parsing").standardizedFileURL

    /// Two files of the suite that are large and monotonous.
    private static let generated = [
        Sample(
            name: "n_structure_100000_opening_arrays.json",
            payload: [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        ),
        Sample(
            name: "n_structure_open_array_object.json",
            payload: Array((String(repeating: #"[{"":"#, count: 50_000) + "\n").utf8)
        ),
    ]

    /// The files whose names start with a letter: y must be read, n must not, i is free.
    private func samples(_ kinds: String...) throws -> [Sample] {
        let stored = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
            .map { name in
                let file = Self.folder.appendingPathComponent(name)
                return Sample(name: name, payload: [UInt8](try Data(contentsOf: file)))
            }
        let all = (stored + Self.generated).sorted { $0.name < $1.name }
        #expect(all.count == 318)
        return all.filter { sample in kinds.contains { sample.name.hasPrefix("\($0)_") } }
    }

    private func process(_ sample: Sample, by gateway: TestGateway) throws -> ProcessedBatch {
        let topic = gateway === scalars ? "fleet/car/v/x" : "fleet/car/state"
        return try gateway.process([TestMessage(topic, sample.payload, arrival: .seconds(0))])
    }

    /// What the parser says without a gateway around it; `nil` when it reads the text.
    private func parserError(_ sample: Sample) -> JSONError? {
        let padded = sample.payload + [UInt8](repeating: 0, count: JSONParser.padding)
        let parser = JSONParser(depthMax: LimitsConfiguration().depthMax)
        do {
            _ = try parser.parse(padded, in: 0..<sample.payload.count)
            return nil
        } catch {
            return error
        }
    }

    // What must be read.

    @Test func allThatIsJSONIsRead() throws {
        let samples = try samples("y")
        #expect(samples.count == 95)
        for sample in samples {
            #expect(parserError(sample) == nil, "\(sample.name)")
            let root = try JSONSerialization.jsonObject(
                with: Data(sample.payload),
                options: [.fragmentsAllowed]
            )
            let elements = root as? [Any] ?? [root]
            let processed = try process(sample, by: scalars)
            #expect(processed.outcome.deadLetter.isEmpty, "\(sample.name)")
            #expect(processed.outcome.enriched.count == elements.count, "\(sample.name)")
        }
    }

    @Test func whatIsJSONAndNoObjectIsOfTheWrongForm() throws {
        var objectCount = 0
        for sample in try samples("y") {
            let root = try JSONSerialization.jsonObject(
                with: Data(sample.payload),
                options: [.fragmentsAllowed]
            )
            let elements = root as? [Any] ?? [root]
            let isAllObjects = elements.allSatisfy { $0 is [String: Any] }
            let processed = try process(sample, by: objects)
            let letters = try processed.flat(StreamName.deadLetter)
            #expect(
                letters.map { $0["kind"]?.text } == (isAllObjects ? [] : ["wrong_form"]),
                "\(sample.name)"
            )
            objectCount += isAllObjects ? 1 : 0
        }
        #expect(objectCount > 10)
    }

    // What must not.

    private func expectDeadLetter(
        _ sample: Sample,
        by gateway: TestGateway,
        reason: String? = nil
    ) throws {
        let processed = try process(sample, by: gateway)
        #expect(processed.outcome.enriched.isEmpty, "\(sample.name)")
        let letters = try processed.flat(StreamName.deadLetter)
        #expect(letters.count == 1, "\(sample.name)")
        let letter = try #require(letters.first)
        #expect(letter["kind"] == .text("not_json"), "\(sample.name)")
        let told = letter["reason"]?.text ?? ""
        #expect(!told.isEmpty && (reason == nil || told == reason), "\(sample.name): \(told)")
        if case .int(let position)? = letter["position"] {
            #expect(0...sample.payload.count ~= Int(position), "\(sample.name)")
        }
        let text = letter["payload"].map { [UInt8]($0.text.utf8) }
        let base64 = letter["payload_base64"].flatMap { Data(base64Encoded: $0.text) }
        #expect((text ?? base64.map { [UInt8]($0) }) == sample.payload, "\(sample.name)")
    }

    @Test func allThatIsNotJSONIsADeadLetterAsItCame() throws {
        let samples = try samples("n")
        #expect(samples.count == 188)
        for sample in samples {
            #expect(parserError(sample) != nil, "\(sample.name)")
            try expectDeadLetter(sample, by: scalars)
            try expectDeadLetter(sample, by: objects)
        }
    }

    // What is ours to decide, and has been: docs/flattening.md says why.

    private enum Decision {
        case read
        case dead(String)
    }

    private static let beyondADouble = "a number is beyond what a double holds"
    private static let beyond64Bits = "an integer needs more than 64 bits"
    private static let halfASurrogate = "a string has a broken escape"
    private static let badUTF8 = "not valid UTF-8"
    private static let control = "a control character stands unescaped in a string"

    private static let decisions: [String: Decision] = [
        "i_number_double_huge_neg_exp": .read,
        "i_number_huge_exp": .dead(beyondADouble),
        "i_number_neg_int_huge_exp": .dead(beyondADouble),
        "i_number_pos_double_huge_exp": .dead(beyondADouble),
        "i_number_real_neg_overflow": .dead(beyondADouble),
        "i_number_real_pos_overflow": .dead(beyondADouble),
        "i_number_real_underflow": .read,
        "i_number_too_big_neg_int": .dead(beyond64Bits),
        "i_number_too_big_pos_int": .dead(beyond64Bits),
        "i_number_very_big_negative_int": .dead(beyond64Bits),
        "i_object_key_lone_2nd_surrogate": .dead(halfASurrogate),
        "i_string_1st_surrogate_but_2nd_missing": .dead(halfASurrogate),
        "i_string_1st_valid_surrogate_2nd_invalid": .dead(halfASurrogate),
        "i_string_UTF-16LE_with_BOM": .dead(control),
        "i_string_UTF-8_invalid_sequence": .dead(badUTF8),
        "i_string_UTF8_surrogate_U+D800": .dead(badUTF8),
        "i_string_incomplete_surrogate_and_escape_valid": .dead(halfASurrogate),
        "i_string_incomplete_surrogate_pair": .dead(halfASurrogate),
        "i_string_incomplete_surrogates_escape_valid": .dead(halfASurrogate),
        "i_string_invalid_lonely_surrogate": .dead(halfASurrogate),
        "i_string_invalid_surrogate": .dead(halfASurrogate),
        "i_string_invalid_utf-8": .dead(badUTF8),
        "i_string_inverted_surrogates_U+1D11E": .dead(halfASurrogate),
        "i_string_iso_latin_1": .dead(badUTF8),
        "i_string_lone_second_surrogate": .dead(halfASurrogate),
        "i_string_lone_utf8_continuation_byte": .dead(badUTF8),
        "i_string_not_in_unicode_range": .dead(badUTF8),
        "i_string_overlong_sequence_2_bytes": .dead(badUTF8),
        "i_string_overlong_sequence_6_bytes": .dead(badUTF8),
        "i_string_overlong_sequence_6_bytes_null": .dead(badUTF8),
        "i_string_truncated-utf-8": .dead(badUTF8),
        "i_string_utf16BE_no_BOM": .dead(control),
        "i_string_utf16LE_no_BOM": .dead(control),
        "i_structure_500_nested_arrays": .dead("nested too deeply"),
        "i_structure_UTF-8_BOM_empty_object": .dead("not JSON"),
    ]

    @Test func allThatIsFreeIsDecided() throws {
        let samples = try samples("i")
        #expect(samples.count == Self.decisions.count)
        for sample in samples {
            let decision = try #require(
                Self.decisions[String(sample.name.dropLast(".json".count))],
                "\(sample.name) is not decided"
            )
            switch decision {
            case .read:
                #expect(parserError(sample) == nil, "\(sample.name)")
                let processed = try process(sample, by: scalars)
                #expect(processed.outcome.deadLetter.isEmpty, "\(sample.name)")
                #expect(processed.outcome.enriched.count == 1, "\(sample.name)")
            case .dead(let reason):
                #expect(parserError(sample)?.message == reason, "\(sample.name)")
                try expectDeadLetter(sample, by: scalars, reason: reason)
                try expectDeadLetter(sample, by: objects, reason: reason)
            }
        }
    }

    /// The document page lists the same files.
    @Test func theDecisionsAreInTheDocuments() throws {
        let page = Self.folder.appendingPathComponent("../../../../docs/flattening.md")
        let text = try String(contentsOf: page.standardizedFileURL, encoding: .utf8)
        for name in Self.decisions.keys {
            #expect(text.contains("`\(name)`"), "\(name)")
        }
    }

    // Whatever it is.

    @Test func everyFileIsKeptWholeInTheRawStream() throws {
        for sample in try samples("y", "n", "i") {
            let processed = try process(sample, by: objects)
            #expect(processed.outcome.raw.count == 1, "\(sample.name)")
            let event = try #require(processed.outcome.raw.first)
            #expect(Array(processed.batch.bytes[event.payload]) == sample.payload, "\(sample.name)")
            #expect(event.isText == String.isUTF8(sample.payload), "\(sample.name)")
        }
    }

    @Test func whatIsWrittenAboutAnyFileIsJSON() throws {
        for gateway in [scalars, objects] {
            for sample in try samples("y", "n", "i") {
                let processed = try process(sample, by: gateway)
                for text in processed.payloads(StreamName.enriched)
                    + processed.payloads(StreamName.deadLetter)
                {
                    #expect(throws: Never.self, "\(sample.name)") {
                        try JSONSerialization.jsonObject(with: Data(text.utf8))
                    }
                }
            }
        }
    }

    /// In a batch another payload stands where a text has its padding.
    @Test func theFilesAreJudgedAloneAlsoInOneBatch() throws {
        let samples = try samples("y", "n", "i")
        let alone = try samples.map { try process($0, by: scalars).outcome.deadLetter.count }
        let together = try scalars.process(
            samples.map { TestMessage("fleet/car/v/x", $0.payload, arrival: .seconds(0)) }
        )
        #expect(together.outcome.deadLetter.count == alone.reduce(0, +))
    }
}
