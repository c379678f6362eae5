// SPDX-License-Identifier: Apache-2.0
// What delivery tells the one writer: where cursors have moved, and what a far side will never take.
import Synchronization

/// An event that a sink's far side has refused for good.
struct RefusedEvent: Sendable {
    var sink: String
    var stream: String
    var event: StoredEvent
    var reason: String
}

/// Where delivery loops leave messages for the intake loop, and are woken by its commits.
final class LogInbox: Sendable {
    private struct Contents {
        var cursors: [CursorKey: Int64] = [:]
        var unsaved: Set<CursorKey> = []
        var refused: [RefusedEvent] = []
        /// How many were ever refused, and how many of the first of them are in the log.
        var refusedCount: UInt64 = 0
        var recordedCount: UInt64 = 0
    }

    private struct CursorKey: Hashable {
        var sink: String
        var stream: String
    }

    private let contents = Mutex(Contents())
    private let listeners: [CommitListener]
    private let intake: WakeUp

    init(listeners: [CommitListener], intake: WakeUp) {
        self.listeners = listeners
        self.intake = intake
    }

    // Delivery's side.

    /// A cursor as the log has it, at start.
    func start(sink: String, stream: String, at offset: Int64) {
        contents.withLock { $0.cursors[CursorKey(sink: sink, stream: stream)] = offset }
    }

    /// The far side has acknowledged everything up to an offset.
    func move(sink: String, stream: String, to offset: Int64) {
        let key = CursorKey(sink: sink, stream: stream)
        contents.withLock { contents in
            contents.cursors[key] = offset
            contents.unsaved.insert(key)
        }
    }

    /// The far side will never take this event; gives the number to ask `isRecorded` about.
    @discardableResult
    func refuse(_ event: RefusedEvent) -> UInt64 {
        defer { intake.signal() }
        return contents.withLock { contents in
            contents.refused.append(event)
            contents.refusedCount += 1
            return contents.refusedCount
        }
    }

    /// Whether the dead letter of a refused event is on disk.
    func isRecorded(_ number: UInt64) -> Bool {
        contents.withLock { $0.recordedCount >= number }
    }

    // The intake loop's side.

    var hasWork: Bool { contents.withLock { !$0.unsaved.isEmpty || !$0.refused.isEmpty } }

    func cursorMoves() -> [CursorMove] {
        contents.withLock { contents in
            contents.unsaved.map { key in
                CursorMove(
                    sink: key.sink,
                    stream: key.stream,
                    offset: contents.cursors[key] ?? 0
                )
            }
        }
    }

    /// These moves are durable; newer ones stay.
    func forget(_ moves: [CursorMove]) {
        contents.withLock { contents in
            for move in moves {
                let key = CursorKey(sink: move.sink, stream: move.stream)
                if contents.cursors[key] == move.offset { contents.unsaved.remove(key) }
            }
        }
    }

    func takeRefused() -> [RefusedEvent] {
        contents.withLock { contents in
            defer { contents.refused = [] }
            return contents.refused
        }
    }

    /// The first refused events, in their order, are in the log.
    func recorded(_ count: Int) {
        contents.withLock { $0.recordedCount += UInt64(count) }
    }

    func putBack(_ refused: [RefusedEvent]) {
        contents.withLock { $0.refused.insert(contentsOf: refused, at: 0) }
    }

    /// Per stream the slowest cursor: what retention must not pass.
    func slowestCursors() -> [String: Int64] {
        contents.withLock { contents in
            var slowest: [String: Int64] = [:]
            for (key, offset) in contents.cursors {
                slowest[key.stream] = min(slowest[key.stream] ?? .max, offset)
            }
            return slowest
        }
    }

    /// New events are in the log: whoever delivers their streams is woken.
    func announce(_ outcome: Outcome) {
        for listener in listeners
        where listener.streams.contains(where: { !outcome.events(of: $0).isEmpty }) {
            listener.notify()
        }
    }
}

/// Wakes one delivery loop after a commit, if it is waiting.
final class CommitListener: Sendable {
    let wakeUp = WakeUp()
    /// The streams that the loop delivers.
    let streams: [String]
    private let hasNews = Atomic<Bool>(false)
    private let isWaiting = Atomic<Bool>(false)

    init(streams: [String]) {
        self.streams = streams
    }

    /// The loop is about to wait; tells whether something was committed since the last time.
    ///
    /// The order matters: a commit after this signals, a commit before it is told here.
    func willWait() -> Bool {
        isWaiting.store(true, ordering: .sequentiallyConsistent)
        return hasNews.exchange(false, ordering: .sequentiallyConsistent)
    }

    /// The loop is awake: nobody needs to signal.
    func didWake() {
        isWaiting.store(false, ordering: .sequentiallyConsistent)
        wakeUp.clear()
    }

    fileprivate func notify() {
        hasNews.store(true, ordering: .sequentiallyConsistent)
        guard isWaiting.exchange(false, ordering: .sequentiallyConsistent) else { return }
        wakeUp.signal()
    }
}
