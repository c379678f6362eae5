// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Set by the signal handler, which may do little else (signal-safety(7)).
private let interruptFlag = Atomic<Bool>(false)

/// Ctrl-C, TERM and a closed terminal as a flag, so that a command cleans up before it ends.
struct Interrupt: Sendable {
    var isSet: Bool { interruptFlag.load(ordering: .acquiring) }

    /// Watches the signals from now on, for as long as the process lives.
    static func watched() -> Interrupt {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in interruptFlag.store(true, ordering: .releasing) }
        }
        return Interrupt()
    }
}
