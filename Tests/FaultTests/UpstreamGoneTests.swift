// SPDX-License-Identifier: Apache-2.0
// Goal: an upstream that is away for longer than the disk budget lasts costs the least valuable
// events first, and every loss is announced; when it returns, outliers don't wait behind a backlog.
// Method: the sink's broker is stopped while more arrives than `log.budget` holds.
import Foundation
import GRDB
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct UpstreamGoneTests {
        private static let budget = 16 << 20

        /// A gateway whose sink is behind a proxy, with the smallest disk budget that there is.
        private func configure(_ depot: LocalDepot, sinkPort: Int) throws {
            let sink = GatewayFile.sink(
                "cloud",
                url: "mqtt://127.0.0.1:\(sinkPort)",
                lines: ["reconnect_min: 20ms"]
            )
            try depot.configure(
                GatewayFile(
                    sinks: [sink],
                    rest: "log: { budget: \(Self.budget) }\nlimits: { payload: 64KiB }"
                )
            )
        }

        @Test(
            "while the upstream is away, raw goes before enriched, outliers stay, and gaps are told"
        )
        func leastValuableGoesFirst() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let upstream = try TestBroker("upstream", in: depot)
            let proxy = try FaultProxy(to: upstream.port)
            defer { proxy.stop() }
            try configure(depot, sinkPort: proxy.port)
            try await depot.runGateway()
            try await until("everything is up") { depot.health.contains(#""status":"ok""#) }
            upstream.stop()
            try await until("the sink is down") { depot.health.contains(#""status":"degraded""#) }
            // Each portion of 2 MiB has one vehicle whose alert fires and resolves.
            let portions = 20
            for portion in 1...portions {
                try depot.publish(
                    (1...200).map { .state("car-1", portion * 1_000 + $0, padding: 10_000) }
                        + [
                            .state(
                                "car-\(portion + 1)",
                                1,
                                ignition: "off",
                                headlights: true,
                                speed: 0
                            ),
                            .state("car-\(portion + 1)", 2, speed: 0),
                        ]
                )
                try await until(
                    "the portion is in, and the log within its budget",
                    seconds: 120,
                    explain: { depot.explanation }
                ) {
                    try depot.extent("raw").next == portion * 202 + 1
                        && Self.usedBytes(depot) <= Self.budget
                }
            }
            try await until("all gaps are told", explain: { depot.explanation }) {
                try Self.gaps(depot).told == Self.gaps(depot).evicted
            }
            let letters = try depot.events("dead_letter").map(\.object)
                .filter { $0["reason"] as? String == "evicted for the disk budget" }
            let streams = letters.compactMap { $0["stream"] as? String }
            #expect(streams.first == "raw")
            #expect(Set(streams) == ["raw", "enriched"])
            #expect(
                letters.allSatisfy {
                    $0["stream"] as? String == "raw"
                        || ($0["undelivered"] as? Int) == ($0["events"] as? Int)
                }
            )
            // When enriched events went, hardly a raw one was left.
            let raw = try depot.extent("raw")
            let enriched = try depot.extent("enriched")
            #expect(raw.next - raw.first < enriched.next - enriched.first)
            #expect(try depot.extent("outlier") == (1, Int64(2 * portions + 1)))
            #expect(try depot.extent("firing") == (1, Int64(2 * portions + 1)))
            try await until("evictions are counted", explain: { depot.explanation }) {
                let metrics = depot.metrics
                return try Self.gaps(depot).evicted
                    .allSatisfy { stream, evicted in
                        metrics.count(
                            "gateway_stream_evicted_events_total",
                            ["stream": stream, "reason": "budget"]
                        ) == Int(evicted)
                    }
            }
            #expect(depot.logText.contains("evicts events"))
            print("upstream: gaps=\(letters.count) evicted=\(try Self.gaps(depot).evicted)")

            // The upstream returns, over a line that lets little through, and lets nothing through until
            // somebody has subscribed: what the broker takes before that goes to nobody.
            proxy.mode = .refuse
            try upstream.start()
            let seen = try Collector(upstream.client("eyes"), ["fleet/#"])
            defer { seen.close() }
            proxy.mode = .slow(bytes: 4_000)
            try await until(
                "all outliers have arrived",
                seconds: 120,
                explain: { depot.explanation }
            ) {
                seen.count("fleet/outlier/") == 2 * portions
            }
            let ids = Set(seen.messages("fleet/outlier/").compactMap { $0.object["id"] as? String })
            #expect(ids.count == 2 * portions)
            // The backlog is still on its way when a new outlier overtakes it.
            let backlog = Int(enriched.next - enriched.first)
            try depot.publish([.state("car-999", 1, ignition: "off", headlights: true, speed: 0)])
            try await until(
                "the new outlier has arrived",
                seconds: 120,
                explain: { depot.explanation }
            ) {
                seen.count("fleet/outlier/headlights_left_on/car-999") == 1
            }
            #expect(seen.count("fleet/enriched/") < backlog)
            proxy.mode = .pass
            func arrived() -> [Int64] {
                seen.messages("fleet/enriched/").compactMap { $0.object["offset"] as? Int64 }
            }
            try await until(
                "the backlog has arrived",
                seconds: 120,
                explain: { depot.explanation }
            ) {
                try arrived().last == depot.extent("enriched").next - 1
            }
            // What the newcomer pushed out of the budget meanwhile is told, and nothing else is missing.
            let kept = try depot.extent("enriched")
            let missing = Set(enriched.first..<kept.next).subtracting(arrived())
            #expect(missing.allSatisfy { $0 < kept.first })
            #expect(arrived() == arrived().sorted())
            try await until("these gaps are told, too", explain: { depot.explanation }) {
                try Self.gaps(depot).told == Self.gaps(depot).evicted
            }
        }

        // The snapshot of the vehicles protects enriched events of the last second from eviction. That
        // must not make outliers the next in line.
        @Test("a burst that exceeds the budget within a second does not cost outliers")
        func burstCostsNoOutliers() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try configure(depot, sinkPort: LocalDepot.freePorts(1)[0])
            try await depot.runGateway()
            depot.endGateway()
            // The broker holds the burst, so it comes as fast as the gateway takes it.
            let alarms = (1...20)
                .map {
                    TestMessage.state(
                        "car-\($0 + 1)",
                        1,
                        ignition: "off",
                        headlights: true,
                        speed: 0
                    )
                }
            let burst = 700
            try depot.publish(alarms)
            // Flat paths repeat their first level, so 3 kB become 60 kB of enriched event, and all of them
            // more than twice the budget.
            let name = String(repeating: "n", count: 3_000)
            let values = (1...20).map(String.init).joined(separator: ",")
            let large = TestMessage("fleet/car-1/state", #"{"\#(name)":[\#(values)]}"#)
            try depot.publish(Array(repeating: large, count: burst))
            try await depot.runGateway()
            try await until("the burst is in", seconds: 120, explain: { depot.explanation }) {
                try depot.extent("raw").next > burst + 20
            }
            try await until(
                "enriched events are evicted too",
                seconds: 120,
                explain: { depot.explanation }
            ) {
                try depot.extent("enriched").first > 1 && Self.usedBytes(depot) <= Self.budget
            }
            let outliers = try depot.extent("outlier")
            let firing = try depot.extent("firing")
            #expect(outliers.next == 21)
            #expect(outliers.first == 1)
            #expect(firing.first == 1)
        }

        // By mosquitto's default the broker allows 20 messages under way: PUBACKs must pace the rest.
        @Test func aSinkThatAllowsLittleIsPacedByItsAcknowledgements() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let broker = try TestBroker(
                "small",
                in: depot,
                lines: ["allow_anonymous true", "max_inflight_messages 20"]
            )
            let sink = GatewayFile.sink(
                url: "mqtt://127.0.0.1:\(broker.port)",
                certificate: nil,
                streams: #"enriched: { topic: "fleet/enriched/{vehicle}" }"#
            )
            try depot.configure(GatewayFile(sinks: [sink]))
            try await depot.runGateway()
            try depot.publish((1...4_000).map { .state("car-1", $0) })
            // At 20 a second, which a timer would make of it, this would take longer than we wait.
            try await until(
                "everything is delivered",
                seconds: 120,
                explain: { depot.explanation }
            ) {
                depot.metrics.count("gateway_delivery_delivered_events_total") == 4_000
            }
        }

        // The same without a race: everything enriched is newer than the snapshot.
        @Test func outliersAreNotEvictedInPlaceOfProtectedEnrichedEvents() throws {
            let folder = NSTemporaryDirectory() + "/gateway-log-\(UInt32.random(in: .min ... .max))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let writer = try LogWriter(
                log: EventLog(directory: folder),
                signals: SignalTable(catalogue: [], signalsMax: 10),
                sourceNames: ["vehicles"]
            )
            var outcome = Outcome()
            outcome.bytes.raw(Array(repeating: UInt8(ascii: "x"), count: 100_000))
            let now = WallClock.now()
            func event(_ offset: Int64) -> Event {
                Event(
                    offset: offset,
                    eventTime: now,
                    arrival: now,
                    key: "car-1",
                    topic: "t",
                    payload: 0..<100_000,
                    isText: true
                )
            }
            outcome.enriched = (1...200).map(event)
            outcome.outlier = (1...5).map(event)
            try writer.commit(outcome, of: MessageBatch(), CommitExtras())
            let configuration = LogConfiguration(budgetBytes: Int64(Self.budget))
            var evicted: Set<String> = []
            while let eviction = try writer.evictChunk(configuration, cursors: [:], now: now) {
                evicted.insert(eviction.stream)
            }
            #expect(!evicted.contains("outlier"))
        }

        @Test(
            "a gap is told although the gateway was ended right behind the eviction",
            arguments: ["killed", "terminated"]
        )
        func gapSurvivesTheEnd(end: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try configure(depot, sinkPort: LocalDepot.freePorts(1)[0])
            try await depot.runGateway()
            var number = 0
            let publisher = try Publisher(depot.fleet)
            try await until(
                "an eviction is under way",
                seconds: 120,
                explain: { depot.explanation }
            ) {
                for _ in 1...300 {
                    number += 1
                    let message = TestMessage.state("car-1", number, padding: 4_000)
                    try publisher.publish(topic: message.topic, payload: message.payload, number: 0)
                }
                try #require(try publisher.drain(seconds: 60))
                return try depot.extent("raw").first > 1
            }
            if end == "killed" { depot.killGateway() } else { depot.endGateway() }
            publisher.close()
            try await depot.runGateway()
            try await until("the log is within its budget", explain: { depot.explanation }) {
                try Self.usedBytes(depot) <= Self.budget
            }
            // An eviction and its gap event are one transaction: there is nothing to wait for.
            let gaps = try Self.gaps(depot)
            #expect(gaps.told == gaps.evicted)
        }

        /// Pages of the log that hold something, in bytes: what the gateway compares with its budget.
        private static func usedBytes(_ depot: LocalDepot) throws -> Int {
            try depot.read { db in
                func count(_ name: String) throws -> Int {
                    try Int.fetchOne(db, sql: "PRAGMA \(name)") ?? 0
                }
                return try (count("page_count") - count("freelist_count")) * count("page_size")
            }
        }

        /// How many events of each stream are gone, and how many of them gap events account for.
        ///
        /// Both are read in one transaction: another eviction may come between two.
        private static func gaps(
            _ depot: LocalDepot
        ) throws -> (
            told: [String: Int64], evicted: [String: Int64]
        ) {
            try depot.read { db in
                var told: [String: Int64] = [:]
                let letters = try String.fetchAll(
                    db,
                    sql: "SELECT CAST(payload AS TEXT) FROM dead_letter"
                )
                for letter in letters.map(parseJSON) {
                    guard let stream = letter["stream"] as? String,
                        let count = letter["events"] as? Int
                    else { continue }
                    told[stream, default: 0] += Int64(count)
                }
                var evicted: [String: Int64] = [:]
                let rows = try Row.fetchCursor(
                    db,
                    sql: "SELECT name, first_offset FROM stream WHERE first_offset > 1"
                )
                while let row = try rows.next() {
                    let first: Int64 = row["first_offset"]
                    evicted[row["name"]] = first - 1
                }
                return (told, evicted)
            }
        }
    }
}
