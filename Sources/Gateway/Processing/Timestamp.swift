// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation

/// A point in time, in milliseconds since 1970 UTC.
struct Timestamp: Hashable, Comparable, Sendable {
    var milliseconds: Int64

    /// Before every time there is, with room for arithmetic.
    static let distantPast = Timestamp(milliseconds: -(1 << 52))
    static let distantFuture = Timestamp(milliseconds: 1 << 52)

    /// Microseconds since 1970; a time that a foreign clock made up may be beyond what they can tell.
    var microseconds: Int64 {
        let (product, isOverflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
        guard isOverflow else { return product }
        return milliseconds < 0 ? .min : .max
    }

    static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    static func + (left: Timestamp, milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: left.milliseconds + milliseconds)
    }

    static func - (left: Timestamp, right: Timestamp) -> Int64 {
        left.milliseconds - right.milliseconds
    }
}

/// The one place where the wall clock is read: live running hands its time to pure code.
enum WallClock {
    static func now() -> Timestamp {
        Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down)))
    }

    /// Milliseconds of a clock that never jumps; for pacing, where a wall clock that is set back would
    /// hold everything up.
    static func uptime() -> Timestamp {
        Timestamp(milliseconds: Int64(monotonicNanoseconds() / 1_000_000))
    }

    /// Nanoseconds of a clock that never jumps; for measuring.
    static func monotonicNanoseconds() -> UInt64 {
        DispatchTime.now().uptimeNanoseconds
    }
}
