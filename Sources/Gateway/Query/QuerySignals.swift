// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Set by the signal handler, which may do little else (signal-safety(7)).
private let cancelFlag = Atomic<Bool>(false)
private let endFlag = Atomic<Bool>(false)

/// Ctrl-C ends a statement; TERM and a closed terminal end the program.
///
/// Both interrupt what blocks: unlike `Interrupt`, the handlers are set without SA_RESTART.
enum QuerySignals {
    /// Ctrl-C was pressed, or the program shall end: the running statement must stop.
    static var isCancelled: Bool { cancelFlag.load(ordering: .acquiring) || isEnding }

    /// The program shall end.
    static var isEnding: Bool { endFlag.load(ordering: .acquiring) }

    /// Forgets a Ctrl-C before the next statement.
    static func rearm() {
        cancelFlag.store(false, ordering: .releasing)
    }

    /// Watches the signals from now on, for as long as the process lives.
    static func watch() {
        install(SIGINT) { _ in cancelFlag.store(true, ordering: .releasing) }
        install(SIGTERM) { _ in endFlag.store(true, ordering: .releasing) }
        install(SIGHUP) { _ in endFlag.store(true, ordering: .releasing) }
        // A pipe that nobody reads any more is an error of `write`, and no reason to die.
        signal(SIGPIPE, SIG_IGN)
    }

    private static func install(
        _ number: Int32,
        _ handler: @escaping @convention(c) (Int32) -> Void
    ) {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = handler
        unsafe sigaction(number, &action, nil)
    }
}
