// SPDX-License-Identifier: Apache-2.0
// A source that waits for a required table connects and subscribes, so that the broker keeps what
// vehicles publish, and leaves. libmosquitto queues a PUBACK for whatever comes meanwhile: from there on
// nothing may be written, lest the broker take for had what was ignored.

/// Whether a session is held back, and how far it has got with leaving.
struct SessionHold {
    private enum Phase {
        /// Nothing stands in the way of writing.
        case open
        /// Messages came and were ignored, so their PUBACKs must not leave.
        case ignoring
        /// The broker keeps what comes: the session leaves when the read ends.
        case leaving
        /// It has left, and does not come back before the table is complete.
        case away
    }

    /// The table that the source waits for.
    var table: String?
    private var phase = Phase.open

    /// Whether there is, or may be made, a connection that can be written to.
    var isOpen: Bool { phase == .open }
    var isIgnoring: Bool { phase == .ignoring }
    var isLeaving: Bool { phase == .leaving }
    var isAway: Bool { phase == .away }

    /// A message came that must not be acknowledged.
    mutating func ignore() {
        if phase == .open { phase = .ignoring }
    }

    /// The broker has the session and all its filters.
    mutating func leave() { phase = .leaving }

    /// The connection was ended on the table's account.
    mutating func left() { phase = .away }

    /// A connection is over, or may be made again: nothing that was ignored is queued.
    mutating func reopen() { phase = .open }
}
