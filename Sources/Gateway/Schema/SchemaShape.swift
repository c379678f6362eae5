// SPDX-License-Identifier: Apache-2.0

/// What the messages of one shape in one group have in common: a known one costs a few additions.
final class SchemaShape {
    let paths: [SchemaPath]
    /// By column of the shape, the place in `paths`; -1 where the group has no room for its path.
    let places: [Int]
    /// The group that it counts for, and that holds it.
    unowned let owner: SchemaGroup
    /// The number of that group; -1 once it has to be looked at anew.
    var group: Int64
    /// Which numbers had a fraction when it was last looked at.
    var numberHash: UInt64
    /// One message in so many is sampled, less one; the more columns, the fewer: what samples cost for each
    /// message is bounded.
    private let sampleMask: Int64
    /// Messages, all and since they were last counted into the paths.
    private(set) var total: Int64 = 0
    private(set) var count: Int64 = 0
    private(set) var firstNumber: Int64 = 0
    private(set) var lastNumber: Int64 = 0
    private(set) var lastSeen = Timestamp.distantPast

    init(paths: [SchemaPath], places: [Int], owner: SchemaGroup, numberHash: UInt64) {
        self.paths = paths
        self.places = places
        self.owner = owner
        group = owner.id
        var interval: Int64 = 32
        while interval < places.count { interval *= 2 }
        sampleMask = interval - 1
        self.numberHash = numberHash
    }

    /// Whether the next message's numbers are looked at: the first ones, then one in 32 or fewer.
    @inline(__always)
    var isSampled: Bool { total < 4 || total & sampleMask == 0 }

    /// Whether examples are taken of it as well: ever fewer.
    var isShown: Bool { total < 4 || total & (total - 1) == 0 || total & 1_023 == 0 }

    /// Counts one message.
    @inline(__always)
    func hit(number: Int64, at time: Timestamp) {
        if count == 0 { firstNumber = number }
        count += 1
        total += 1
        lastNumber = number
        lastSeen = time
    }

    /// Hands the count over to the paths.
    func settle() {
        for path in paths {
            path.add(count: count, first: firstNumber, last: lastNumber, at: lastSeen)
        }
        count = 0
    }
}
