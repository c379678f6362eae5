// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct EncodingDecodingTests {
    /// The smallest configuration with other lines for its topic.
    private func text(_ topic: String..., limits: String = "{}") -> String {
        Mistake.minimal.replacing(
            "      - pattern: fleet/{vehicle}/state",
            with: "      - " + topic.joined(separator: "\n        ")
        ) + "\nlimits: \(limits)\n"
    }

    private func topic(_ text: String) throws -> TopicConfiguration {
        let configuration = try Configuration.decode(text: text, file: "/etc/gateway.yaml")
        return try #require(configuration.sources.first?.topics.first)
    }

    @Test func encodingIsJSONUnlessItIsSaid() throws {
        #expect(try topic(text("pattern: a/{vehicle}")).encoding == .json)
        #expect(try topic(text("pattern: a/{vehicle}", "encoding: cbor")).encoding == .cbor)
        let pack = try topic(
            text("pattern: a/{vehicle}/{signal}", "format: scalar", "encoding: messagepack")
        )
        #expect(pack.encoding == .messagePack)
    }

    @Test func boundOfUnpackingIsDecoded() throws {
        #expect(LimitsConfiguration().unpackedBytesMax == 4 << 20)
        let text = text("pattern: a/{vehicle}", limits: "{unpacked: 1MiB}")
        let configuration = try Configuration.decode(text: text, file: "/etc/gateway.yaml")
        #expect(configuration.limits.unpackedBytesMax == 1 << 20)
    }

    @Test(arguments: [
        "spBv1.0/+/+/+/#", "spBv1.0/plant/+/+/#", "spBv1.0/plant/+/press/#", "spBv1.0/plant/#",
        "spBv1.0/{group}/{type}/{node}/#", "spBv1.0/#",
    ])
    func sparkplugNeedsItsPatternOnly(pattern: String) throws {
        let topic = try topic(text("pattern: \"\(pattern)\"", "format: sparkplug_b"))
        #expect(topic.format == .sparkplugB)
        #expect(topic.vehiclePath == "vehicle")
        #expect(topic.eventTime?.paths == ["timestamp"])
    }

    @Test(arguments: ["spBv1.0/+/NDATA/+/#", "spBv1.0/+/+/+/+", "fleet/{vehicle}/#", "#"])
    func sparkplugNeedsAllMessagesOfANode(pattern: String) throws {
        let problems = Mistake.problems(text("pattern: \"\(pattern)\"", "format: sparkplug_b"))
        #expect(problems.count == 1)
        #expect(
            problems.first?
                .hasPrefix(
                    "gateway.yaml:7: sources[0].topics[0].pattern: format sparkplug_b needs all "
                        + "messages of an edge node"
                ) ?? false,
            "\(problems)"
        )
    }

    @Test func whatSparkplugHasItselfCannotBeSet() {
        let problems = Mistake.problems(
            text(
                "pattern: spBv1.0/#",
                "format: sparkplug_b",
                "vehicle: vin",
                "encoding: cbor",
                "event_time: {path: t}"
            )
        )
        #expect(
            problems
                == [
                    ("vehicle", 9), ("event_time", 11), ("encoding", 10),
                ]
                .map { key, line in
                    "gateway.yaml:\(line): sources[0].topics[0].\(key): format sparkplug_b has its own; "
                        + "leave '\(key)' out"
                }
        )
    }

    @Test func textHasNoEncoding() {
        #expect(
            Mistake.problems(
                text("pattern: a/{vehicle}/{signal}", "format: text", "encoding: cbor")
            ) == [
                "gateway.yaml:9: sources[0].topics[0].encoding: format text has no values to encode; "
                    + "leave 'encoding' out"
            ]
        )
    }

    @Test func unknownEncodingIsCorrected() {
        let problems = Mistake.problems(text("pattern: a/{vehicle}", "encoding: cbro"))
        #expect(
            problems == [
                "gateway.yaml:8: sources[0].topics[0].encoding: must be one of json, cbor, messagepack "
                    + "(got 'cbro'); did you mean 'cbor'?"
            ]
        )
    }
}
