// SPDX-License-Identifier: Apache-2.0
// Goal: whatever its far side is, a sink keeps the same promises.
// Method: the whole gateway against real brokers, the same tests for every kind of sink.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

/// A kind of sink, as the contract sees it.
enum SinkKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case mqtt
    case kafkaExactlyOnce
    case kafkaAtLeastOnce

    var testDescription: String { rawValue }
}

/// A gateway with one sink of a kind, whose far side is away until it is started.
private final class ContractSite {
    /// Where the sink delivers, and how a test looks there.
    private enum FarSide {
        case mqtt(TestBroker, Collector)
        case kafka(KafkaBroker)
    }

    let depot: LocalDepot
    private let farSide: FarSide

    init(_ kind: SinkKind, lines: [String] = []) throws {
        depot = try LocalDepot.test()
        try depot.startBroker()
        let sink: String
        if kind == .mqtt {
            let broker = try TestBroker("far", in: depot)
            // The session outlives the broker's absence: nothing that is published is missed.
            farSide = .mqtt(broker, try Collector(broker.client("eyes"), ["fleet/#"]))
            broker.stop()
            let url = "mqtt://127.0.0.1:\(broker.port)"
            sink = GatewayFile.sink(url: url, certificate: nil, lines: lines)
        } else {
            let kafka = try KafkaBroker.test(depot)
            farSide = .kafka(kafka)
            let mode = kind == .kafkaExactlyOnce ? "exactly_once" : "at_least_once"
            sink = GatewayFile.kafkaSink(kafka.address, lines: ["delivery: \(mode)"] + lines)
        }
        try depot.configure(GatewayFile(sinks: [sink]))
    }

    func close() {
        switch farSide {
        case .mqtt(let broker, let eyes):
            eyes.close()
            broker.stop()
        case .kafka(let kafka): kafka.stop()
        }
        depot.close()
    }

    func startFarSide() throws {
        switch farSide {
        case .mqtt(let broker, _): try broker.start()
        case .kafka(let kafka): try kafka.start()
        }
    }

    /// The payloads of a stream that have arrived, in their order.
    func arrived(_ stream: String) throws -> [String] {
        switch farSide {
        case .mqtt(_, let eyes): eyes.messages("fleet/\(stream)/").map(\.text)
        case .kafka(let kafka): try kafka.records("iot.\(stream)").map(\.payload)
        }
    }

    /// The log's offsets of the enriched events that have arrived, in their order.
    func offsets() throws -> [Int] {
        try arrived("enriched").compactMap { parseJSON($0)["offset"] as? Int }
    }
}

extension IntegrationSuites {
    @Suite(.serialized) struct SinkContractTests {
        @Test(arguments: SinkKind.allCases)
        func deliversInTheOrderOfTheLog(kind: SinkKind) async throws {
            let site = try ContractSite(kind)
            defer { site.close() }
            try site.startFarSide()
            try await site.depot.runGateway()
            try site.depot.publish((1...300).map { .state("car-1", $0) })
            try await until("all have arrived", explain: { site.depot.explanation }) {
                try Set(site.offsets()).count == 300
            }
            #expect(try site.offsets() == Array(1...300))
            let payloads = try site.depot.events("enriched").map(\.payload)
            #expect(try site.arrived("enriched") == payloads)
        }

        @Test(arguments: SinkKind.allCases)
        func farSideThatComesLaterGetsEverything(kind: SinkKind) async throws {
            let site = try ContractSite(kind)
            defer { site.close() }
            try await site.depot.runGateway()
            try site.depot.publish((1...100).map { .state("car-1", $0) })
            try await until("the gateway is degraded") {
                site.depot.health.contains("\"degraded\"")
            }
            // Not reachable is no reason to be restarted.
            #expect(site.depot.readiness == 200)
            try site.startFarSide()
            try await until("all have arrived", explain: { site.depot.explanation }) {
                try Set(site.offsets()).count == 100
            }
            #expect(try site.offsets() == Array(1...100))
            try await until("the gateway is well") {
                site.depot.health.contains("\"status\":\"ok\"")
            }
            #expect(site.depot.logCount("sink down") <= 4)
        }

        @Test(arguments: SinkKind.allCases)
        func restartGoesOnBehindTheCursor(kind: SinkKind) async throws {
            let site = try ContractSite(kind)
            defer { site.close() }
            try site.startFarSide()
            try await site.depot.runGateway()
            for step in 0..<3 {
                let numbers = step * 100 + 1...(step + 1) * 100
                try site.depot.publish(numbers.map { .state("car-1", $0) })
                try await until("these have arrived", explain: { site.depot.explanation }) {
                    try Set(site.offsets()).count == numbers.upperBound
                }
                try await until("the far side's answers have come") {
                    site.depot.metrics.count(
                        "gateway_delivery_delivered_events_total",
                        ["stream": "enriched"]
                    ) == 100
                }
                site.depot.endGateway()
                try await site.depot.runGateway()
            }
            // After an orderly end nothing comes twice, whatever the mode.
            #expect(try site.offsets() == Array(1...300))
        }

        @Test("outliers do not wait behind what else waits", arguments: SinkKind.allCases)
        func outliersOvertake(kind: SinkKind) async throws {
            // The bulk lane is slowed to a crawl; the urgent one is not.
            let site = try ContractSite(kind, lines: ["drain_rate: 1"])
            defer { site.close() }
            try site.startFarSide()
            try await site.depot.runGateway()
            try site.depot.publish((1...200).map { .state("car-1", $0) })
            try site.depot.publish(
                [.state("car-1", 201, ignition: "off", headlights: true, speed: 0)]
            )
            try await until("the outlier has arrived", explain: { site.depot.explanation }) {
                try !site.arrived("outlier").isEmpty
            }
            #expect(try site.arrived("enriched").count < 200)
        }
    }
}
