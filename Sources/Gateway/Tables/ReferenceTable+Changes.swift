// SPDX-License-Identifier: Apache-2.0
// What one change does. Its place at the source decides, per row and against the snapshots before it, so
// that repeated and reordered changes end where those in order do.

extension ReferenceTable {
    /// Bytes of one row; SQLite in memory holds a little more (`SQLSandbox`).
    private static let rowBytesMax = 900 << 10

    /// Whether a change names its row, and the row fits.
    func check(_ change: Change) throws(DecodingFailure) {
        guard [.load, .upsert, .delete].contains(change.kind) else { return }
        for (number, column) in keyPositions.enumerated() {
            var value = told(change.row, column)
            if change.kind == .delete { value = value ?? told(change.before, column) }
            guard value == nil else { continue }
            throw DecodingFailure(
                kind: .noKey,
                reason: "the key column '\(definition.key[number])' of table \(name) has no value"
            )
        }
        let bytes = change.row.reduce(0) { size, value in
            if case .text(let text)? = value { size + text.utf8.count } else { size + 9 }
        }
        guard bytes > Self.rowBytesMax else { return }
        throw DecodingFailure(
            kind: .overLimit,
            reason: "a row of table \(name) can't be larger than \(Self.rowBytesMax >> 10) KiB"
        )
    }

    /// Kafka's log compaction has removed a key.
    ///
    /// In its partition that came last, so it needs no position of its own. Behind a delete it changes
    /// nothing.
    func bury(_ key: [SignalValue?], at arrival: Timestamp) throws(TableFailure) {
        let key = keyValues(of: key)
        do throws(SQLiteFailure) {
            for relation in [TableDefinition.Relation.live, .staging]
            where relation == .live || state.loading != nil {
                guard var place = try relations.place(of: key, relation), place.deletedAt == nil
                else { continue }
                let time = ChangePosition(time: arrival.microseconds)
                try remove(key, time, relation, closes: true)
                place.deletedAt = arrival.milliseconds
                place.keptFrom = place.text
                try execute(.position(place), relation)
                if relation == .live { counts.deletes += 1 }
            }
        } catch {
            throw .sqlite(error)
        }
    }

    func apply(_ change: Change, at arrival: Timestamp) throws(TableFailure) {
        do throws(SQLiteFailure) {
            switch change.kind {
            case .nothing: return
            case .loadBegins:
                try beginLoad(change.position, at: arrival)
            case .loadEnds: try endLoad(by: change)
            case .truncate: try truncate(change.position, at: arrival)
            case .load, .upsert, .delete:
                if change.beginsLoad { try beginLoad(change.position, at: arrival) }
                try applyRow(change, at: arrival)
                // With several partitions the last row may come before others.
                if change.endsLoad, knownPartitions.count < 2 { try endLoad(by: change) }
            }
        } catch {
            throw .sqlite(error)
        }
    }

    private func endLoad(by change: Change) throws(SQLiteFailure) {
        // The end of a snapshot before, come late or again, is not that of the one that comes in.
        guard !isBeforeLoad(change) else { return }
        try endLoad()
        state.isReady = true
    }

    private func applyRow(_ change: Change, at arrival: Timestamp) throws(SQLiteFailure) {
        noteTime(change, at: arrival)
        if change.kind == .load, state.loading != nil {
            // Another partition may still bring rows of an attempt that was given up.
            if case .debezium = configuration.format, !configuration.isFile, isBeforeLoad(change) {
                counts.ignored += 1
                return
            }
            state.hasLoadRows = true
            try apply(change, to: .staging, at: arrival)
            return
        }
        let isApplied = try apply(change, to: .live, at: arrival)
        count(change, isApplied)
        guard let began = state.loading else { return }
        try apply(change, to: .staging, at: arrival)
        // AWS DMS does not tell the end of a load, and sends a table's changes behind it: without rows
        // the table is empty at its source.
        if case .dms = configuration.format, !state.hasLoadRows, change.kind != .load,
            change.position.order(after: began) == .newer
        {
            try endLoad()
        }
    }

    private func noteTime(_ change: Change, at arrival: Timestamp) {
        if state.firstHeardAt == .distantPast { state.firstHeardAt = arrival }
        if change.kind == .load || !state.isReady { state.loadHeardAt = arrival }
        state.newest = max(state.newest, change.position.time)
        see(change.position)
    }

    /// Keeps the newest place that has come.
    func see(_ position: ChangePosition) {
        guard latest.map({ position.order(after: $0) == .newer }) ?? true else { return }
        latest = position
    }

    private func count(_ change: Change, _ isApplied: Bool) {
        guard isApplied else {
            counts.ignored += 1
            return
        }
        if change.kind == .delete { counts.deletes += 1 } else { counts.upserts += 1 }
    }

    private func isBeforeLoad(_ change: Change) -> Bool {
        state.loading.map { change.position.order(after: $0) == .older } ?? false
    }

