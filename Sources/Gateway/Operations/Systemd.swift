// SPDX-License-Identifier: Apache-2.0

import CSystemd

/// Tells the service manager what the process does: see sd_notify(3).
///
/// Without systemd (no `NOTIFY_SOCKET` in the environment) all of it does nothing.
struct Systemd: Sendable {
    private let send: @Sendable (String) -> Void

    /// Creates a channel to the service manager; tests pass their own.
    init(send: @escaping @Sendable (String) -> Void = Systemd.notify) {
        self.send = send
    }

    /// Says that the start is complete; `systemctl start` waits for this.
    func ready(status text: String) {
        send("READY=1\nSTATUS=\(Self.oneLine(text))")
    }

    /// Says that the process is about to end.
    func stopping() {
        send("STOPPING=1")
    }

    /// Sets the line that `systemctl status` shows.
    func status(_ text: String) {
        send("STATUS=\(Self.oneLine(text))")
    }

    /// Says that the process still works.
    func keepAlive() {
        send("WATCHDOG=1")
    }

    /// How long the service manager waits for a keep-alive before it kills, or nil if it doesn't
    /// (`WatchdogSec` of the unit, handed over in `WATCHDOG_USEC`).
    static func watchdogInterval() -> Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return .microseconds(Int64(clamping: microseconds))
    }

    /// Sends one message to the service manager.
    ///
    /// A failure is ignored: there is nobody to tell, and the service manager notices silence.
    static func notify(_ message: String) {
        _ = unsafe sd_notify(0, message)
    }

    /// A line feed would begin another assignment.
    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
