// SPDX-License-Identifier: Apache-2.0
// A watchdog that a timer feeds proves that the timer works. This one passes on the progress of the
// intake loop, so a loop that hangs (a dead disk, a deadlock) gets the process restarted.

import Logging
import ServiceLifecycle

/// Feeds systemd's watchdog for as long as the intake loop makes progress.
struct SystemdWatchdog: Service {
    private let interval: Duration?
    private let health: Health
    private let systemd: Systemd
    private let logger: Logger
    private let clock: any Clock<Duration>

    /// Creates the watchdog service.
    ///
    /// - Parameters:
    ///   - health: Where the intake loop reports its progress.
    ///   - systemd: Where keep-alives are sent.
    ///   - logger: Where a standstill is logged.
    ///   - interval: `WatchdogSec`; with nil the service does nothing until it is stopped. It
    ///     should be 10 s or more, because an idle intake loop moves only once a second.
    ///   - clock: What the time between keep-alives is measured with.
    init(
        health: Health,
        systemd: Systemd,
        logger: Logger,
        interval: Duration? = Systemd.watchdogInterval(),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.interval = interval
        self.health = health
        self.systemd = systemd
        self.logger = logger
        self.clock = clock
    }

    /// Sends keep-alives at half the interval until graceful shutdown.
    func run() async throws {
        guard let interval else { return try await gracefulShutdown() }
        await cancelWhenGracefulShutdown {
            await feed(every: interval)
        }
    }

    private func feed(every interval: Duration) async {
        var seenCount = health.intakeProgressCount
        var isWithheld = false
        while !Task.isCancelled {
            // After a missed beat the deadline is near: look more often, so that a loop that
            // recovers in time isn't killed for it.
            do {
                try await clock.sleep(for: isWithheld ? interval / 8 : interval / 2)
            } catch { return }
            let count = health.intakeProgressCount
            let hasMoved = count != seenCount
            seenCount = count
            if hasMoved {
                systemd.keepAlive()
            } else if !isWithheld {
                logger.error("intake loop stands still: watchdog not fed")
            }
            isWithheld = !hasMoved
        }
    }
}
