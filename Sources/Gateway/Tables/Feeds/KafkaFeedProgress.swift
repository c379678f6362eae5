// SPDX-License-Identifier: Apache-2.0

/// How far a topic has been read, and how far it must be until the table has caught up.
///
/// Everything here is about records that were handed over; one that was read and not handed over is
/// read again.
struct KafkaFeedProgress {
    /// Where a partition is read from, and why it is not where it was to go on.
    struct Start: Equatable {
        var offset: Int64
        /// Nothing was left of the records from this offset on, or none had come so far.
        var missed: Int64?
    }

    /// librdkafka's name for the first offset that is there.
    static let beginning: Int64 = -2

    /// The offset of the next record, by partition; a partition without one starts at its beginning.
    private(set) var next: [Int32: Int64] = [:]
    /// Where partitions that have not been read so far ended when the feed began.
    private var ends: [Int32: Int64] = [:]
    /// Whether it is known where all of them end.
    private var isMeasured = false
    private var isTold = false

    init(_ positions: [KafkaPosition] = []) {
        for position in positions { next[position.partition] = position.offset }
    }

    /// Takes the offsets that the partitions have, and tells where to read each from.
    ///
    /// The partitions of the first call are those that the table must catch up with.
    mutating func begin(_ extents: [Range<Int64>]) -> [Int32: Start] {
        var starts: [Int32: Start] = [:]
        for (number, extent) in extents.enumerated() {
            let partition = Int32(number)
            var start = Start(offset: next[partition] ?? Self.beginning)
            // Retention has passed us, or the topic was made anew.
            if let known = next[partition], known < extent.lowerBound || known > extent.upperBound {
                start = Start(offset: Self.beginning, missed: known)
                next[partition] = nil
            }
            starts[partition] = start
            let isRead = (next[partition] ?? extent.lowerBound) >= extent.upperBound
            if !isMeasured, !isRead { ends[partition] = extent.upperBound }
        }
        isMeasured = true
        return starts
    }

    /// A record was handed over.
    mutating func took(_ place: RecordPlace) {
        next[place.partition] = place.offset + 1
        guard let end = ends[place.partition], place.offset + 1 >= end else { return }
        ends[place.partition] = nil
    }

    /// All that a partition has was handed over.
    ///
    /// Its last offsets may be no records, and so nothing that `took` would hear of.
    mutating func reachedEnd(of partition: Int32) {
        ends[partition] = nil
    }

    /// Whether all partitions were read up to where they ended when the feed began; true once.
    mutating func takeCaughtUp() -> Bool {
        guard isMeasured, !isTold, ends.isEmpty else { return false }
        isTold = true
        return true
    }
}
