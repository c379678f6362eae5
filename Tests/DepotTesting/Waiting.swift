// SPDX-License-Identifier: Apache-2.0
// Waiting for conditions, never for time.
import Foundation
import Synchronization

@testable import Gateway

/// Waits for a condition without holding a thread; throws when it does not come.
func until(
    _ what: String,
    seconds: Double = 60,
    explain: () -> String = { "" },
    _ condition: () throws -> Bool
) async throws {
    let deadline = Date().addingTimeInterval(seconds)
    while try !condition() {
        guard Date() < deadline else {
            throw DepotError(
                description: "waited \(Int(seconds)) s in vain until \(what) \(explain())"
            )
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Runs what blocks for long on a thread of its own, so that other tests go on.
func offPool<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws
    -> Result
{
    let result = Mutex<Result?>(nil)
    try await onOwnThread("test") {
        let value = try body()
        result.withLock { $0 = value }
    }
    return try unwrapped(result.withLock { $0 })
}

/// What a thread has left, or why there is nothing.
private func unwrapped<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw DepotError(description: "the thread left no result") }
    return value
}
