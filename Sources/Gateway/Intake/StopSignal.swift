// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Tells a thread to end, and wakes it so that it hears.
final class StopSignal: Sendable {
    let wakeUp = WakeUp()
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() {
        flag.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    /// Waits, or until the signal is set.
    func wait(milliseconds: Int64) {
        guard !isSet else { return }
        var descriptor = pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&descriptor, 1, Int32(clamping: milliseconds))
    }
}
