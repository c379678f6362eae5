// SPDX-License-Identifier: Apache-2.0
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
}
