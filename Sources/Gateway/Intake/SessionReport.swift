// SPDX-License-Identifier: Apache-2.0
import CoreMetrics
import Logging

/// What a session says about itself: up and down, once each; belongs to the intake loop.
final class SessionReport {
    let logger: Logger
    let metrics: SourceMetrics
    private let part: Health.Part
    private let health: Health
    private var downReason: String?

    init(source: String, part: Health.Part, health: Health, metrics: SourceMetrics, logger: Logger)
    {
        self.part = part
        self.health = health
        self.metrics = metrics
        var logger = logger
        logger[metadataKey: LogKeys.source] = "\(source)"
        self.logger = logger
    }

    /// The broker keeps what is published.
    func up(isResumed: Bool) {
        logger.notice("session up", metadata: ["resumed": "\(isResumed)"])
        downReason = nil
        health.isUp(part)
        metrics.sessionUp.set(1)
    }

    /// Messages do not come in; says why once, and again only when the reason changes.
    func down(because reason: String) {
        health.isDown(part, because: reason)
        metrics.sessionUp.set(0)
        guard downReason != reason else { return }
        downReason = reason
        logger.warning("session down", metadata: [LogKeys.reason: "\(reason)"])
    }

    /// The session ends with the gateway, which needs no warning.
    func stopping() {
        health.isDown(part, because: "the gateway is stopping")
    }
}
