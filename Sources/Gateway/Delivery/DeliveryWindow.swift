// SPDX-License-Identifier: Apache-2.0

/// Events of one stream that are on their way and not yet acknowledged; gives the cursor.
///
/// Acknowledgements may come in any order. The cursor moves over the contiguous prefix only, so a
/// restart never skips an event.
struct DeliveryWindow {
    private struct Entry {
        var offset: Int64
        var isAcknowledged: Bool
    }

    /// The last offset of the acknowledged prefix.
    private(set) var cursor: Int64
    /// The last offset that was sent.
    private(set) var sent: Int64
    private var entries: [Entry] = []
    /// Where the live part of `entries` starts; the rest is dropped now and then.
    private var start = 0

    init(cursor: Int64) {
        self.cursor = cursor
        sent = cursor
    }

    var inFlightCount: Int { entries.count - start }

    /// An event is on its way; offsets grow.
    mutating func send(_ offset: Int64) {
        precondition(offset > sent, "events are sent in their order")
        sent = offset
        entries.append(Entry(offset: offset, isAcknowledged: false))
    }

    /// The far side has an event; tells whether the cursor moved.
    mutating func acknowledge(_ offset: Int64) -> Bool {
        guard let position = position(of: offset) else { return false }
        entries[position].isAcknowledged = true
        let before = cursor
        while start < entries.count, entries[start].isAcknowledged {
            cursor = entries[start].offset
            start += 1
        }
        if start > 1_024, start * 2 > entries.count {
            entries.removeFirst(start)
            start = 0
        }
        return cursor != before
    }

    /// The connection is gone: everything behind the cursor is sent again.
    mutating func rewind() {
        sent = cursor
        entries.removeAll(keepingCapacity: true)
        start = 0
    }

    private func position(of offset: Int64) -> Int? {
        var low = start
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].offset == offset ? low : nil
    }
}
