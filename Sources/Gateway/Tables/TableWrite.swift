// SPDX-License-Identifier: Apache-2.0

/// One step of what a change does to a table: done in memory at once, and in the log by the commit.
struct TableWrite {
    enum Step {
        case row([SignalValue?])
        /// The values of the key, in its order.
        case deleteRow([SignalValue?])
        case position(key: [SignalValue?], KeyPlace)
        case deletePosition(key: [SignalValue?])
        case setColumns([ColumnConfiguration])
        case createStaging(generation: Int64)
        case swap
        /// Offsets of Kafka that stand for rows mean nothing any more: time decides.
        case forgetOffsets
        /// How far the table has come.
        case state(TableState)
        /// The offset of the next record of a Kafka partition.
        case offset(topic: String, partition: Int32, next: Int64)
    }

    /// The table's index in the configuration.
    var table: Int
    var relation = TableDefinition.Relation.live
    var step: Step
}

/// Where a key stands among the changes of its table, as the companion of the rows keeps it.
struct KeyPlace {
    /// The place of the newest change.
    var position: String
    /// That was a delete, and came then, in milliseconds since 1970.
    var deletedAt: Int64?
    /// What a deleted row is kept from: the place of the change that made it, as far as changes from
    /// before the delete have come.
    var keptFrom: String?
}
