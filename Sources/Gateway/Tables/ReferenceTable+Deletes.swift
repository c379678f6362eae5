// SPDX-License-Identifier: Apache-2.0
// A table forgets a deleted row, and remembers its key for changes that come late. Of a table with validity
// a row that has held goes on holding for what happened before, so that a message that comes late finds it.
//
// Changes from before the delete may come behind it. They can't bring the row back, but they can say better
// what is kept: `KeyPlace.keptFrom` tells from which of them it is.

extension ReferenceTable {
    /// Whether the delete came after what the relation has.
    ///
    /// A row that goes on under another key has not ended: nothing of it is kept under this one.
    func delete(
        _ key: [SignalValue?],
        _ position: ChangePosition,
        _ relation: TableDefinition.Relation,
        at arrival: Timestamp,
        isMoved: Bool = false
    ) throws(SQLiteFailure) -> Bool {
        let known = try relations.place(of: key, relation)
        if let known, !isNewer(position, known) { return false }
        var place = KeyPlace(position: position.text, deletedAt: arrival.milliseconds)
        if isMoved {
            // Nothing from before is newer than this.
            place.keptFrom = place.position
        } else if let known {
            place.keptFrom = known.deletedAt == nil ? known.position : known.keptFrom
        }
        let row = isMoved ? nil : try relations.row(key, relation)
        try replace(key, with: row.flatMap { closed($0, at: position) }, place, relation)
        return true
    }

    /// Whether a change from before a delete is newer than the one that the kept row is from.
    func isNewerThanKept(_ position: ChangePosition, _ known: KeyPlace) -> Bool {
        guard definition.validity != nil, known.deletedAt != nil else { return false }
        guard let kept = known.keptFrom else { return true }
        return position.order(after: ChangePosition(kept)) == .newer
    }

    /// Keeps what a row was before it was deleted.
    func keep(
        _ row: [SignalValue?],
        _ key: [SignalValue?],
        _ known: KeyPlace,
        from position: ChangePosition,
        _ relation: TableDefinition.Relation
    ) throws(SQLiteFailure) {
        var place = known
        place.keptFrom = position.text
        let kept = closed(row, at: ChangePosition(known.position))
        try replace(key, with: kept, place, relation)
    }

    /// Kafka's log compaction has removed a key.
    ///
    /// In its partition that came last, so it needs no position of its own. After a delete that was told
    /// it says nothing new.
    func bury(_ key: [SignalValue?], at arrival: Timestamp) throws(SQLiteFailure) {
        let key = keyValues(of: key)
        let now = ChangePosition(time: arrival.microseconds)
        for relation in [TableDefinition.Relation.live, .staging]
        where relation == .live || state.loading != nil {
            guard var place = try relations.place(of: key, relation), place.deletedAt == nil,
                let row = try relations.row(key, relation)
            else { continue }
            place.keptFrom = place.position
            place.deletedAt = arrival.milliseconds
            try replace(key, with: closed(row, at: now), place, relation)
            if relation == .live { counts.deletes += 1 }
        }
    }

    private func replace(
        _ key: [SignalValue?],
        with row: [SignalValue?]?,
        _ place: KeyPlace,
        _ relation: TableDefinition.Relation
    ) throws(SQLiteFailure) {
        if let row {
            try execute(.row(row), relation)
        } else {
            try execute(.deleteRow(key), relation)
        }
        try execute(.position(key: key, place), relation)
    }

    /// A row as it is kept when it is deleted at a position; `nil` when it never held.
    private func closed(_ row: [SignalValue?], at position: ChangePosition) -> [SignalValue?]? {
        guard let validity = definition.validity,
            let from = definition.position(of: validity[0]),
            let to = definition.position(of: validity[1])
        else { return nil }
        let seconds = Double(position.time) / 1_000_000
        guard case .double(let begin)? = row[from], begin < seconds else { return nil }
        if case .double(let end)? = row[to], end <= seconds { return row }
        var row = row
        row[to] = .double(seconds)
        return row
    }
}
