// SPDX-License-Identifier: Apache-2.0
// What the log forgets: by age, by bytes, and for the disk budget; never more than it may.
import Testing

import class GRDB.Row

@testable import Gateway

@Suite struct RetentionTests {
    private let gateway: LoggedGateway

    /// One message a second from second 1 on, so that offset and second are the same.
    init() throws {
        gateway = try LoggedGateway()
    }

    private func fill(_ count: Int, payload: String = "{}") throws {
        let start = Int(gateway.writer.extents["raw"]?.nextOffset ?? 1)
        try gateway.process(
            (start..<start + count)
                .map {
                    TestMessage("fleet/car/state", payload, arrival: .seconds(Int64($0)))
                }
        )
        try gateway.saveVehicles()
    }

    /// Everything is kept but what a stream's retention says.
    private func keeping(
        _ stream: String,
        seconds: Int64 = 1_000_000,
        bytes: Int64 = .max
    ) -> LogConfiguration {
        var configuration = LogConfiguration()
        for name in StreamName.all {
            configuration.streams[name] = RetentionConfiguration(ageSeconds: 1_000_000, bytes: .max)
        }
        configuration.streams[stream] = RetentionConfiguration(ageSeconds: seconds, bytes: bytes)
        return configuration
    }

    /// Evicts until there is nothing to evict.
    @discardableResult
    private func evict(
        _ configuration: LogConfiguration,
        cursors: [String: Int64] = [:],
        now: Int64
    ) throws -> [Eviction] {
        var evictions: [Eviction] = []
        while let eviction = try gateway.writer.evictChunk(
            configuration,
            cursors: cursors,
            now: .seconds(now)
        ) {
            evictions.append(eviction)
            try #require(evictions.count < 10_000, "eviction never ends")
        }
        return evictions
    }

    // By age.

