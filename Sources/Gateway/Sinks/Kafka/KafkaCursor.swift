// SPDX-License-Identifier: Apache-2.0
// Where a lane starts: Kafka's word and ours, compared.
//
// In exactly_once the cursor is committed inside the transaction that carries the events, so Kafka
// knows better than the log what has arrived: a crash between the two leaves the log's cursor behind.

/// Where a stream is taken up, and what there is to say about it.
struct KafkaCursor: Equatable {
    enum Finding: Equatable {
        /// Both agree, or nothing was ever delivered.
        case agreed
        /// Kafka has no cursor (the group's offsets expire): the log's holds.
        case unknownToKafka
        /// Kafka's cursor is of another log, whose offsets mean other events: the log's holds.
        case ofAnotherLog
        /// Kafka has taken more than the log's cursor says: Kafka's holds.
        case kafkaIsAhead
        /// Kafka has less, because it lost something or somebody reset the group: Kafka's holds.
        case kafkaIsBehind
        /// Kafka's cursor is about events that this log does not have, as after restoring a backup: the
        /// log's holds, and what was delivered since the backup's cursor comes again.
        case logWasRestored
    }

    /// The last offset that has arrived.
    var offset: Int64
    var finding: Finding

    /// What is committed beside the offset: which log it is about, and when the event there came in.
    ///
    /// A restored log gives the same offsets to other events, which came in at other times.
    static func metadata(logID: String, arrival: Timestamp) -> String {
        "\(logID)/\(arrival.milliseconds)"
    }

    /// Compares what was committed at Kafka with the log.
    ///
    /// - Parameters:
    ///   - local: The cursor in the log.
    ///   - committed: The group's position: the next offset, and `metadata` of the last.
    ///   - head: The last offset of the stream.
    ///   - logID: Which log this is.
    ///   - arrival: When the event at an offset came in; `nil` if the log does not hold it any more.
    init(
        local: Int64,
        committed: KafkaPosition,
        head: Int64,
        logID: String,
        arrival: (Int64) throws -> Timestamp?
    ) rethrows {
        guard let next = committed.offset else {
            self.init(offset: local, finding: local == 0 ? .agreed : .unknownToKafka)
            return
        }
        let mark = committed.metadata.split(separator: "/", maxSplits: 1)
        // Who resets a group's offsets by hand leaves nothing beside them, and means this log.
        let isByHand = committed.metadata.isEmpty
        guard isByHand || mark.first.map(String.init) == logID else {
            self.init(offset: local, finding: .ofAnotherLog)
            return
        }
        let last = next - 1
        let found = last > head || isByHand ? nil : try arrival(last)
        let isOther = found.map { Self.metadata(logID: logID, arrival: $0) != committed.metadata }
        if last > head || isOther == true {
            self.init(offset: local, finding: .logWasRestored)
        } else if last == local {
            self.init(offset: local, finding: .agreed)
        } else {
            self.init(offset: last, finding: last > local ? .kafkaIsAhead : .kafkaIsBehind)
        }
    }

    private init(offset: Int64, finding: Finding) {
        self.offset = offset
        self.finding = finding
    }

    /// A sentence for the log; `nil` when there is nothing to explain.
    var explanation: String? {
        switch finding {
        case .agreed: nil
        case .unknownToKafka:
            "Kafka has no cursor for this stream (a group's offsets expire); the log's own holds"
        case .ofAnotherLog:
            "Kafka's cursor is about another log than the one in this data directory; the log's own "
                + "holds"
        case .kafkaIsAhead:
            "Kafka had taken more than the log's cursor says, as after a crash; Kafka's word holds"
        case .kafkaIsBehind:
            "Kafka has less than the log's cursor says; Kafka's word holds, and events are sent again"
        case .logWasRestored:
            "Kafka has taken events that this log does not hold, as after restoring a backup; the "
                + "log's own cursor holds, and what was delivered since then comes again"
        }
    }
}
