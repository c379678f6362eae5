// SPDX-License-Identifier: Apache-2.0
// A message that was committed, but whose PUBACK the broker never saw, comes again when the session
// is resumed: same packet id, same content, DUP set (MQTT 5, sections 3.3.1.1 and 4.4). The ledger
// remembers what was committed, commits with it, and so recognises it.
//
// All three must match. Some brokers give a freed packet id to the next message at once; without
// DUP, an equal content under an equal id is a new message, and dropping it would lose it.

/// What a source has committed and the broker may send again.
struct RedeliveryLedger {
    /// One committed message.
    struct Entry: Equatable {
        var packetID: UInt16
        var digest: UInt64
    }

    /// How many committed messages back the broker may reach: over all packet ids there are.
    ///
    /// MQTT 5's Receive Maximum should bound it more closely (section 3.3.4), but mosquitto 2.0.11
    /// sends what a session has queued without regard to it: 45,000 messages where it may send 1,000.
    static let reach = Int(UInt16.max)
    /// Bytes of one entry in the log: two of packet id and eight of digest.
    static let entryBytes = 10

    /// What the current batch adds once it is committed.
    private(set) var pending: [Entry] = []
    /// The last committed entry of each packet id, with the count at which it was committed.
    private var entries: [UInt16: (digest: UInt64, number: Int)] = [:]
    private var committedCount = 0
    /// Entries up to this number are from earlier connections: they may come again.
    private var suspectsEnd = 0

    /// Whether a redelivery is still possible, so that DUP flags are worth watching.
    var hasSuspects: Bool { suspectsEnd > max(0, committedCount - Self.reach) && !entries.isEmpty }

    /// A connection was made.
    ///
    /// A session that was not resumed voids the ledger.
    mutating func connected(isSessionPresent: Bool) {
        pending.removeAll()
        if !isSessionPresent { entries.removeAll() }
        suspectsEnd = committedCount
    }

    /// Whether a message was committed before.
    ///
    /// Either way it is recorded with the current batch.
    mutating func recognise(_ entry: Entry, isDuplicate: Bool) -> Bool {
        pending.append(entry)
        guard isDuplicate, let known = entries[entry.packetID], known.number < suspectsEnd else {
            return false
        }
        return known.digest == entry.digest
    }

    /// The pending entries for the commit.
    func encodePending() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pending.count * Self.entryBytes)
        for entry in pending {
            unsafe withUnsafeBytes(of: entry.packetID.littleEndian) {
                unsafe bytes.append(contentsOf: $0)
            }
            unsafe withUnsafeBytes(of: entry.digest.littleEndian) {
                unsafe bytes.append(contentsOf: $0)
            }
        }
        return bytes
    }

    /// The batch is durable.
    mutating func commit() {
        for entry in pending {
            entries[entry.packetID] = (entry.digest, committedCount)
            committedCount += 1
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// Takes back what the log holds of an earlier run.
    mutating func restore(_ batches: [[UInt8]]) {
        for batch in batches {
            for start in stride(from: 0, to: batch.count - Self.entryBytes + 1, by: Self.entryBytes)
            {
                let packetID = UInt16(batch[start]) | UInt16(batch[start + 1]) << 8
                let digest = (0..<8)
                    .reduce(0 as UInt64) {
                        $0 | UInt64(batch[start + 2 + $1]) << UInt64($1 * 8)
                    }
                pending.append(Entry(packetID: packetID, digest: digest))
            }
        }
        commit()
    }
}
