// SPDX-License-Identifier: Apache-2.0
// Changes of tables on the intake loop's side: it reads the sessions of feeds over MQTT, and takes what
// feeds with a thread of their own (Kafka, files) have put into their boxes.

/// The feeds of tables, which share what room a batch has for them.
struct TableFeeds {
    /// Changes of all feeds together that one batch takes: while tables are loaded, vehicles' messages
    /// wait for so many rows at most, and find room beside them.
    static let changesMax = 200

    private let sessions: [MQTTSession]
    private let boxes: [Feed]
    private let names: [String]
    /// Feeds are counted behind sources.
    private let firstIndex: Int
    private let limits: LimitsConfiguration
    private let health: Health
    /// Which feed reads first; it takes what it finds, and the others what it leaves.
    private var first = 0
    /// How many changes the batch still takes.
    private var changesLeft = 0

    init(
        sessions: [MQTTSession],
        boxes: [Feed],
        configuration: Configuration,
        health: Health
    ) {
        self.sessions = sessions
        self.boxes = boxes
        names = configuration.tables.map(\.name)
        firstIndex = configuration.sources.count
        limits = configuration.limits
        self.health = health
    }

    /// Whether records wait in boxes.
    var hasRecords: Bool { boxes.contains { $0.box.hasRecords } }

    /// The tables of which silence does not mean that nothing changes: records wait, or the feed is down.
    ///
    /// Sessions know it of themselves.
    var unheard: [Int] {
        boxes.filter { $0.box.hasRecords || !health.isTableUp(names[$0.table]) }.map(\.table)
    }

    /// Gives the next feed the first turn, and all of them room.
    mutating func beginBatch() {
        first += 1
        changesLeft = max(1, min(Self.changesMax, limits.batchMessagesMax / 2))
    }

    /// Reads changes into the batch that has begun, as long as it has room for them.
    mutating func read(into batch: inout MessageBatch, now: Timestamp) {
        let count = sessions.count + boxes.count
        for turn in 0..<count where changesLeft > 0 {
            let before = batch.messages.count
            let index = (first + turn) % count
            if index < sessions.count {
                sessions[index].read(into: &batch, now: now, messagesMax: changesLeft)
            } else {
                take(boxes[index - sessions.count], into: &batch, now)
            }
            changesLeft -= batch.messages.count - before
        }
    }

    private func take(_ feed: Feed, into batch: inout MessageBatch, _ now: Timestamp) {
        feed.box.take(
            into: &batch,
            feed: firstIndex + feed.table,
            limits: limits,
            recordsMax: changesLeft,
            at: now
        )
    }

    /// Tells feeds which file was not taken: that shows only when its rows are applied.
    func tellRefusals(of tables: [ReferenceTable]) {
        for feed in boxes {
            let table = tables[feed.table]
            guard let mark = table.refusedMark else { continue }
            table.refusedMark = nil
            feed.box.refuse(mark: mark, because: FileFeedLoop.noRowReason)
        }
    }

    /// What was taken did not become durable: feeds go back to what the log has.
    ///
    /// Sessions are abandoned with all others.
    func beginAgain() {
        for feed in boxes { feed.box.beginAgain() }
    }
}
