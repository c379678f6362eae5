// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Wakes a thread that polls: an eventfd(2).
final class WakeUp: Sendable {
    let descriptor: Int32

    init() {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(descriptor >= 0, "no file descriptor for an eventfd")
    }

    deinit {
        close(descriptor)
    }

    /// Wakes the thread, or its next poll if it is not waiting.
    func signal() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Takes all signals.
    func clear() {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
    }
}

/// Runs blocking work on a thread of its own, off the cooperative pool.
func onOwnThread(_ name: String, _ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
        let thread = Thread {
            done.resume(with: Result { try body() })
        }
        thread.name = name
        thread.start()
    }
}
