// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Testing

@testable import Gateway

@Suite struct FeedBoxTests {
    private let reader = FeedReader()
    private let stop = StopSignal()

    private func record(_ text: String) -> FeedRecord { FeedRecord(payload: Array(text.utf8)) }

    /// Fills the box, and puts one more from a thread of its own.
    private func putWhenFull() -> Waiting {
        let box = reader.box
        let large = FeedRecord(payload: [UInt8](repeating: 0, count: 5 << 20))
        #expect(box.put([large], attempt: box.attempt, stop: stop))
        let waiting = Waiting()
        let record = record("late")
        let attempt = box.attempt
        Thread { [stop] in
            let result = box.put([record], attempt: attempt, stop: stop)
            waiting.result.withLock { $0 = result }
        }
        .start()
        return waiting
    }

    /// What a put that waits has come to.
    private final class Waiting: Sendable {
        let result = Mutex<Bool?>(nil)
        var value: Bool? { result.withLock { $0 } }
    }

    private func waitFor(_ waiting: Waiting) async throws -> Bool? {
        let deadline = Date().addingTimeInterval(20)
        while waiting.value == nil, Date() < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        return waiting.value
    }

    @Test func recordsComeOutInOrderWithWhatBelongsToThem() {
        var first = record("one")
        first.key = Array("k".utf8)
        first.place.offset = 7
        var second = record("two")
        second.failure = "line 2 has 1 field, the header has 2"
        #expect(reader.box.put([first, second], attempt: 0, stop: stop))
        reader.take()
        #expect(reader.payloads == ["one", "two"])
        #expect(reader.keys == ["k", nil])
        #expect(reader.places[0].offset == 7)
        #expect(reader.places[1].failure == second.failure)
    }

    @Test func takeStopsWhenTheBatchIsFull() {
        var limits = LimitsConfiguration()
        limits.batchMessagesMax = 2
        #expect(reader.box.put((0..<5).map { record("\($0)") }, attempt: 0, stop: stop))
        var batch = MessageBatch()
        reader.box.take(into: &batch, feed: 0, limits: limits, at: WallClock.now())
        #expect(batch.messages.count == 2)
        #expect(reader.box.hasRecords)
        reader.take()
        #expect(reader.payloads == ["2", "3", "4"])
    }

    @Test func takeLeavesRoomForTheMessagesOfVehicles() {
        #expect(reader.box.put((0..<5).map { record("\($0)") }, attempt: 0, stop: stop))
        var batch = MessageBatch()
        for count in [2, 4, 5, 5] {
            reader.box.take(
                into: &batch,
                feed: 0,
                limits: LimitsConfiguration(),
                recordsMax: 2,
                at: WallClock.now()
            )
            #expect(batch.messages.count == count)
        }
        #expect(!reader.box.hasRecords)
    }

    @Test func fullBoxLetsTheFeedWaitUntilThereIsRoom() async throws {
        let waiting = putWhenFull()
        #expect(waiting.value == nil)
        reader.take()
        #expect(try await waitFor(waiting) == true)
        reader.take()
        #expect(reader.payloads.last == "late")
    }

    @Test func beginningAgainDropsWhatWaitsAndTellsTheFeed() async throws {
        let waiting = putWhenFull()
        reader.box.beginAgain()
        #expect(try await waitFor(waiting) == false)
        #expect(!reader.box.hasRecords)
        #expect(!reader.box.put([record("old")], attempt: 0, stop: stop))
        #expect(reader.box.put([record("new")], attempt: reader.box.attempt, stop: stop))
        reader.take()
        #expect(reader.payloads == ["new"])
    }

    @Test func stopEndsTheWait() async throws {
        let waiting = putWhenFull()
        stop.set()
        #expect(try await waitFor(waiting) == false)
    }
}
