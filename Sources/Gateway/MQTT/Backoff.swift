// SPDX-License-Identifier: Apache-2.0

/// How long to wait before the next attempt: doubling up to a cap, with full jitter in the upper
/// half, so that a depot's gateways do not come back in step.
struct Backoff: Sendable {
    let minMilliseconds: Int64
    let maxMilliseconds: Int64
    private(set) var attempts = 0
    /// Connections in a row that broke soon after they came up.
    private var shortLived = 0

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

    /// A connection has ended.
    ///
    /// One that broke soon after it came up is a failed attempt: two clients with one id, who push
    /// each other out as often as they connect, must not do so ten times a second.
    mutating func connectionEnded(afterMilliseconds uptime: Int64) {
        if uptime >= Self.stableMilliseconds {
            reset()
            shortLived = 0
        } else {
            shortLived += 1
        }
    }

    /// What may be the matter when connections break again and again soon after they came up.
    ///
    /// mosquitto 2.0 closes the older of two connections with one client id without a word.
    func hint(clientID: String) -> String {
        shortLived < 3
            ? "" : "; soon after it came up, as before: does another client use '\(clientID)'?"
    }

    private static let stableMilliseconds: Int64 = 5_000
}
