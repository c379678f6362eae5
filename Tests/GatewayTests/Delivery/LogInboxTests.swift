// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct LogInboxTests {
    private let inbox = LogInbox(listeners: [], intake: WakeUp())

    /// A refused event that is known by its offset.
    private func event(_ offset: Int64) -> RefusedEvent {
        RefusedEvent(
            sink: "lake",
            stream: StreamName.enriched,
            event: StoredEvent(
                offset: offset,
                eventTime: .seconds(0),
                arrival: .seconds(0),
                key: "car",
                topic: "fleet/car/state",
                payload: []
            ),
            reason: "too large"
        )
    }

    private func offsets(_ refused: [RefusedEvent]) -> [Int64] { refused.map(\.event.offset) }

    // Refused events.

    @Test func emptyInboxHasNoWork() {
        #expect(!inbox.hasWork)
        #expect(inbox.takeRefused().isEmpty)
        #expect(inbox.cursorMoves() == [])
        #expect(!inbox.isRecorded(1))
    }

    @Test func refusedEventIsRecordedWhenItsDeadLetterIsOnDisk() {
        let number = inbox.refuse(event(7))
        #expect(inbox.hasWork)
        #expect(!inbox.isRecorded(number))
        let taken = inbox.takeRefused()
        #expect(offsets(taken) == [7])
        #expect(!inbox.hasWork)
        // The commit is still under way.
        #expect(!inbox.isRecorded(number))
        inbox.recorded(taken.count)
        #expect(inbox.isRecorded(number))
    }

    @Test func eventIsTakenOnce() {
        inbox.refuse(event(1))
        #expect(inbox.takeRefused().count == 1)
        #expect(inbox.takeRefused().isEmpty)
    }

    @Test func laterEventIsNotRecordedWithTheFirst() {
        let numbers = [1, 2].map { inbox.refuse(event($0)) }
        let taken = inbox.takeRefused()
        let late = inbox.refuse(event(3))
        inbox.recorded(taken.count)
        #expect(numbers.allSatisfy { inbox.isRecorded($0) })
        #expect(!inbox.isRecorded(late))
        inbox.recorded(inbox.takeRefused().count)
        #expect(inbox.isRecorded(late))
    }

    @Test func failedCommitKeepsEventsInTheirOrder() {
        let numbers = [1, 2].map { inbox.refuse(event($0)) }
        let taken = inbox.takeRefused()
        let late = inbox.refuse(event(3))
        inbox.putBack(taken)
        #expect(inbox.hasWork)
        #expect((numbers + [late]).allSatisfy { !inbox.isRecorded($0) })
        #expect(offsets(inbox.takeRefused()) == [1, 2, 3])
        inbox.recorded(3)
        #expect((numbers + [late]).allSatisfy { inbox.isRecorded($0) })
    }

    // Goal: a lane's cursor passes an event only when its dead letter is on disk, whatever commits
    // fail and whoever refuses at the same time. Method: an intake of which a third of the commits
    // fail; what is told is compared with what it has written.
    @Test(arguments: 1...10)
    func recordedIsExactlyWhatIsOnDisk(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var numbers: [Int64: UInt64] = [:]
        var onDisk: [Int64] = []
        func refuseSome() {
            for _ in 0..<random.int(0...3) {
                let offset = Int64(numbers.count + 1)
                numbers[offset] = inbox.refuse(event(offset))
            }
        }
        for _ in 0..<200 {
            refuseSome()
            let taken = inbox.takeRefused()
            refuseSome()
            if random.oneIn(3) {
                inbox.putBack(taken)
            } else {
                onDisk += offsets(taken)
                inbox.recorded(taken.count)
            }
            let written = Set(onDisk)
            #expect(
                numbers.allSatisfy { offset, number in
                    inbox.isRecorded(number) == written.contains(offset)
                }
            )
        }
        onDisk += offsets(inbox.takeRefused())
        // Each one once, in the order in which they were refused.
        #expect(onDisk == Array(1...Int64(numbers.count)))
        #expect(Set(numbers.values).count == numbers.count)
    }

    // Cursors.

    @Test func cursorAtStartIsNoMove() {
        inbox.start(sink: "lake", stream: StreamName.raw, at: 5)
        #expect(!inbox.hasWork)
        #expect(inbox.cursorMoves() == [])
        #expect(inbox.slowestCursors() == [StreamName.raw: 5])
    }

    @Test func moveIsKeptUntilItIsDurable() {
        inbox.move(sink: "lake", stream: StreamName.raw, to: 7)
        let moves = inbox.cursorMoves()
        #expect(moves == [CursorMove(sink: "lake", stream: StreamName.raw, offset: 7)])
        #expect(inbox.hasWork)
        #expect(inbox.cursorMoves() == moves)
        inbox.forget(moves)
        #expect(!inbox.hasWork)
        #expect(inbox.slowestCursors() == [StreamName.raw: 7])
    }

    @Test func newerMoveOutlivesTheOlderOnesCommit() {
        inbox.move(sink: "lake", stream: StreamName.raw, to: 7)
        let moves = inbox.cursorMoves()
        inbox.move(sink: "lake", stream: StreamName.raw, to: 9)
        inbox.forget(moves)
        #expect(
            inbox.cursorMoves() == [CursorMove(sink: "lake", stream: StreamName.raw, offset: 9)]
        )
    }

    @Test func cursorMayGoBack() {
        // Kafka's word holds, and it may have less.
        inbox.start(sink: "lake", stream: StreamName.raw, at: 9)
        inbox.move(sink: "lake", stream: StreamName.raw, to: 3)
        #expect(inbox.slowestCursors() == [StreamName.raw: 3])
    }

    @Test func slowestSinkHoldsAStreamBack() {
        inbox.start(sink: "lake", stream: StreamName.raw, at: 4)
        inbox.start(sink: "cloud", stream: StreamName.raw, at: 6)
        inbox.start(sink: "cloud", stream: StreamName.outlier, at: 2)
        #expect(inbox.slowestCursors() == [StreamName.raw: 4, StreamName.outlier: 2])
        inbox.move(sink: "lake", stream: StreamName.raw, to: 8)
        #expect(inbox.slowestCursors() == [StreamName.raw: 6, StreamName.outlier: 2])
    }
}
