// SPDX-License-Identifier: Apache-2.0
// Goal: what can't be used or delivered is kept whole, with the reason, and stops nothing.
// Method: publish what no vehicle should, and refuse at the broker.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct DeadLetterTests {
        @Test("what can't be decoded stands whole in the dead-letter stream, with reason and place")
        func brokenPayloadsAreDeadLettered() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure(GatewayFile(rest: "limits: { payload: 1KiB }"))
            try await depot.runGateway()
            var binary = TestMessage("fleet/car-1/state", "")
            binary.payload = [0xFF, 0xFE, 0x00, 0x7B]
            try depot.publish([
                .state("car-1", 1),
                TestMessage("fleet/car-1/state", #"{"ts": 1, "v": nonsense}"#),
                binary,
                TestMessage("fleet/car-1/state", #""a text is no object""#),
                .state("car-1", 2, padding: 2_000),
                TestMessage("fleet/car-1/state", ""),
                .state("car-1", 3),
            ])
            try await until("everything is in the log") { try depot.events("raw").count == 7 }
            let letters = try depot.events("dead_letter").map(\.object)
            try #require(letters.count == 5)
            #expect(letters.allSatisfy { $0["source"] as? String == "vehicles" })
            #expect(letters.allSatisfy { $0["topic"] as? String == "fleet/car-1/state" })
            #expect(letters.allSatisfy { ($0["reason"] as? String)?.isEmpty == false })
            #expect(letters[0]["payload"] as? String == #"{"ts": 1, "v": nonsense}"#)
            #expect(letters[0]["position"] as? Int == 15)
            #expect(letters[1]["position"] as? Int == 0)
            #expect(
                letters[1]["payload_base64"] as? String
                    == Data(binary.payload).base64EncodedString()
            )
            #expect((letters[3]["payload"] as? String)?.count ?? 0 > 2_000)
            #expect(letters[4]["payload"] as? String == "")
            // The good ones around them went their way, and each bad one is counted by its kind.
            let enriched = try depot.events("enriched")
                .map {
                    ($0.object["signals"] as? [String: Any])?["seq"] as? Int
                }
            #expect(enriched == [1, 3])
            let metrics = depot.metrics
            #expect(metrics.count("gateway_source_dead_letters_total") == 5)
            #expect(
                metrics.count("gateway_source_dead_letters_total", ["reason": "over_limit"]) == 1
            )
            #expect(
                metrics.count("gateway_source_dead_letters_total", ["reason": "wrong_form"]) == 1
            )
        }

        // Every leaf repeats its whole path, so the enriched event grows with the product of a payload's
        // keys and leaves: 22 kB become 20 MB, and the 256 KiB that are allowed become gigabytes, which
        // SQLite refuses. Then nothing is acknowledged, and the same message comes again for ever.
        @Test("a payload within the limits does not become an event beyond every limit")
        func enrichedEventIsBounded() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            let name = String(repeating: "n", count: 20_000)
            let values = Array(repeating: "1", count: 1_000).joined(separator: ",")
            try depot.publish([
                TestMessage("fleet/car-1/state", #"{"\#(name)":[\#(values)]}"#), .state("car-1", 2),
            ])
            try await until("both messages are in the log", explain: { depot.explanation }) {
                try depot.extent("raw").next == 3
            }
            let sizes = try depot.events("enriched").map(\.payload.utf8.count)
            // What the shipped broker takes.
            #expect(sizes.max() ?? 0 <= 4 << 20)
        }

        @Test("a vehicle named like a level of a pattern makes no loop")
        func vehicleNamedLikeALevelMakesNoLoop() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let topics = """
                - pattern: fleet/{device}/state
                  vehicle: vehicle
                """
            try depot.configure(GatewayFile(sources: [GatewayFile.source(topics: topics)]))
            try await depot.runGateway()
            // Its enriched event says "vehicle":"state" again: it would go round for ever.
            try depot.publish([TestMessage("fleet/car-1/state", #"{"vehicle":"state"}"#)])
            try await until("it is refused") { try depot.events("dead_letter").count == 1 }
            let letter = try #require(try depot.events("dead_letter").first).object
            #expect(
                (letter["reason"] as? String)?.contains("would read 'fleet/enriched/state'") == true
            )
            try depot.publish([TestMessage("fleet/car-1/state", #"{"vehicle":"car-1"}"#)])
            try await until("the next is taken") { try depot.extent("raw").next >= 3 }
            #expect(try depot.extent("raw").next == 3)
        }

        @Test("dead letters are delivered, as the shipped access list allows it")
        func deadLettersAreDelivered() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure(GatewayFile(sinks: [Self.sinkWithDeadLetters]))
            let seen = try Collector(
                depot.connection("ops", clientID: "eyes"),
                ["fleet/dead_letter/#"]
            )
            defer { seen.close() }
            try await depot.runGateway()
            try depot.publish([TestMessage("fleet/car-1/state", "broken"), .state("car-1", 1)])
            try await until("the dead letter has come") { seen.count() == 1 }
            #expect(seen.all[0].topic == "fleet/dead_letter/car-1")
            #expect(seen.all[0].object["payload"] as? String == "broken")
        }

        private static let sinkWithDeadLetters = GatewayFile.sink(
            streams: """
                enriched: { topic: "fleet/enriched/{vehicle}" }
                dead_letter: { topic: "fleet/dead_letter/{vehicle}" }
                """
        )

        // A refused event becomes a dead letter. When the dead letter itself is refused, a dead letter
        // about it must not be refused again, and so on for ever: each holds the one before, escaped,
        // so that they double in size. A vehicle can bring this about when its payload fits the broker's
        // limit and the dead letter about it does not.
        @Test(
            "a dead letter that the broker refuses is told once and not again and again",
            arguments: ["not authorized", "too large"]
        )
        func refusedDeadLetterDoesNotBreed(reason: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            if reason == "not authorized" { try depot.forbidDeadLetters() }
            try depot.startBroker()
            try depot.configure(GatewayFile(sinks: [Self.sinkWithDeadLetters]))
            try await depot.runGateway()
            try depot.publish([.state("car-1", 1)])
            try await until("the broker has accepted something") {
                depot.metrics.count("gateway_delivery_delivered_events_total") == 1
            }
            var broken = TestMessage("fleet/car-1/state", "broken")
            // In Base64 a third more: beyond the four MiB that the shipped broker takes.
            if reason == "too large" { broken.payload = [UInt8](repeating: 0xFF, count: 3_500_000) }
            try depot.publish([broken])
            try await until("the broker has refused the dead letter") {
                depot.metrics.count("gateway_delivery_refused_events_total") >= 1
            }
            // Before the last of these is through, the dead letter was long dealt with.
            for number in 2...40 {
                try depot.publish([.state("car-1", number)])
                try await until("the next message is delivered", explain: { depot.explanation }) {
                    depot.metrics.count(
                        "gateway_delivery_delivered_events_total",
                        ["stream": "enriched"]
                    ) >= number
                }
                // One about the message, one about the refusal.
                if try depot.extent("dead_letter").next > 3 { break }
            }
            let letters = try depot.extent("dead_letter").next - 1
            #expect(letters <= 2)
        }
    }
}

extension LocalDepot {
    /// Takes dead letters out of the broker's access list.
    fileprivate func forbidDeadLetters() throws {
        let file = folder + "/mosquitto.acl"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing("topic write fleet/dead_letter/#\n", with: "")
            .write(toFile: file, atomically: true, encoding: .utf8)
    }
}
