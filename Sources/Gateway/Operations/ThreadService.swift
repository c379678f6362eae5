// SPDX-License-Identifier: Apache-2.0
import Foundation
import ServiceLifecycle
import Synchronization

/// A loop on a thread of its own, as a service.
struct ThreadService: Service {
    let name: String
    let stop: StopSignal
    /// How long after a stop the loop is waited for; `nil` is for ever.
    ///
    /// A call into a library may wait for a broker without end. Nothing depends on an orderly stop, so
    /// the process then ends without that thread.
    var graceSeconds: Double?
    let body: @Sendable () throws -> Void

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await runOnThread()
            } onCancel: {
                stop.set()
            }
        } onGracefulShutdown: {
            stop.set()
        }
    }

    private func runOnThread() async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            let waiting = Waiting(done)
            start(name) { waiting.finish(Result { try body() }) }
            guard let graceSeconds else { return }
            start(name + "-end") {
                while !stop.isSet { stop.wait(milliseconds: 60_000) }
                Thread.sleep(forTimeInterval: graceSeconds)
                waiting.finish(.success(()))
            }
        }
    }

    private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    /// Who waits for the loop's end, until the first of the two threads tells it.
    private final class Waiting: Sendable {
        private let continuation: Mutex<CheckedContinuation<Void, any Error>?>

        init(_ continuation: CheckedContinuation<Void, any Error>) {
            self.continuation = Mutex(continuation)
        }

        func finish(_ result: Result<Void, any Error>) {
            let waiting = continuation.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            waiting?.resume(with: result)
        }
    }
}