    /// Whether a snapshot or a truncation, which holds all that was before it, has overtaken a change.
    private func isOvertaken(_ change: Change, _ relation: TableDefinition.Relation) -> Bool {
        guard relation == .live else { return change.kind != .load && isBeforeLoad(change) }
        return state.floor.map { change.position.order(after: $0) == .older } ?? false
    }

    // Rows.

    /// Whether the change came after what the relation has.
    @discardableResult
    private func apply(
        _ change: Change,
        to relation: TableDefinition.Relation,
        at arrival: Timestamp
    ) throws(SQLiteFailure) -> Bool {
        guard !isOvertaken(change, relation) else { return false }
        let key = keyValues(of: change.row)
        let old = keyValues(of: change.before, else: key)
        if change.kind == .delete {
            // A delete names its row in what it was; where that is not told, in what it is.
            return try delete(old, change.position, relation, closes: true, at: arrival)
        }
        // What is not told stays as it was; after a change of the key, under the old one.
        let known =
            change.row.contains { $0 == nil } ? try knownRow(key, old, relation) : nil
        var isApplied = false
        if old != key {
            // Its key has changed: under the old one there is nothing any more.
            isApplied = try delete(old, change.position, relation, closes: false, at: arrival)
        }
        var row = change.row
        for column in row.indices where row[column] == nil {
            row[column] = known?[column] ?? .null
        }
        let place = try relations.place(of: key, relation)
        if let place, !isNewer(change.position, place) {
            return try keep(row, from: change.position, place, relation) || isApplied
        }
        try execute(.row(row), relation)
        try execute(.position(RowPlace(key: key, text: change.position.text)), relation)
        return true
    }

    /// A change from before a delete that came already can't bring the row back, but it may say better
    /// what is kept of it; false when it does not.
    private func keep(
        _ row: [SignalValue?],
        from position: ChangePosition,
        _ deleted: RowPlace,
        _ relation: TableDefinition.Relation
    ) throws(SQLiteFailure) -> Bool {
        guard definition.validity != nil, deleted.deletedAt != nil else { return false }
        if let kept = deleted.keptFrom, position.order(after: ChangePosition(kept)) != .newer {
            return false
        }
        if let closed = closed(row, at: ChangePosition(deleted.text)) {
            try execute(.row(closed), relation)
        } else {
            try execute(.deleteRow(deleted.key), relation)
        }
        var place = deleted
        place.keptFrom = position.text
        try execute(.position(place), relation)
        return true
    }

    private func knownRow(
        _ key: [SignalValue?],
        _ old: [SignalValue?],
        _ relation: TableDefinition.Relation
    ) throws(SQLiteFailure) -> [SignalValue?]? {
        if let known = try relations.row(key, relation) { return known }
        if let known = try relations.row(old, relation) { return known }
        return relation == .live ? nil : try relations.row(key, .live)
    }

    /// `closes`: of a table with validity the row is kept, and goes on holding for what was before.
    private func delete(
        _ key: [SignalValue?],
        _ position: ChangePosition,
        _ relation: TableDefinition.Relation,
        closes: Bool,
        at arrival: Timestamp
    ) throws(SQLiteFailure) -> Bool {
        let known = try relations.place(of: key, relation)
        if let known, !isNewer(position, known) { return false }
        try remove(key, position, relation, closes: closes)
        var place = RowPlace(key: key, text: position.text, deletedAt: arrival.milliseconds)
        if !closes {
            // Of a row that goes on under another key nothing is kept, whatever comes late.
            place.keptFrom = position.text
        } else if let known {
            place.keptFrom = known.deletedAt == nil ? known.text : known.keptFrom
        }
        try execute(.position(place), relation)
        return true
    }

    private func remove(
        _ key: [SignalValue?],
        _ position: ChangePosition,
        _ relation: TableDefinition.Relation,
        closes: Bool
    ) throws(SQLiteFailure) {
        let row = closes ? try relations.row(key, relation) : nil
        if let closed = row.flatMap({ closed($0, at: position) }) {
            try execute(.row(closed), relation)
        } else {
            try execute(.deleteRow(key), relation)
        }
    }

    /// Of a table with validity, a deleted row as it is kept: it goes on holding for what happened before.
    ///
    /// So a message that comes late finds it. `nil` when it never held.
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

    private func isNewer(_ position: ChangePosition, _ known: RowPlace) -> Bool {
        position.order(after: ChangePosition(known.text)) == .newer
    }

    // Keys.

    private func keyValues(
        of row: [SignalValue?],
        else standard: [SignalValue?] = []
    ) -> [SignalValue?] {
        keyPositions.enumerated()
            .map { number, column in
                told(row, column) ?? (standard.isEmpty ? nil : standard[number])
            }
    }

    /// A value of a row; `nil` where nothing is told.
    ///
    /// A key has no nulls.
    private func told(_ row: [SignalValue?], _ column: Int) -> SignalValue? {
        guard row.indices.contains(column), let value = row[column], value != .null else {
            return nil
        }
        return value
    }
}
