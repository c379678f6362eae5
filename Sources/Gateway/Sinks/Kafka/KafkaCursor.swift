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
        /// Kafka has less, because it lost something or was told so: Kafka's holds.
        case kafkaIsBehind
        /// Kafka has more than this log ever held: it was restored from a backup.
        case logIsBehind
    }

    /// The last offset that has arrived.
    var offset: Int64
    var finding: Finding

    /// Compares what was committed at Kafka with the log.
    ///
    /// - Parameters:
    ///   - local: The cursor in the log.
    ///   - committed: The group's position: the next offset, and the log it is about.
    ///   - head: The last offset of the stream.
    ///   - logID: Which log this is.
    init(local: Int64, committed: KafkaPosition, head: Int64, logID: String) {
        guard let next = committed.offset else {
            self.init(offset: local, finding: local == 0 ? .agreed : .unknownToKafka)
            return
        }
        guard committed.metadata == logID else {
            self.init(offset: local, finding: .ofAnotherLog)
            return
        }
        let last = next - 1
        if last > head {
            self.init(offset: head, finding: .logIsBehind)
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
        case .logIsBehind:
            "Kafka has taken events that this log never held, as after restoring a backup; delivery "
                + "starts at the log's head"
        }
    }
}
