// SPDX-License-Identifier: Apache-2.0

/// What happened to a table at its source.
struct Change {
    enum Kind: Equatable {
        /// A row is as `row` says.
        case upsert
        /// The same, as part of a snapshot of the whole table.
        case load
        case delete
        case truncate
        /// A snapshot of the whole table follows.
        case loadBegins
        case loadEnds
        /// Nothing that changes a row: another table's change, a heartbeat.
        case nothing
    }

    var kind: Kind
    var position: ChangePosition
    /// By column; `nil` leaves the column as it is.
    var row: [SignalValue?] = []
    /// What the row was before, by column; `nil` where that is not told.
    var before: [SignalValue?] = []
    /// It is the first row of its snapshot; not every source tells.
    ///
    /// Debezium marks a table of one row as its first or as its last, and AWS DMS marks none.
    var beginsLoad = false
    /// It is the last row of its snapshot; not every source tells.
    var endsLoad = false
    /// What happened to the table itself, in the source's word: `rename-column`.
    var note: String?
}
