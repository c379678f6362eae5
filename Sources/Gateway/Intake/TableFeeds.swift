// SPDX-License-Identifier: Apache-2.0
// Changes of tables whose feed has a thread of its own: the intake loop takes them from the feeds' boxes,
// and says there what came of them.

/// The feeds of tables, on the intake loop's side.
struct TableFeeds {
    /// Records of feeds that one batch takes: while a table is loaded, vehicles' messages wait for so many
    /// rows at most, and find room beside them.
    static let recordsMax = 200

    private let feeds: [Feed]
    private let names: [String]
    /// Feeds are counted behind sources.
    private let firstIndex: Int
    private let limits: LimitsConfiguration
    private let health: Health

    init(_ feeds: [Feed], configuration: Configuration, health: Health) {
        self.feeds = feeds
        names = configuration.tables.map(\.name)
        firstIndex = configuration.sources.count
        limits = configuration.limits
        self.health = health
    }

    /// Whether records wait.
    var hasRecords: Bool { feeds.contains { $0.box.hasRecords } }

    /// The tables of which silence does not mean that nothing changes: records wait, or the feed is down.
    var unheard: [Int] {
        feeds.filter { $0.box.hasRecords || !health.isTableUp(names[$0.table]) }.map(\.table)
    }

    /// Moves records into a batch, of each feed that has some.
    func read(into batch: inout MessageBatch, now: Timestamp) {
        let waiting = feeds.filter { $0.box.hasRecords }
        let recordsMax = min(Self.recordsMax, limits.batchMessagesMax / 2)
        for feed in waiting {
            feed.box.take(
                into: &batch,
                feed: firstIndex + feed.table,
                limits: limits,
                recordsMax: max(1, recordsMax / waiting.count),
                at: now
            )
        }
    }

    /// Tells feeds which file was not taken: that shows only when its rows are applied.
    func tellRefusals(of tables: [ReferenceTable]) {
        for feed in feeds {
            let table = tables[feed.table]
            guard let mark = table.refusedMark else { continue }
            table.refusedMark = nil
            feed.box.refuse(
                mark: mark,
                because:
                    "no row of the file could be taken; the dead letters say why, and the table stays as it is"
            )
        }
    }

    /// What was taken did not become durable: every feed goes back to what the log has.
    func beginAgain() {
        for feed in feeds { feed.box.beginAgain() }
    }
}
