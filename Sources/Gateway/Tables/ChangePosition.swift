// SPDX-License-Identifier: Apache-2.0
// Change events may be repeated and may come in another order than they happened. Where a change
// stands in its source's log decides; where that is not told, when it was captured.

/// Where a change stands among those of its table.
struct ChangePosition: Equatable, Sendable {
    /// When it was captured, in microseconds since 1970.
    var time: Int64
    /// Whose positions can be compared with this one: a server, a Kafka partition.
    var lineage = ""
    /// The place in that log: numbers between other signs, the most significant first.
    var sequence = ""

    /// How a change relates to the one that a row stands for.
    enum Order {
        case older
        /// It is the same one.
        case same
        case newer
    }

    /// Whether this change came after another one of the same row.
    func order(after other: ChangePosition) -> Order {
        if let order = place(after: other) { return order }
        if self == other, !sequence.isEmpty { return .same }
        // What can't be told apart is taken in the order of its arrival.
        return time >= other.time ? .newer : .older
    }

    /// Whether their places in the source's log decide, and not their times.
    func isComparable(to other: ChangePosition) -> Bool { place(after: other) != nil }

    private func place(after other: ChangePosition) -> Order? {
        guard !sequence.isEmpty, !other.sequence.isEmpty, lineage == other.lineage else {
            return nil
        }
        return Self.compare(sequence, other.sequence)
    }

    /// The same without a place in Kafka, which means nothing in another topic.
    var withoutOffset: ChangePosition {
        lineage.hasPrefix("kafka/") ? ChangePosition(time: time) : self
    }

    /// Compares field by field; `nil` when the fields don't correspond.
    ///
    /// Without its leading zeros a longer field is the larger number. That and the order of the
    /// letters are right for decimal and hexadecimal numbers alike. Words, such as the name of a log
    /// file, have no order.
    private static func compare(_ left: String, _ right: String) -> Order? {
        if left == right { return .same }
        let lefts = left.utf8.split { !isAlphanumeric($0) }
        let rights = right.utf8.split { !isAlphanumeric($0) }
        guard lefts.count == rights.count else { return nil }
        for (one, other) in zip(lefts, rights) where !one.elementsEqual(other) {
            guard !isWord(one), !isWord(other) else { return nil }
            let (one, other) = (digits(of: one), digits(of: other))
            if one.count != other.count { return one.count < other.count ? .older : .newer }
            if one == other { continue }
            return one.lexicographicallyPrecedes(other) ? .older : .newer
        }
        return .same
    }

    /// The significant digits; hexadecimal ones in lower case.
    private static func digits(of field: Substring.UTF8View) -> [UInt8] {
        field.drop { $0 == UInt8(ascii: "0") }.map { 65...90 ~= $0 ? $0 + 32 : $0 }
    }

    /// Whether a field can't be a number: no digit, and a letter behind f.
    private static func isWord(_ field: Substring.UTF8View) -> Bool {
        !field.contains { 48...57 ~= $0 } && field.contains { $0 | 32 > UInt8(ascii: "f") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }

    // In the log: `1722214684886717 mysql-1/223344 mysql-bin.000003:484:0`.

    init(time: Int64, lineage: String = "", sequence: String = "") {
        self.time = time
        self.lineage = lineage.replacing(" ", with: "_")
        self.sequence = sequence
    }

    /// Reads what `text` gives.
    init(_ text: String) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        time = Int64(parts[0]) ?? 0
        lineage = parts.count > 1 ? String(parts[1]) : ""
        sequence = parts.count > 2 ? String(parts[2]) : ""
    }

    var text: String { "\(time) \(lineage) \(sequence)" }
}
