// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Publishes a trace at its own pace times a factor, or as fast as the broker acknowledges.
struct Replay {
    /// `nil` is as fast as it goes.
    let speed: Double?
    let interrupt: Interrupt

    /// Publishes every line and waits for the acknowledgements; gives how many were published.
    func run(
        _ trace: TraceFile,
        to publisher: Publisher,
        willPublish: (TraceLine) -> Void = { _ in }
    ) throws -> Int {
        let started = WallClock.monotonicNanoseconds()
        var first: Timestamp?
        var count = 0
        while !interrupt.isSet, let line = try trace.next() {
            if let speed {
                let start = first ?? line.time
                first = start
                let due = Double(line.time - start) / speed
                try wait(until: due, since: started, publisher)
            }
            while !publisher.hasRoom, !interrupt.isSet { try publisher.pump(milliseconds: 10) }
            willPublish(line)
            try publisher.publish(topic: line.topic, payload: line.payload, number: count)
            count += 1
            if count.isMultiple(of: 32) || speed != nil { try publisher.pump(milliseconds: 0) }
        }
        while !publisher.isIdle, !interrupt.isSet { try publisher.pump(milliseconds: 20) }
        return count
    }

    private func wait(
        until milliseconds: Double,
        since started: UInt64,
        _ publisher: Publisher
    )
        throws
    {
        while !interrupt.isSet {
            let elapsed = Double(WallClock.monotonicNanoseconds() - started) / 1e6
            guard elapsed < milliseconds else { return }
            try publisher.pump(milliseconds: Int32(min(50, max(1, milliseconds - elapsed))))
        }
    }
}
