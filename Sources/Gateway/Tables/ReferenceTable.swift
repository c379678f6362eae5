// SPDX-License-Identifier: Apache-2.0
// One table in memory, and what its change events do to it. Each effect is a `TableWrite`: it is executed
// here at once, so that the next reading of the same batch is joined with it, and handed to the commit.

/// Applies changes to one table, by the order of the source and not of their arrival.
final class ReferenceTable {
    let configuration: TableConfiguration
    let index: Int
    let relations: TableRelations
    let decoder: ChangeDecoder
    var state = TableState()
    var counts = TableCounts()
    /// Next offsets by topic and partition, as long as the commit does not have them.
    private var offsets: [OffsetKey: Int64] = [:]
    private var knownPartitions: Set<Int32> = []
    /// What the current batch does; taken by the processor.
    private var writes: [TableWrite] = []
    var hasNewState = false
    private var keyPositions: [Int] = []

    private struct OffsetKey: Hashable {
        var topic: String
        var partition: Int32
    }

    init(
        _ configuration: TableConfiguration,
        index: Int,
        sandbox: SQLSandbox,
        limits: LimitsConfiguration,
        parser: JSONParser
    ) throws(SQLiteFailure) {
        self.configuration = configuration
        self.index = index
        let definition = TableDefinition(configuration)
        relations = sandbox.relations(definition)
        decoder = ChangeDecoder(configuration: configuration, limits: limits, parser: parser)
        try relations.create(generation: state.generation)
        columnsChanged()
    }

    var name: String { configuration.name }
    var definition: TableDefinition { relations.definition }
    /// Its columns are told by what comes.
    var infersColumns: Bool { configuration.columns == nil }

    /// Values of columns whose type is not known yet fix it.
    private(set) var hasUntypedColumns = false

    // Recovery.

    /// Takes what the log knows, but for the rows: they come next.
    func restore(_ stored: StoredTable) throws(SQLiteFailure) {
        state = stored.state
        knownPartitions = Set(stored.offsets.map(\.partition))
        // What SELECTs expect beyond that is new to the log.
        let known = Set(stored.columns.map(\.name))
        let columns = stored.columns + definition.columns.filter { !known.contains($0.name) }
        try relations.recreate(
            columns,
            generation: state.generation,
            isLoading: state.loading != nil
        )
        if columns.count > stored.columns.count { write(.setColumns(columns)) }
        columnsChanged()
    }

    func columnsChanged() {
        decoder.setColumns(definition.columns)
        hasUntypedColumns = definition.columns.contains { $0.type == nil }
        keyPositions = definition.keyPositions
    }

    // The batch.

    /// What has been done since the last call, for the commit.
    func takeWrites() -> [TableWrite] {
        for (key, next) in offsets {
            write(.offset(topic: key.topic, partition: key.partition, next: next))
        }
        offsets.removeAll(keepingCapacity: true)
        if hasNewState { write(.state(state)) }
        hasNewState = false
        defer { writes.removeAll(keepingCapacity: true) }
        return writes
    }

    func takeCounts() -> TableCounts {
        defer { counts = TableCounts() }
        return counts
    }

    /// The feed has spoken, whatever it said.
    func hear(_ message: Message, _ record: RecordPlace?) {
        state.heardAt = max(state.heardAt, message.arrival)
        hasNewState = true
        guard let record, record.offset >= 0 else { return }
        offsets[OffsetKey(topic: message.topic.name, partition: record.partition)] =
            record.offset + 1
        knownPartitions.insert(record.partition)
    }

    // Changes.

    /// Whether a change names its row.
    func checkKey(of change: Change) throws(DecodingFailure) {
        guard [.load, .upsert, .delete].contains(change.kind) else { return }
        for (number, column) in keyPositions.enumerated() {
            let isDelete = change.kind == .delete
            let value =
                change.row[column]
                ?? (isDelete ? change.before.dropFirst(column).first ?? nil : nil)
            guard value == nil || value == .null else { continue }
            throw DecodingFailure(
                kind: .noKey,
                reason: "the key column '\(definition.key[number])' of table \(name) has no value"
            )
        }
    }

    func apply(_ change: Change, at arrival: Timestamp) throws(TableFailure) {
        do throws(SQLiteFailure) {
            switch change.kind {
            case .nothing: return
            case .loadBegins:
                try beginLoad(change.position, at: arrival)
            case .loadEnds:
                // The end of an earlier one may come again.
                if let began = state.loading, change.position.order(after: began) == .older {
                    return
                }
                try endLoad()
                state.isReady = true
            case .truncate: try truncate(change.position, at: arrival)
            case .load, .upsert, .delete:
                if change.beginsLoad { try beginLoad(change.position, at: arrival) }
                try applyRow(change, at: arrival)
                // With several partitions the last row may come before others.
                if change.endsLoad, knownPartitions.count < 2 {
                    try endLoad()
                    state.isReady = true
                }
            }
        } catch {
            throw .sqlite(error)
        }
    }

