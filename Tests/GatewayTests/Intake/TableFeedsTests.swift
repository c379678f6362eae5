// SPDX-License-Identifier: Apache-2.0
// Goal: however much waits in feeds, a batch has room for what vehicles say. Method: boxes that hold more
// than a batch takes. That sessions are held to the same is in IntegrationTests/TableFeedsTests.
import Testing

@testable import Gateway

@Suite struct TableFeedsTests {
    /// Feeds of as many tables as there are counts, each with so many changes waiting.
    private func feeds(_ counts: Int..., batchMessagesMax: Int = 1_000) throws -> TableFeeds {
        var configuration = try Configuration.testing()
        configuration.limits.batchMessagesMax = batchMessagesMax
        let boxes = counts.enumerated()
            .map { table, count in
                let box = FeedBox(topic: "table-\(table)", intake: WakeUp())
                let records = (0..<count).map { FeedRecord(payload: Array("\($0)".utf8)) }
                #expect(box.put(records, attempt: 0, stop: StopSignal()))
                return Feed(table: table, box: box)
            }
        return TableFeeds(
            sessions: [],
            boxes: boxes,
            configuration: configuration,
            health: Health(sources: ["vehicles"], sinks: [])
        )
    }

    /// The changes of one batch by table, with a second read as after a wait for company.
    private func readBatch(_ feeds: inout TableFeeds) -> [Int: Int] {
        var batch = MessageBatch()
        feeds.beginBatch()
        for _ in 1...2 { feeds.read(into: &batch, now: WallClock.now()) }
        // One source stands before the feeds.
        return Dictionary(batch.messages.map { ($0.source - 1, 1) }, uniquingKeysWith: +)
    }

    @Test func allFeedsTogetherAreHeldToTheBound() throws {
        var feeds = try feeds(500, 500, 500)
        for _ in 1...7 {
            #expect(readBatch(&feeds).values.reduce(0, +) == TableFeeds.changesMax)
        }
        #expect(readBatch(&feeds).values.reduce(0, +) == 1_500 - 7 * TableFeeds.changesMax)
        #expect(!feeds.hasRecords)
    }

    @Test func feedsTakeTurns() throws {
        var feeds = try feeds(200, 200, 200)
        let batches = (1...3).map { _ in readBatch(&feeds) }
        #expect(Set(batches.flatMap(\.keys)) == [0, 1, 2])
        #expect(batches.allSatisfy { $0.count == 1 })
    }

    @Test func whatOneFeedLeavesTheOthersTake() throws {
        var feeds = try feeds(0, 500, 20)
        let first = readBatch(&feeds)
        let second = readBatch(&feeds)
        #expect(first == [1: 200])
        #expect(second == [1: 180, 2: 20])
    }

    @Test(arguments: [(10, 5), (1, 1)])
    func smallBatchKeepsHalfForVehicles(messagesMax: Int, changes: Int) throws {
        var feeds = try feeds(50, batchMessagesMax: messagesMax)
        #expect(readBatch(&feeds) == [0: changes])
    }
}
