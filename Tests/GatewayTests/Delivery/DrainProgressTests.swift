// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct DrainProgressTests {
    /// A backlog and its observer, played by the second.
    private struct Backlog {
        var waiting: Int64
        var now = Timestamp.seconds(0)
        var progress = DrainProgress()

        mutating func observe() -> Double {
            progress.observe(waiting: waiting, now: now)
        }

        mutating func news() -> DrainProgress.News? {
            progress.takeNews(now: now)
        }
    }

    // Time to go.

    @Test(arguments: 1...20)
    func timeToGoIsRightForALinearDrain(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let perSecond = Int64(random.int(1...50)) * 1_000
        var backlog = Backlog(waiting: perSecond * 1_000)
        #expect(backlog.observe() == .infinity)
        for number in 1...200 {
            let milliseconds = Int64(random.int(500...2_000))
            backlog.now = backlog.now + milliseconds
            backlog.waiting -= perSecond * milliseconds / 1_000
            let seconds = backlog.observe()
            let truth = Double(backlog.waiting) / Double(perSecond)
            // It starts by expecting nothing, so it is never too hopeful.
            #expect(seconds >= truth * 0.999_999)
            #expect(number < 30 || seconds <= truth * 1.01)
            guard case .draining(let events, let rate, let left)? = backlog.news(), number >= 30
            else { continue }
            #expect(events == backlog.waiting)
            #expect(abs(Double(rate) / Double(perSecond) - 1) <= 0.01)
            #expect(left == Int64(seconds.rounded(.up)))
        }
    }

    @Test(arguments: 1...10)
    func timeToGoIsInfiniteWhileTheBacklogGrows(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var backlog = Backlog(waiting: DrainProgress.worthEvents)
        for _ in 0..<200 {
            #expect(backlog.observe() == .infinity)
            if case .draining(_, let perSecond, let seconds)? = backlog.news() {
                #expect(perSecond <= 0)
                #expect(seconds == nil)
            }
            backlog.now = backlog.now + Int64(random.int(500...2_000))
            backlog.waiting += Int64(random.int(0...5_000))
        }
    }

    @Test func drainThatTurnsIntoGrowthIsInfiniteSoon() {
        var backlog = Backlog(waiting: 1_000_000)
        for _ in 0..<60 {
            _ = backlog.observe()
            backlog.now = backlog.now + 1_000
            backlog.waiting -= 1_000
        }
        #expect(backlog.observe().isFinite)
        for _ in 0..<10 {
            backlog.now = backlog.now + 1_000
            backlog.waiting += 1_000
            _ = backlog.observe()
        }
        #expect(backlog.observe() == .infinity)
    }

    @Test func nothingThatWaitsIsNoTime() {
        var backlog = Backlog(waiting: 0)
        #expect(backlog.observe() == 0)
        backlog.now = backlog.now + 1_000
        #expect(backlog.observe() == 0)
    }

    @Test func clockThatStandsStillOrGoesBackIsEndured() {
        var backlog = Backlog(waiting: 100_000)
        for second in [0, 1, 1, -3_600, -3_599, 0] as [Int64] {
            backlog.now = .seconds(second)
            backlog.waiting -= 1_000
            #expect(backlog.observe() > 0)
        }
    }

    // News.

    @Test func smallBacklogIsNotWorthAWord() {
        var backlog = Backlog(waiting: 0)
        for _ in 0..<200 {
            backlog.now = backlog.now + 1_000
            backlog.waiting = backlog.waiting == 0 ? DrainProgress.worthEvents - 1 : 0
            _ = backlog.observe()
            #expect(backlog.news() == nil)
        }
    }

    @Test func drainedIsToldOnce() {
        var backlog = Backlog(waiting: 100_000)
        var told: [DrainProgress.News] = []
        for _ in 0..<300 {
            _ = backlog.observe()
            if case .drained(let seconds)? = backlog.news() {
                told.append(.drained(seconds: seconds))
            }
            backlog.now = backlog.now + 1_000
            backlog.waiting = max(0, backlog.waiting - 1_000)
        }
        // By then less than a tenth of what is worth a word waits.
        #expect(told == [DrainProgress.News.drained(seconds: 99)])
    }

    // Goal: each drain is told from its beginning to its end, and never twice. Method: a backlog
    // that comes and goes, beside the obvious account of what is to be told and when.
    @Test(arguments: 1...10)
    func everyDrainIsToldFromItsBeginningToItsEnd(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var backlog = Backlog(waiting: 0)
        var target: Int64 = 0
        var startedAt: Timestamp?
        var toldAt: Timestamp?
        for _ in 0..<3_000 {
            backlog.now = backlog.now + Int64(random.int(500...3_000))
            if random.oneIn(40) {
                target = random.pick([0, 1_999, 2_000, 19_999, 20_000, 60_000, 500_000])
            }
            backlog.waiting += (target - backlog.waiting) / Int64(random.int(1...10))
            let seconds = backlog.observe()
            let news = backlog.news()
            if startedAt == nil, backlog.waiting >= 20_000 {
                startedAt = backlog.now
                toldAt = nil
            }
            guard let start = startedAt else {
                #expect(news == nil)
                continue
            }
            let age = backlog.now - start
            if backlog.waiting < 2_000 {
                #expect(news == DrainProgress.News.drained(seconds: age / 1_000))
                startedAt = nil
                continue
            }
            // After five seconds, when there is a rate, and then every thirty.
            let isTime = toldAt.map { backlog.now - $0 >= 30_000 } ?? (age >= 5_000)
            guard case .draining(let events, _, let left)? = news else {
                #expect(news == nil)
                #expect(!isTime)
                continue
            }
            let expected = seconds.isFinite ? Int64(seconds.rounded(.up)) : nil
            #expect(isTime)
            #expect(events == backlog.waiting)
            #expect(left == expected)
            toldAt = backlog.now
        }
    }
}
