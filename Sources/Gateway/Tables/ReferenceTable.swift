// SPDX-License-Identifier: Apache-2.0
// One table in memory, and what its change events do to it. Each effect is a `TableWrite`: it is executed
// here at once, so that the next reading of the same batch is joined with it, and handed to the commit.

/// Applies changes to one table, by the order of the source and not of their arrival.
final class ReferenceTable {
    private static let columnNameBytesMax = 256

    let configuration: TableConfiguration
    let index: Int
    let relations: TableRelations
    let decoder: ChangeDecoder
    var state = TableState()
    var counts = TableCounts()
    /// Next offsets by topic and partition, as long as the commit does not have them.
    private var offsets: [OffsetKey: Int64] = [:]
    private(set) var knownPartitions: Set<Int32> = []
    /// The newest change since the start; `nil` while there is none.
    var latest: ChangePosition?
    /// Rows of before the start may be newer than `latest`.
    var hasOldRows = false
    /// The feed has brought what was there when it began.
    var hasCaughtUp = false
    /// What the current batch does; taken by the processor.
    private var writes: [TableWrite] = []
    var hasNewState = false
    /// Rows of the file's version that comes in which could not be taken.
    var refusedRows = 0
    /// The version of a file of which no row could be taken; taken by the intake loop.
    var refusedMark: String?
    private(set) var keyPositions: [Int] = []
    private let columnsMax: Int

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
        columnsMax = limits.tableColumnsMax
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
        if columns.count > stored.columns.count {
            write(.setColumns(columns))
            // The state names them: without it the next start would add them again.
            hasNewState = true
        }
        hasOldRows = state.isHeard
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
        // These are words of the gateway's own reader, not of the source.
        guard record?.kind != .caughtUp, record?.kind != .beganAnew else { return }
        state.heardAt = max(state.heardAt, message.arrival)
        hasNewState = true
        guard let record, record.offset >= 0 else { return }
        offsets[OffsetKey(topic: message.topic.name, partition: record.partition)] =
            record.offset + 1
        knownPartitions.insert(record.partition)
    }

    // Columns.

    /// Whether the table can have these columns too.
    func checkColumns(_ found: [ColumnConfiguration]) throws(DecodingFailure) {
        let new = found.filter { definition.position(of: $0.name) == nil }
        guard definition.columns.count + new.count <= columnsMax || new.isEmpty else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "table \(name) would have more than \(columnsMax) columns; name those that "
                    + "are wanted under 'columns', with 'unknown_columns: ignore'"
            )
        }
        // A name goes into SQL, where a zero byte would end the text.
        guard
            let bad = new.first(where: {
                $0.name.utf8.count > Self.columnNameBytesMax || $0.name.utf8.contains(0)
            })
        else { return }
        throw DecodingFailure(
            kind: .overLimit,
            reason:
                "'\(bad.name.prefix(100))' can't be the name of a column of table \(name): it has "
                + "a zero byte or more than \(Self.columnNameBytesMax) bytes"
        )
    }

    /// Takes columns that a change has brought; gives what is to be told about it.
    func learn(_ found: [ColumnConfiguration]) throws(SQLiteFailure) -> [ColumnNews] {
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
        try execute(.setColumns(columns))
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
