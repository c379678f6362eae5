// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Wakes a thread that polls: a pipe whose read end it polls (the self-pipe trick).
final class WakeUp: Sendable {
    /// The end to poll for reading.
    let descriptor: Int32
    /// The end to write a byte to, for libraries that wake by themselves.
    let writeDescriptor: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(unsafe pipe(&ends) == 0, "no file descriptors for a pipe")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        descriptor = ends[0]
        writeDescriptor = ends[1]
    }

    deinit {
        close(descriptor)
        close(writeDescriptor)
    }

    /// Wakes the thread, or its next poll if it is not waiting.
    ///
    /// A full pipe wakes it as well.
    func signal() {
        var byte: UInt8 = 0
        _ = unsafe write(writeDescriptor, &byte, 1)
    }

    /// Takes all signals.
    func clear() {
        unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while unsafe read(descriptor, buffer.baseAddress, buffer.count) == buffer.count {}
        }
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