    private func applyRow(_ change: Change, at arrival: Timestamp) throws(SQLiteFailure) {
        noteTime(change, at: arrival)
        if change.kind == .load, state.loading != nil {
            state.hasLoadRows = true
            try apply(change, to: .staging, at: arrival)
            return
        }
        let isApplied = try apply(change, to: .live, at: arrival)
        count(change, isApplied)
        guard let began = state.loading else { return }
        try apply(change, to: .staging, at: arrival)
        // A snapshot without rows is over when changes follow it: the table is empty at its source.
        if !state.hasLoadRows, change.kind != .load, change.position.order(after: began) == .newer {
            try endLoad()
        }
    }

    private func noteTime(_ change: Change, at arrival: Timestamp) {
        if state.firstHeardAt == .distantPast { state.firstHeardAt = arrival }
        if change.kind == .load || !state.isReady { state.loadHeardAt = arrival }
        state.newest = max(state.newest, change.position.time)
    }

    private func count(_ change: Change, _ isApplied: Bool) {
        guard isApplied else {
            counts.ignored += 1
            return
        }
        if change.kind == .delete { counts.deletes += 1 } else { counts.upserts += 1 }
    }

    /// Whether the change came after what the relation has.
    @discardableResult
    private func apply(
        _ change: Change,
        to relation: TableDefinition.Relation,
        at arrival: Timestamp
    ) throws(SQLiteFailure) -> Bool {
        let key = keyValues(of: change.row)
        let old = keyValues(of: change.before, else: key)
        guard !isOvertaken(change, relation) else { return false }
        if change.kind == .delete {
            // A delete names its row in what it was; where that is not told, in what it is.
            let gone = change.before.contains { $0 != nil } ? old : key
            return try delete(gone, change.position, relation, at: arrival)
        }
        var isApplied = false
        var row = change.row
        if old != key {
            // What is not told is looked for under the old key before that goes.
            row = try completed(row, key, old, relation)
            // Its key has changed: under the old one there is nothing any more.
            isApplied = try delete(old, change.position, relation, at: arrival, isMoved: true)
        }
        let known = try relations.place(of: key, relation)
        if let known, !isNewer(change.position, known) {
            guard isNewerThanKept(change.position, known) else { return isApplied }
            row = try completed(row, key, old, relation)
            try keep(row, key, known, from: change.position, relation)
            return true
        }
        try execute(.row(completed(row, key, old, relation)), relation)
        try execute(.position(key: key, KeyPlace(position: change.position.text)), relation)
        return true
    }

    /// Whether a snapshot has, or will have, what the change did.
    private func isOvertaken(_ change: Change, _ relation: TableDefinition.Relation) -> Bool {
        guard let floor = relation == .live ? state.floor : state.loading else { return false }
        return change.position.order(after: floor) == .older
    }

    func isNewer(_ position: ChangePosition, _ known: KeyPlace) -> Bool {
        position.order(after: ChangePosition(known.position)) == .newer
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

    func keyValues(
        of row: [SignalValue?],
        else standard: [SignalValue?] = []
    ) -> [SignalValue?] {
        guard !row.isEmpty else { return standard }
        return keyPositions.enumerated()
            .map { number, column in
                row[column] ?? (standard.isEmpty ? nil : standard[number])
            }
    }

    // Columns.

    /// Takes columns that a change has brought; gives what is to be told about it.
    func learn(_ found: [ColumnConfiguration]) throws(TableFailure) -> [ColumnNews] {
        guard infersColumns, !found.isEmpty else { return [] }
        var columns = definition.columns
        var news: [ColumnNews] = []
        for column in found {
            guard let place = columns.firstIndex(where: { $0.name == column.name }) else {
                columns.append(column)
                news.append(ColumnNews(column: column, before: nil, isNew: true))
                continue
            }
            guard columns[place].type != column.type else { continue }
            news.append(ColumnNews(column: column, before: columns[place].type, isNew: false))
            columns[place] = column
        }
        guard !news.isEmpty else { return [] }
        do throws(SQLiteFailure) {
            try execute(.setColumns(columns))
        } catch {
            throw .sqlite(error)
        }
        columnsChanged()
        hasNewState = true
        return news
    }

    /// A SELECT names a column that has not come yet.
    func expect(_ column: String) throws(SQLiteFailure) {
        let columns = definition.columns + [ColumnConfiguration(name: column)]
        try relations.execute(TableWrite(table: index, step: .setColumns(columns)))
        columnsChanged()
    }

    // Writing.

    func execute(
        _ step: TableWrite.Step,
        _ relation: TableDefinition.Relation = .live
    ) throws(SQLiteFailure) {
        let write = TableWrite(table: index, relation: relation, step: step)
        try relations.execute(write)
        writes.append(write)
        hasNewState = true
    }

    private func write(_ step: TableWrite.Step) {
        writes.append(TableWrite(table: index, step: step))
    }
}
