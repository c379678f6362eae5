// SPDX-License-Identifier: Apache-2.0
// What one change does. Its place at the source decides, per row and against the snapshots before it, so
// that repeated and reordered changes end where those in order do.

extension ReferenceTable {
    /// Bytes of one row; SQLite in memory holds a little more (`SQLSandbox`).
    private static let rowBytesMax = 900 << 10

    /// Whether the row of a change fits; that it has a key the decoder has seen to.
    func checkSize(of change: Change) throws(DecodingFailure) {
        let bytes = change.row.reduce(0) { size, value in
            if case .text(let text)? = value { size + text.utf8.count } else { size + 9 }
        }
        guard bytes > Self.rowBytesMax else { return }
        throw DecodingFailure(
            kind: .overLimit,
            reason: "a row of table \(name) can't be larger than \(Self.rowBytesMax >> 10) KiB"
        )
    }

    func apply(_ change: Change, at arrival: Timestamp) throws(SQLiteFailure) {
        switch change.kind {
        case .nothing: counts.others += 1
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
            guard !isOfEarlierLoad(change) else {
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

    /// Whether it is a row of a snapshot before the one that comes in: repeated, or from another
    /// partition, of an attempt that was given up.
    private func isOfEarlierLoad(_ change: Change) -> Bool {
        guard let began = state.loading, !configuration.isFile else { return false }
        switch configuration.format {
        case .dms, .debezium: return isBeforeLoad(change)
        case .rows(let rows):
            // Where only times are told, those of rows may be when they were changed last.
            return rows.position != nil && change.position.isComparable(to: began)
                && isBeforeLoad(change)
        }
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
            return try delete(old, change.position, relation, at: arrival)
        }
        // What is not told is looked for under the old key before that goes.
        let row = try completed(change.row, key, old, relation)
        var isApplied = false
        if old != key {
            // Its key has changed: under the old one there is nothing any more.
            isApplied = try delete(old, change.position, relation, at: arrival, isMoved: true)
        }
        let known = try relations.place(of: key, relation)
        if let known, !isNewer(change.position, known) {
            guard isNewerThanKept(change.position, known) else { return isApplied }
            try keep(row, key, known, from: change.position, relation)
            return true
        }
        try execute(.row(row), relation)
        try execute(.position(key: key, KeyPlace(position: change.position.text)), relation)
        return true
    }

    /// The row with what is not told as it was; after a change of the key, under the old one.
    private func completed(
        _ row: [SignalValue?],
        _ key: [SignalValue?],
        _ old: [SignalValue?],
        _ relation: TableDefinition.Relation
    ) throws(SQLiteFailure) -> [SignalValue?] {
        guard row.contains(where: { $0 == nil }) else { return row }
        let known = try knownRow(key, old, relation)
        return row.indices.map { row[$0] ?? known?[$0] ?? .null }
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

    func isNewer(_ position: ChangePosition, _ known: KeyPlace) -> Bool {
        position.order(after: ChangePosition(known.position)) == .newer
    }

    // Keys.

    func keyValues(
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
