// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

// Set by the signal handler, which may do little else (signal-safety(7)).
private let cancelFlag = Atomic<Bool>(false)
private let endFlag = Atomic<Bool>(false)
private let wakeUp = WakeUp()

/// Ctrl-C ends a statement; TERM and a closed terminal end the program.
///
/// A signal reaches any thread of the process, so it can't be relied upon to interrupt a call: what
/// waits looks at `wake` as well.
enum QuerySignals {
    /// Readable from a signal until `rearm`.
    static var wake: Int32 { wakeUp.descriptor }

    /// Ctrl-C was pressed, or the program shall end: the running statement must stop.
    static var isCancelled: Bool { cancelFlag.load(ordering: .acquiring) || isEnding }

    /// The program shall end.
    static var isEnding: Bool { endFlag.load(ordering: .acquiring) }

    /// Forgets a Ctrl-C before the next statement.
    static func rearm() {
        cancelFlag.store(false, ordering: .releasing)
        if !isEnding { wakeUp.clear() }
    }

    /// Watches the signals from now on, for as long as the process lives.
    static func watch() {
        // Made here, because a handler may not.
        _ = wake
        signal(SIGINT) { _ in
            let before = errno
            cancelFlag.store(true, ordering: .releasing)
            wakeUp.signal()
            errno = before
        }
        for number in [SIGTERM, SIGHUP] {
            signal(number) { _ in
                let before = errno
                endFlag.store(true, ordering: .releasing)
                wakeUp.signal()
                errno = before
            }
        }
        // A pipe that nobody reads any more is an error of `write`, and no reason to die.
        signal(SIGPIPE, SIG_IGN)
    }
}
