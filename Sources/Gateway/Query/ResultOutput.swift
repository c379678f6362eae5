// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Where results go: bytes are gathered, and written under the deadline of the running statement.
///
/// Whoever reads them slowly stops the statement, not the gateway.
final class ResultOutput {
    private static let bytesMax = 32 << 10
    /// Results of a slow statement are not kept waiting for company.
    private static let nanosecondsMax: UInt64 = 100_000_000
    /// What a pipe takes without blocking when poll(2) says that it takes something (pipe(7)).
    private static let pieceBytes = 4_096

    private static let lookMilliseconds: Int32 = 50

    private let descriptor: Int32
    private let budget: QueryBudget
    private var bytes: [UInt8] = []
    private var flushedAt = WallClock.monotonicNanoseconds()

    init(descriptor: Int32, budget: QueryBudget) {
        self.descriptor = descriptor
        self.budget = budget
    }

    /// Whether a person watches.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Appends text, and writes when there is enough of it.
    func write(_ text: String) throws(QueryError) {
        bytes.append(contentsOf: text.utf8)
        try flushIfDue()
    }

    /// Appends encoded text, and writes when there is enough of it.
    func write(_ encoded: [UInt8]) throws(QueryError) {
        bytes.append(contentsOf: encoded)
        try flushIfDue()
    }

    private func flushIfDue() throws(QueryError) {
        let now = WallClock.monotonicNanoseconds()
        guard bytes.count >= Self.bytesMax || now - flushedAt >= Self.nanosecondsMax else { return }
        try flush()
    }

    /// Drops what was not written, after a failure.
    func discard() { bytes.removeAll(keepingCapacity: true) }

    /// Writes everything, or throws.
    func flush() throws(QueryError) {
        defer { bytes.removeAll(keepingCapacity: true) }
        flushedAt = WallClock.monotonicNanoseconds()
        var written = 0
        while written < bytes.count {
            try waitUntilWritable()
            let end = min(bytes.count, written + Self.pieceBytes)
            let count = unsafe bytes[written..<end]
                .withUnsafeBytes { piece in
                    unsafe Foundation.write(descriptor, piece.baseAddress, piece.count)
                }
            if count > 0 { written += count } else if count < 0 { try explain(errno) }
        }
    }

    /// Waits, at most so long, and tells whether anybody still reads.
    func isOpen(after milliseconds: Int32) -> Bool {
        // Without asking for anything, poll still tells that the far end of a pipe is closed.
        var request = pollfd(fd: descriptor, events: 0, revents: 0)
        let found = unsafe poll(&request, 1, milliseconds)
        return found <= 0 || request.revents & Int16(POLLERR | POLLHUP) == 0
    }

    private func waitUntilWritable() throws(QueryError) {
        while true {
            try budget.check()
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            // In pieces, because the signal of a Ctrl-C may reach another thread.
            let ready = unsafe poll(&request, 1, Self.lookMilliseconds)
            if ready > 0 { return }
            if ready < 0 { try explain(errno) }
        }
    }

    private func explain(_ error: Int32) throws(QueryError) {
        switch error {
        case EINTR, EAGAIN: try budget.check()
        case EPIPE: throw .outputClosed
        default: throw .outputFailed(unsafe String(cString: strerror(error)))
        }
    }
}
