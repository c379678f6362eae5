// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct KafkaFeedProgressTests {
    private typealias Start = KafkaFeedProgress.Start

    private func place(_ partition: Int32, _ offset: Int64) -> RecordPlace {
        RecordPlace(partition: partition, offset: offset)
    }

    /// `#expect` takes no call that changes its object.
    private func isCaughtUp(_ progress: inout KafkaFeedProgress) -> Bool {
        progress.takeCaughtUp()
    }

    @Test func partitionsGoOnWhereTheyWereAndOthersBeginAtTheirBeginning() {
        var progress = KafkaFeedProgress([KafkaPosition(topic: "t", partition: 1, offset: 7)])
        let starts = progress.begin([0..<3, 5..<9])
        #expect(starts == [0: Start(offset: KafkaFeedProgress.beginning), 1: Start(offset: 7)])
    }

    @Test(arguments: [Int64(4), 10])
    func placeThatIsNotThereIsMissed(offset: Int64) {
        var progress = KafkaFeedProgress([KafkaPosition(topic: "t", offset: offset)])
        let starts = progress.begin([5..<9])
        #expect(starts == [0: Start(offset: KafkaFeedProgress.beginning, missed: offset)])
        #expect(progress.next[0] == nil)
    }

    @Test(arguments: [Int64(5), 9])
    func placeAtEitherEdgeIsThere(offset: Int64) {
        var progress = KafkaFeedProgress([KafkaPosition(topic: "t", offset: offset)])
        let starts = progress.begin([5..<9])
        #expect(starts == [0: Start(offset: offset)])
    }

    @Test func caughtUpIsToldOnceWhenAllPartitionsAreRead() {
        var progress = KafkaFeedProgress()
        _ = progress.begin([0..<2, 0..<1, 4..<4])
        #expect(!isCaughtUp(&progress))
        progress.took(place(0, 0))
        progress.took(place(1, 0))
        #expect(!isCaughtUp(&progress))
        progress.took(place(0, 1))
        #expect(isCaughtUp(&progress))
        #expect(!isCaughtUp(&progress))
    }

    @Test func endWithoutRecordsCountsAsWell() {
        var progress = KafkaFeedProgress()
        _ = progress.begin([0..<5])
        progress.took(place(0, 1))
        #expect(!isCaughtUp(&progress))
        progress.reachedEnd(of: 0)
        #expect(isCaughtUp(&progress))
    }

    @Test func whatComesBehindTheEndDoesNotHoldItUp() {
        var progress = KafkaFeedProgress()
        _ = progress.begin([0..<5])
        // Compaction has taken the offset in between.
        progress.took(place(0, 8))
        #expect(isCaughtUp(&progress))
        #expect(progress.next[0] == 9)
    }

    @Test func newClientGoesOnAndTellsNothingTwice() {
        var progress = KafkaFeedProgress()
        _ = progress.begin([0..<2])
        progress.took(place(0, 0))
        let starts = progress.begin([0..<10, 0..<3])
        #expect(starts[0] == Start(offset: 1))
        progress.took(place(0, 1))
        #expect(isCaughtUp(&progress))
        _ = progress.begin([0..<20, 0..<3])
        #expect(!isCaughtUp(&progress))
    }

    @Test func nothingIsToldBeforeTheEndsAreKnown() {
        var progress = KafkaFeedProgress()
        #expect(!isCaughtUp(&progress))
    }
}