    @Test func eventsOlderThanTheirAgeAreDeleted() throws {
        try fill(2_000)
        let evictions = try evict(keeping("raw", seconds: 500), now: 2_000)
        #expect(try gateway.offsets("raw") == Array(1_500...2_000))
        #expect(try gateway.offsets("enriched").count == 2_000)
        #expect(evictions.map(\.count).reduce(0, +) == 1_499)
        #expect(
            evictions.allSatisfy {
                $0.cause == .retention && $0.undelivered == 0 && $0.count <= 1_000
            }
        )
    }

    @Test func eventsAsOldAsTheirAgeAreKept() throws {
        try fill(10)
        #expect(try evict(keeping("raw", seconds: 9), now: 10).isEmpty)
    }

    @Test func lastEventOfAStreamIsKept() throws {
        try fill(10)
        try evict(keeping("raw", seconds: 0), now: 1_000)
        #expect(try gateway.offsets("raw") == [10])
    }

    @Test(arguments: [0, 1, 5, 9, 10, 99] as [Int64])
    func ageNeverPassesTheSlowestCursor(cursor: Int64) throws {
        try fill(10)
        try evict(keeping("enriched", seconds: 0), cursors: ["enriched": cursor], now: 1_000)
        #expect(try gateway.offsets("enriched").first == min(cursor, 9) + 1)
    }

    // By bytes.

    @Test func streamThatIsTooLargeShrinks() throws {
        try fill(3_000)
        let size = try #require(gateway.writer.extents["raw"]).bytes
        try evict(keeping("raw", bytes: size / 2), now: 0)
        let extent = try #require(gateway.writer.extents["raw"])
        #expect(extent.bytes <= size / 2)
        #expect(try gateway.offsets("raw").last == 3_000)
        #expect(try gateway.offsets("enriched").count == 3_000)
    }

    @Test(arguments: [0, 1, 700, 2_000] as [Int64])
    func bytesNeverPassTheSlowestCursor(cursor: Int64) throws {
        try fill(1_000)
        try evict(keeping("raw", bytes: 0), cursors: ["raw": cursor], now: 0)
        #expect(try gateway.offsets("raw").first == min(cursor, 999) + 1)
    }

    @Test func streamKeepsWhatItIsAllowed() throws {
        // A few large events: the whole stream is one chunk.
        try fill(20, payload: "{\"x\":\"\(String(repeating: "x", count: 10_000))\"}")
        let size = try #require(gateway.writer.extents["raw"]).bytes
        try evict(keeping("raw", bytes: size - 1), now: 0)
        let left = try gateway.offsets("raw")
        #expect(left == Array(2...20))
    }

    // For the disk budget.

    @Test func budgetEvictsTheLeastValuableFirst() throws {
        let rules = RuleText.file(["fast": "speed > 100"])
        let configuration = try Configuration.testing(
            signals: [SignalConfiguration(name: "speed", paths: ["speed"])])
        let gateway = try LoggedGateway(configuration, rules: rules)
        for _ in 0..<4 { try gateway.process([#"{"speed":120}"#, #"{"speed":80}"#, "broken"]) }
        try gateway.saveVehicles()
        var log = LogConfiguration()
        log.budgetBytes = 0
        var order: [String] = []
        while let eviction = try gateway.writer.evictChunk(log, cursors: [:], now: .seconds(0)) {
            #expect(eviction.cause == .budget)
            order.append(eviction.stream)
        }
        #expect(order == ["raw", "enriched", "dead_letter", "firing", "outlier"])
        #expect(try order.map { try gateway.offsets($0).count } == [1, 1, 1, 1, 1])
    }

    @Test func budgetLeavesTheRestWhenThereIsSpaceAgain() throws {
        try fill(4_000, payload: "{\"x\":\"\(String(repeating: "x", count: 500))\"}")
        var log = LogConfiguration()
        log.budgetBytes = gateway.writer.usedBytes() - 500_000
        let evictions = try evict(log, now: 0)
        #expect(Set(evictions.map(\.stream)) == ["raw"])
        #expect(gateway.writer.usedBytes() <= log.budgetBytes)
        #expect(try gateway.offsets("raw").count > 2_000)
    }

    @Test(
        arguments: [(nil, 0), (0, 499), (100, 399), (498, 1), (499, 0), (800, 0)]
            as [(Int64?, Int64)]
    )
    func budgetCountsWhatWasNotDelivered(cursor: Int64?, undelivered: Int64) throws {
        try fill(500)
        var log = LogConfiguration()
        log.budgetBytes = 0
        let cursors = cursor.map { ["raw": $0] } ?? [:]
        let eviction = try gateway.writer.evictChunk(log, cursors: cursors, now: .seconds(0))
        #expect(
            eviction
                == Eviction(
                    stream: "raw",
                    firstOffset: 1,
                    lastOffset: 499,
                    cause: .budget,
                    undelivered: undelivered
                )
        )
    }

    // Behind the snapshot of the vehicles.

    @Test func enrichedEventsThatTheSnapshotLacksAreKept() throws {
        try fill(10)
        try gateway.process(["{}", "{}"], arrival: .seconds(0))
        try evict(keeping("enriched", seconds: 0), now: 1_000)
        #expect(try gateway.offsets("enriched") == [11, 12])
        var log = LogConfiguration()
        log.budgetBytes = 0
        // The budget can't wait: it saves the vehicles first, and then nothing is missing.
        try evict(log, now: 1_000)
        #expect(try gateway.offsets("enriched") == [12])
        #expect(gateway.writer.vehiclesAsOf == 12)
    }

    @Test func evictionThatFailsChangesNothing() throws {
        try fill(10)
        let extents = gateway.writer.extents
        let log = gateway.log
        try log.pool.write { try $0.execute(sql: "DROP TABLE raw") }
        #expect(throws: LogError.self) { try gateway.writer.deleteHead(of: "raw", through: 5) }
        #expect(gateway.writer.extents == extents)
    }
}
