// SPDX-License-Identifier: Apache-2.0

/// One step of what a change does to a table: done in memory at once, and in the log by the commit.
struct TableWrite {
    enum Step {
        case row([SignalValue?])
        case deleteRow([SignalValue?])
        case position([SignalValue?], text: String, deletedAt: Int64?)
        case deletePosition([SignalValue?])
        case addColumns([ColumnConfiguration])
        case createStaging(generation: Int64)
        case dropStaging
        case swap
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

/// What is known about a table beside its rows; a row of `table_state`.
struct TableState: Equatable, Sendable {
    var generation: Int64 = 1
    /// Its first snapshot is complete.
    var isReady = false
    /// A snapshot is coming into the staging relation.
    var isLoading = false
    /// Something came that only follows the last row of a snapshot.
    var isLoadOver = false
    /// The time of the snapshot's first row, in microseconds, and when its last one arrived.
    var loadBegan: Int64 = 0
    var loadHeard = Timestamp.distantPast
    /// Changes before this, in microseconds, were overtaken by a snapshot or a truncation.
    var floor: Int64 = .min
    /// The newest change so far.
    var newest: Int64 = .min
    /// When the feed was heard last.
    var heardAt = Timestamp.distantPast
    /// Since when the gateway has been saying that the table is stale.
    var staleSince: Timestamp?
    /// The version of the file that was loaded last.
    var mark = ""
}
