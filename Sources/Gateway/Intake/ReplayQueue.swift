// SPDX-License-Identifier: Apache-2.0
// Dead letters that somebody has asked to process again, on their way to the one thread that does it.
import Synchronization

/// What became of dead letters that were to be processed again.
struct ReplayReport: Codable, Equatable, Sendable {
    /// Some that were refused for one reason.
    struct Refusal: Codable, Equatable, Sendable {
        var reason: String
        var count: Int
        /// The offset of the first of them.
        var example: Int64
    }

    /// They took effect.
    var applied = 0
    /// They became dead letters again.
    var failed = 0
    /// They were processed again before.
    var already = 0
    var refused: [Refusal] = []

    mutating func add(_ result: ReplayResult, of offset: Int64) {
        switch result {
        case .applied: applied += 1
        case .failed: failed += 1
        case .already: already += 1
        case .refused(let reason):
            guard let known = refused.firstIndex(where: { $0.reason == reason }) else {
                return refused.append(Refusal(reason: reason, count: 1, example: offset))
            }
            refused[known].count += 1
        }
    }

    mutating func add(_ other: ReplayReport) {
        applied += other.applied
        failed += other.failed
        already += other.already
        for refusal in other.refused {
            guard let known = refused.firstIndex(where: { $0.reason == refusal.reason }) else {
                refused.append(refusal)
                continue
            }
            refused[known].count += refusal.count
        }
    }
}

/// What became of one dead letter.
enum ReplayResult: Equatable, Sendable {
    case applied
    case failed
    case already
    case refused(String)
}

/// Where requests wait, and whoever made them waits for the commit.
final class ReplayQueue: Sendable {
    /// Dead letters that may wait at once.
    static let lettersMax = 50_000

    /// One dead letter of one request.
    struct Ticket: Sendable {
        fileprivate var request: Int
        var offset: Int64
    }

    private struct Request {
        var report = ReplayReport()
        var open: Int
        /// Gone when whoever asked has stopped waiting.
        var waiting: (@Sendable (ReplayReport?) -> Void)?
    }

    private struct Contents {
        var tickets: [Ticket] = []
        var requests: [Int: Request] = [:]
        var lastRequest = 0
        var isClosed = false
    }

    private let contents = Mutex(Contents())
    private let intake: WakeUp

    init(intake: WakeUp) {
        self.intake = intake
    }

    // The side of whoever asks.

    /// Has dead letters processed again, and tells what became of them once that is on disk.
    ///
    /// `nil` when the queue is full, the gateway ends, or it takes longer than so many seconds. What has been
    /// queued is done nevertheless, if the gateway lives.
    func replay(_ offsets: [Int64], within seconds: Double) async -> ReplayReport? {
        await withCheckedContinuation { continuation in
            guard let number = add(offsets, { continuation.resume(returning: $0) }) else {
                return continuation.resume(returning: nil)
            }
            Task {
                try? await Task.sleep(for: .seconds(seconds))
                stopWaiting(for: number)
            }
        }
    }

    /// Queues dead letters, at least one, and gives the number of the request; `nil` when the queue is
    /// full or closed.
    @discardableResult
    func add(
        _ offsets: [Int64],
        _ finished: @escaping @Sendable (ReplayReport?) -> Void
    ) -> Int? {
        defer { intake.signal() }
        return contents.withLock { contents in
            guard !contents.isClosed, !offsets.isEmpty,
                contents.tickets.count + offsets.count <= Self.lettersMax
            else { return nil }
            contents.lastRequest += 1
            let number = contents.lastRequest
            contents.requests[number] = Request(open: offsets.count, waiting: finished)
            contents.tickets += offsets.map { Ticket(request: number, offset: $0) }
            return number
        }
    }

    private func stopWaiting(for request: Int) {
        let waiting = contents.withLock { contents in
            defer { contents.requests[request]?.waiting = nil }
            return contents.requests[request]?.waiting
        }
        waiting?(nil)
    }

    // The intake loop's side.

    var hasTickets: Bool { contents.withLock { !$0.tickets.isEmpty } }

    func take(_ count: Int) -> [Ticket] {
        contents.withLock { contents in
            let taken = Array(contents.tickets.prefix(count))
            contents.tickets.removeFirst(taken.count)
            return taken
        }
    }

    /// What was taken did not become durable, or did not fit.
    func putBack(_ tickets: [Ticket]) {
        contents.withLock { $0.tickets.insert(contentsOf: tickets, at: 0) }
    }

    func finish(_ ticket: Ticket, _ result: ReplayResult) {
        let finished: Request? = contents.withLock { contents in
            contents.requests[ticket.request]?.report.add(result, of: ticket.offset)
            contents.requests[ticket.request]?.open -= 1
            guard contents.requests[ticket.request]?.open == 0 else { return nil }
            return contents.requests.removeValue(forKey: ticket.request)
        }
        guard let finished else { return }
        finished.waiting?(finished.report)
    }

    /// Nothing is taken any more.
    func close() {
        let waiting = contents.withLock { contents in
            contents.isClosed = true
            contents.tickets = []
            defer { contents.requests = [:] }
            return contents.requests.values.compactMap(\.waiting)
        }
        for tell in waiting { tell(nil) }
    }
}
