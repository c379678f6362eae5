// SPDX-License-Identifier: Apache-2.0

/// One step of what a change does to a table: done in memory at once, and in the log by the commit.
struct TableWrite {
    enum Step {
        case row([SignalValue?])
        /// The values of the key, in its order.
        case deleteRow([SignalValue?])
        case position(RowPlace)
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
