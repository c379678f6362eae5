// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct BackoffTests {
    @Test func waitDoublesUpToItsCap() {
        var backoff = Backoff(minMilliseconds: 200, maxMilliseconds: 3_000)
        #expect(
            (0..<6).map { _ in backoff.next(random: 1) } == [200, 400, 800, 1_600, 3_000, 3_000]
        )
    }

    @Test func jitterTakesAwayAtMostHalf() {
        var backoff = Backoff(minMilliseconds: 200, maxMilliseconds: 3_000)
        #expect((0..<6).map { _ in backoff.next(random: 0) } == [100, 200, 400, 800, 1_500, 1_500])
    }

    @Test func waitStaysInItsBoundsForEver() {
        var backoff = Backoff(minMilliseconds: 10, maxMilliseconds: 30_000)
        for _ in 0..<1_000 { #expect((5...30_000).contains(backoff.next())) }
    }

    @Test func onlyAConnectionThatHeldStartsOver() {
        var backoff = Backoff(minMilliseconds: 200, maxMilliseconds: 3_000)
        _ = backoff.next()
        backoff.connectionEnded(afterMilliseconds: 4_999)
        #expect(backoff.next(random: 1) == 400)
        backoff.connectionEnded(afterMilliseconds: 5_000)
        #expect(backoff.next(random: 1) == 200)
    }

    @Test func resetStartsOver() {
        var backoff = Backoff(minMilliseconds: 200, maxMilliseconds: 3_000)
        for _ in 0..<5 { _ = backoff.next() }
        backoff.reset()
        #expect(backoff.next(random: 1) == 200)
    }
}
