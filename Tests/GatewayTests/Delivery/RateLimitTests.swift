// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct RateLimitTests {
    private static let rates = [1, 2, 3, 7, 10, 99, 1_000, 12_345, 1_000_000]

    @Test(arguments: [(1, 0), (9, 0), (10, 1), (100, 10), (1_000, 100), (10_000_000, 1_000_000)])
    func firstBucketIsATenthOfASecond(rate: Int, count: Int) {
        var limit = RateLimit(perSecond: rate)
        #expect(limit.allowance(now: .seconds(0)) == count)
    }

    @Test(arguments: [(1, 1), (9, 1), (10, 1), (100, 10), (1_000, 100)])
    func bucketHoldsNoMoreAfterALongRest(rate: Int, count: Int) {
        var limit = RateLimit(perSecond: rate)
        _ = limit.allowance(now: .seconds(0))
        #expect(limit.allowance(now: .seconds(86_400)) == count)
    }

    @Test func whatWasTakenIsGone() {
        var limit = RateLimit(perSecond: 100)
        #expect(limit.allowance(now: .seconds(0)) == 10)
        limit.take(4)
        #expect(limit.allowance(now: .seconds(0)) == 6)
        limit.take(6)
        #expect(limit.allowance(now: .seconds(0)) == 0)
        #expect(limit.allowance(now: Timestamp.seconds(0) + 50) == 5)
    }

    // Goal: over any stretch of time no more leave than the rate allows, and one bucket. Method:
    // what has left is compared with the line of the rate; from the deepest dip under that line to
    // the highest rise after it is the worst stretch.
    @Test(arguments: 1...20)
    func noWindowHoldsMoreThanTheRateAndOneBucket(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let rate = random.pick(Self.rates)
        var limit = RateLimit(perSecond: rate)
        var elapsed: Int64 = 0
        var left = 0.0
        var lowest = Double.infinity
        var worst = 0.0
        for _ in 0..<3_000 {
            elapsed += Int64(random.oneIn(20) ? random.int(0...5_000) : random.int(0...40))
            let allowed = limit.allowance(now: Timestamp.seconds(0) + elapsed)
            #expect(allowed >= 0)
            let count = random.oneIn(3) ? random.int(0...allowed) : allowed
            limit.take(count)
            let line = Double(rate) * Double(elapsed) / 1_000
            lowest = min(lowest, left - line)
            left += Double(count)
            worst = max(worst, left - line - lowest)
        }
        #expect(worst <= max(1, Double(rate) / 10) + 0.001)
    }

    @Test(arguments: 1...20)
    func rateIsReachedByWhoeverTakesAllItMay(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let rate = random.int(20...100_000)
        var limit = RateLimit(perSecond: rate)
        var elapsed: Int64 = 0
        var left = 0.0
        for _ in 0..<2_000 {
            let allowed = limit.allowance(now: Timestamp.seconds(0) + elapsed)
            limit.take(allowed)
            left += Double(allowed)
            #expect(left >= Double(rate) * Double(elapsed) / 1_000 - 1)
            elapsed += Int64(random.int(1...50))
        }
    }

    @Test(arguments: rates)
    func waitIsAsLongAsItTakesForOneMore(rate: Int) {
        var random = SplitMix64(seed: UInt64(rate))
        var limit = RateLimit(perSecond: rate)
        var now = Timestamp.seconds(0)
        for _ in 0..<500 {
            let allowed = limit.allowance(now: now)
            limit.take(allowed)
            let wait = limit.waitMilliseconds
            #expect(wait > 0)
            // A millisecond either way is the rounding of a fraction.
            if wait > 2 {
                var early = limit
                #expect(early.allowance(now: now + (wait - 2)) == 0)
            }
            now = now + (wait + 1)
            #expect(limit.allowance(now: now) >= 1)
            #expect(limit.waitMilliseconds == 0)
            now = now + Int64(random.int(0...30))
        }
    }

    @Test func clockThatIsSetBackGivesNothing() {
        var limit = RateLimit(perSecond: 100)
        let allowed = limit.allowance(now: .seconds(3_600))
        limit.take(allowed)
        #expect(limit.allowance(now: .seconds(0)) == 0)
        #expect(limit.allowance(now: Timestamp.seconds(0) + 10) == 1)
        #expect(limit.allowance(now: .seconds(3_600)) == 10)
    }
}

@Suite struct LaneTests {
    private func lanes(_ streams: [String], drainRate: Int?) throws -> [Lane] {
        let template = try TopicTemplate("iot.{stream}")
        let kafka = KafkaConfiguration(brokers: ["kafka.example:9092"], group: "depot.lake")
        return Lane.lanes(
            of: SinkConfiguration(
                name: "lake",
                transport: .kafka(kafka),
                drainRate: drainRate,
                streams: streams.map { SinkStreamConfiguration(stream: $0, topic: template) }
            )
        )
    }

    @Test func outliersHaveALaneForThemselves() throws {
        let lanes = try lanes(StreamName.all, drainRate: nil)
        #expect(lanes.map(\.name) == ["lake/urgent", "lake/bulk"])
        #expect(lanes[0].streams.map(\.stream) == ["firing", "outlier"])
        #expect(
            lanes[1].streams.map(\.stream) == [
                "raw", "enriched", "current", "dead_letter", "schema",
            ]
        )
    }

    @Test func laneWithoutStreamsIsLeftOut() throws {
        #expect(try lanes(["outlier"], drainRate: nil).map(\.kind) == [.urgent])
        #expect(try lanes(["raw"], drainRate: nil).map(\.kind) == [.bulk])
        #expect(try lanes([], drainRate: nil).isEmpty)
    }

    @Test func onlyTheBulkIsHeldBack() throws {
        let lanes = try lanes(StreamName.all, drainRate: 500)
        #expect(lanes[0].drainLimit == nil)
        #expect(lanes[1].drainLimit?.perSecond == 500)
    }

    @Test func bulkWithoutARateIsNotHeldBack() throws {
        #expect(try lanes(["raw"], drainRate: nil)[0].drainLimit == nil)
    }
}
