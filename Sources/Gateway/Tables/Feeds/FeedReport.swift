// SPDX-License-Identifier: Apache-2.0
import Logging

/// What a table's feed says about itself: up and down, once each; belongs to its loop.
final class FeedReport: LinkReport {
    let logger: Logger
    private let table: String
    private let health: Health
    private var downReason: String?
    /// What was said since the feed was up: the brokers of a cluster complain in turn.
    private var saidReasons: Set<String> = []
    private static let saidReasonsMax = 100
    private var hasSpoken = false

    init(table: TableConfiguration, health: Health, logger: Logger) {
        self.table = table.name
        self.health = health
        var logger = logger
        logger[metadataKey: LogKeys.table] = "\(table.name)"
        self.logger = logger
    }

    var isUp: Bool { downReason == nil && hasSpoken }

    /// Whatever changes at the source is heard.
    func up() {
        guard !isUp else { return }
        logger.notice("table feed up")
        downReason = nil
        saidReasons.removeAll()
        hasSpoken = true
        health.tableIsUp(table)
    }

    /// It is not heard; says each reason once, until the feed was up again.
    ///
    /// Whoever debugs the log also sees each time that it was found again.
    func down(because reason: String) {
        if downReason != reason {
            downReason = reason
            health.tableIsDown(table, because: reason)
        }
        guard saidReasons.count < Self.saidReasonsMax, saidReasons.insert(reason).inserted else {
            return logger.debug("table feed still down", metadata: [LogKeys.reason: "\(reason)"])
        }
        logger.warning("table feed down", metadata: [LogKeys.reason: "\(reason)"])
    }
}
