// SPDX-License-Identifier: Apache-2.0

/// What is known about a table beside its rows; a row of `table_state`.
struct TableState: Equatable, Sendable {
    /// Grows with each snapshot; tells the indexes of one from those of the next.
    var generation: Int64 = 1
    /// Its first snapshot is complete.
    var isReady = false
    /// Where an announced snapshot began, as long as it is coming into the staging relation.
    var loading: ChangePosition?
    /// At least one row of the snapshot has come.
    var hasLoadRows = false
    /// Where the last snapshot began: the same announcement again begins nothing.
    var lastLoad: ChangePosition?
    /// Changes before this were overtaken by a snapshot or a truncation.
    var floor: ChangePosition?
    /// When the first change came, and the last that may belong to a snapshot.
    var firstHeardAt = Timestamp.distantPast
    var loadHeardAt = Timestamp.distantPast
    /// When the feed was heard last.
    var heardAt = Timestamp.distantPast
    /// Since when the gateway has been saying that the table is stale.
    var staleSince: Timestamp?
    /// The version of the file that was read last, also of one that was refused.
    var mark = ""

    /// Whether anything has ever come.
    var isHeard: Bool { heardAt != .distantPast }
}
