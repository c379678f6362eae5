// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next attempt: doubling up to a cap, with full jitter in the upper
/// half, so that a depot's gateways do not come back in step.
struct Backoff: Sendable {
    let minMilliseconds: Int64
    let maxMilliseconds: Int64
    private(set) var attempts = 0

    init(minMilliseconds: Int64, maxMilliseconds: Int64) {
        self.minMilliseconds = minMilliseconds
        self.maxMilliseconds = maxMilliseconds
    }

    /// The next wait in milliseconds; `random` is from 0 to 1.
    mutating func next(random: Double = .random(in: 0...1)) -> Int64 {
        let doubled = minMilliseconds << Int64(min(attempts, 30))
        let ceiling = min(max(doubled, minMilliseconds), maxMilliseconds)
        attempts += 1
        return ceiling / 2 + Int64(Double(ceiling - ceiling / 2) * random)
    }

    mutating func reset() {
        attempts = 0
    }
}
