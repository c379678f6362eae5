// SPDX-License-Identifier: Apache-2.0
// What happens to change events on their way: they are overtaken, doubled at once, and doubled again long
// after. Every change still arrives at least once.

/// A change event on its way.
struct ChangeMessage: Sendable {
    /// The change's, or its snapshot's.
    var version: Int64
    var table: SourceTable
    var key: SignalValue
    /// Empty for a tombstone.
    var payload: [UInt8]
}

/// The faults that one fleet's changes meet; pure, and the same for the same seed.
struct ChangeTraffic: Sendable {
    /// How many later messages may overtake one.
    static let overtakingMax = 40

    /// Kafka keeps the order of what has one key.
    let keepsKeyOrder: Bool
    private var random: SplitMix64
    private var sentCount = 0
    private var waiting: [(due: Int, message: ChangeMessage)] = []
    /// To be sent again when so many messages have been sent.
    private var doubles: [(due: Int, message: ChangeMessage)] = []

    init(seed: UInt64, keepsKeyOrder: Bool) {
        random = SplitMix64(seed: seed)
        self.keepsKeyOrder = keepsKeyOrder
    }

    var hasWaiting: Bool { !waiting.isEmpty }

    /// Takes a change; gives what is sent now, in this order.
    ///
    /// What must not be overtaken, such as the rows of a snapshot, is sent at once.
    mutating func send(_ message: ChangeMessage, inOrder: Bool = false) -> [ChangeMessage] {
        var due = sentCount
        if !inOrder, Int.random(in: 0..<3, using: &random) == 0 {
            due += .random(in: 1...Self.overtakingMax, using: &random)
        }
        if keepsKeyOrder {
            let before = waiting.last {
                $0.message.key == message.key && $0.message.table == message.table
            }
            due = max(due, before?.due ?? due)
        }
        waiting.append((due, message))
        return take(dueBy: sentCount)
    }

    /// Everything that was held back.
    mutating func flush() -> [ChangeMessage] { take(dueBy: .max) }

    /// Some of what was sent long ago, once more.
    mutating func repeated(_ count: Int) -> [ChangeMessage] {
        guard !doubles.isEmpty else { return [] }
        return (0..<count)
            .compactMap { _ in doubles.randomElement(using: &random)?.message }
    }

    private mutating func take(dueBy limit: Int) -> [ChangeMessage] {
        var sent: [ChangeMessage] = []
        let due = waiting.filter { $0.due <= limit }
        waiting.removeAll { $0.due <= limit }
        for (_, message) in due {
            sent.append(message)
            if Int.random(in: 0..<8, using: &random) == 0 { sent.append(message) }
            // A tombstone has no place in its source's log: only Kafka's order tells when it was.
            if !message.payload.isEmpty, Int.random(in: 0..<6, using: &random) == 0 {
                doubles.append((sentCount + .random(in: 50...1_500, using: &random), message))
            }
        }
        sentCount += due.count
        let again = doubles.filter { $0.due <= sentCount }
        doubles.removeAll { $0.due <= sentCount }
        return sent + again.map(\.message)
    }
}
