// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Gateway

@Suite struct SystemdTests {
    @Test func statusCannotSmuggleInAnotherAssignment() {
        let sent = Sent()
        let systemd = Systemd(send: sent.append)
        systemd.ready(status: "2 sources up")
        systemd.status("broker says\nWATCHDOG=1\r\nbye")
        systemd.stopping()

        #expect(
            sent.messages == [
                "READY=1\nSTATUS=2 sources up", "STATUS=broker says WATCHDOG=1 bye", "STOPPING=1",
            ]
        )
    }

    // Goal: keep-alives follow the loop, not the clock. Method: a clock whose sleeps return at once
    // and say, by their number, whether the loop moves before the next look.
    @Test(.timeLimit(.minutes(1))) func watchdogIsFedOnlyWhileIntakeMoves() async throws {
        let sent = Sent()
        let health = Health(sources: [], sinks: [])
        let clock = ScriptedClock(script: [true, true, false, false, true]) { moves in
            if moves { health.intakeProgressed() }
            sent.append(moves ? "moved" : "stood still")
        }
        let watchdog = SystemdWatchdog(
            health: health,
            systemd: Systemd(send: sent.append),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            interval: .seconds(8),
            clock: clock
        )
        try await watchdog.run()

        #expect(
            sent.messages == [
                "moved", "WATCHDOG=1", "moved", "WATCHDOG=1", "stood still", "stood still",
                "moved", "WATCHDOG=1",
            ]
        )
        // After a missed beat it looks again after an eighth of the interval.
        let expected: [Duration] = [4, 4, 4, 1, 1, 4].map { .seconds($0) }
        #expect(clock.sleeps == expected)
    }
}

/// What was sent to the service manager, in order.
private final class Sent: Sendable {
    private let list = Mutex<[String]>([])

    var messages: [String] { list.withLock { $0 } }

    @Sendable func append(_ message: String) { list.withLock { $0.append(message) } }
}

/// A clock that never waits: it runs a script, one step per sleep, and then cancels the sleeper.
private final class ScriptedClock: Clock {
    typealias Instant = ContinuousClock.Instant

    private let script: [Bool]
    private let step: @Sendable (Bool) -> Void
    private let slept = Mutex<[Duration]>([])
    private let start = ContinuousClock.now

    init(script: [Bool], step: @escaping @Sendable (Bool) -> Void) {
        self.script = script
        self.step = step
    }

    var sleeps: [Duration] { slept.withLock { $0 } }
    var now: Instant { start }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let index = slept.withLock { slept in
            slept.append(start.duration(to: deadline))
            return slept.count - 1
        }
        guard index < script.count else { throw CancellationError() }
        step(script[index])
    }
}
