// SPDX-License-Identifier: Apache-2.0

/// How many events may leave now, so that no more than so many a second do: a token bucket that holds
/// a tenth of a second.
struct RateLimit {
    let perSecond: Double
    private var tokens: Double
    private var filledAt: Timestamp?

    init(perSecond: Int) {
        self.perSecond = Double(perSecond)
        tokens = 0
    }

    /// How many may leave now.
    mutating func allowance(now: Timestamp) -> Int {
        let elapsed = filledAt.map { max(0, now - $0) } ?? 100
        filledAt = now
        tokens = min(max(1, perSecond / 10), tokens + perSecond * Double(elapsed) / 1_000)
        return Int(tokens)
    }

    mutating func take(_ count: Int) {
        tokens -= Double(count)
    }

    /// Milliseconds until one more may leave.
    var waitMilliseconds: Int64 {
        tokens >= 1 ? 0 : Int64(((1 - tokens) / perSecond * 1_000).rounded(.up))
    }
}
