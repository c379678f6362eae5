// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct DemoConfigurationTests {
    private func shipped() throws -> DemoConfiguration {
        let file = DemoProcessor.packageRoot.appendingPathComponent("demo/gateway.yaml")
        return DemoConfiguration(text: try String(contentsOf: file, encoding: .utf8))
    }

    /// The configuration as the gateway would read it; certificates are not looked for.
    private func decode(_ demo: DemoConfiguration) throws -> Configuration {
        let text = demo.text
            .replacing("@PORT@", with: "8884").replacing("@HTTP_PORT@", with: "0")
            .replacing(#/"@CERTS@/[^"]*"/#, with: "/dev/null")
        return try Configuration.decode(text: text, file: "/demo/gateway.yaml")
    }

    @Test func shippedOneJoinsThreeTables() throws {
        let configuration = try decode(shipped())
        #expect(configuration.tables.map(\.name) == ["device", "car", "reservation"])
        #expect(configuration.tables.allSatisfy { $0.isRequired && $0.session != nil })
        #expect(configuration.sources[0].enrichment != nil)
    }

    @Test func recordedMessagesAreNobodys() throws {
        var demo = try shipped()
        demo.replayTraces()
        let configuration = try decode(demo)
        #expect(configuration.tables.isEmpty)
        #expect(configuration.sources[0].enrichment == nil)
        #expect(configuration.sources[0].topics.count == 5)
        #expect(configuration.ruleFiles.allSatisfy { $0.hasSuffix("traces.yaml") })
        #expect(try configuration.signals.count == decode(shipped()).signals.count)
    }

    @Test func reservationsMayComeFromKafka() throws {
        var demo = try shipped()
        demo.readReservations(from: "source: {type: kafka, brokers: k:1, topic: cdc.reservation}")
        let configuration = try decode(demo)
        #expect(configuration.tables.map { $0.kafka?.topic } == [nil, nil, "cdc.reservation"])
    }
}
