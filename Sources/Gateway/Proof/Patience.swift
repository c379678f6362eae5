// SPDX-License-Identifier: Apache-2.0

/// Runs out when nothing has moved for a while, however long the whole takes.
///
/// A proof must not call lost what a slow machine has not brought yet.
struct Patience<State: Equatable> {
    /// How long nothing may move.
    static var seconds: Double { 30 }

    private var last: State?
    private var movedAt: UInt64 = 0

    /// Notes how far things are, and tells whether they have stood still for too long.
    mutating func isSpent(at state: State) -> Bool {
        let time = WallClock.monotonicNanoseconds()
        if state != last {
            last = state
            movedAt = time
        }
        return Double(time - movedAt) / 1e9 > Self.seconds
    }
}
