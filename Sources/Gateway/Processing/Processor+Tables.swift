// SPDX-License-Identifier: Apache-2.0
// Change events: what they do to tables, and what is told about it.

extension Processor {
    /// The table that a message's feed belongs to; feeds are counted behind the sources.
    func table(of message: Message) -> ReferenceTable? {
        let index = message.source - configuration.sources.count
        return index < 0 ? nil : tables.tables[index]
    }

    /// Applies a change event; what can't be applied is dead-lettered, and the table goes on.
    func change(_ table: ReferenceTable, _ message: Message, in batch: MessageBatch) {
        arrival = message.arrival
        let record = batch.record(of: message)
        table.hear(message, record)
        do throws(SQLiteFailure) {
            switch record?.kind ?? .change {
            case .change: try changes(table, message, record, in: batch)
            case .tombstone: try tombstone(table, message, record, in: batch)
            case .loadBegins: try table.fileBegins(at: message.arrival)
            case .loadEnds: try table.fileEnds(mark: record?.mark ?? "")
            case .beganAnew: try table.beganAnew()
            case .caughtUp: table.caughtUp()
            }
        } catch {
            note(error)
        }
    }

    private func changes(
        _ table: ReferenceTable,
        _ message: Message,
        _ record: RecordPlace?,
        in batch: MessageBatch
    ) throws(SQLiteFailure) {
        let count: Int
        do throws(DecodingFailure) {
            if let reason = record?.failure {
                throw DecodingFailure(kind: .wrongForm, reason: reason)
            }
            count = try table.decoder.parse(message.payload, in: batch.bytes)
        } catch {
            table.refusedRows += 1
            return deadLetter(message, in: batch, error)
        }
        var failures = ElementFailures(of: count)
        for element in 0..<count where message.takes(element) {
            do throws(DecodingFailure) {
                var change = try decode(element, table, message, record)
                try checkReplay(of: change, message)
                if table.configuration.isFile, change.kind == .upsert { change.kind = .load }
                bound(&change.position, arrival: message.arrival)
                try table.checkSize(of: change)
                try apply(change, to: table, message)
            } catch {
                failures.add(error, at: element)
            }
        }
        if let failure = failures.summary {
            table.refusedRows += failures.count
            deadLetter(message, in: batch, failure, elements: failures.elements)
        }
    }

    /// A snapshot of then has neither the rows that belong to it nor an end.
    private func checkReplay(of change: Change, _ message: Message) throws(DecodingFailure) {
        guard message.replay != nil else { return }
        switch change.kind {
        case .upsert, .load, .delete, .nothing:
            guard change.beginsLoad || change.endsLoad else { return }
        case .truncate, .loadBegins, .loadEnds: break
        }
        throw DecodingFailure(
            kind: .wrongForm,
            reason:
                "what begins or ends a snapshot can't be replayed; load the table anew at its source"
        )
    }

    /// A time that can't be true yet would outrank all that comes: the arrival takes its place.
    private func bound(_ position: inout ChangePosition, arrival: Timestamp) {
        let latest = arrival + configuration.clock.futureToleranceMilliseconds
        if position.time > latest.microseconds { position.time = arrival.microseconds }
    }

    private func apply(
        _ change: Change,
        to table: ReferenceTable,
        _ message: Message
    ) throws(DecodingFailure) {
        if let note = change.note { schemaNote(note, of: table, at: message.arrival) }
        do throws(SQLiteFailure) {
            try table.apply(change, at: message.arrival)
        } catch {
            note(error)
        }
    }

    /// The change, after the table has learned what is new in it.
    private func decode(
        _ element: Int,
        _ table: ReferenceTable,
        _ message: Message,
        _ record: RecordPlace?
    ) throws(DecodingFailure) -> Change {
        guard table.infersColumns else {
            return try table.decoder.change(element, of: message, record: record)
        }
        do throws(DecodingFailure) {
            let change = try table.decoder.change(element, of: message, record: record)
            guard table.hasUntypedColumns, change.kind == .upsert || change.kind == .load else {
                return change
            }
        } catch {
            guard error.kind == .unknownColumn || error.kind == .wrongType else { throw error }
        }
        let found = try table.decoder.discoveries(element, of: message)
        try table.checkColumns(found)
        do throws(SQLiteFailure) {
            let news = try table.learn(found)
            if !news.isEmpty { tables.columnsChanged() }
            for column in news { columnNews(column, of: table, at: message.arrival) }
        } catch {
            note(error)
        }
        return try table.decoder.change(element, of: message, record: record)
    }

    private func tombstone(
        _ table: ReferenceTable,
        _ message: Message,
        _ record: RecordPlace?,
        in batch: MessageBatch
    ) throws(SQLiteFailure) {
        let key: [SignalValue?]
        do throws(DecodingFailure) {
            guard let range = record?.key else {
                throw DecodingFailure(kind: .noKey, reason: "neither a key nor a value")
            }
            key = try table.decoder.key(range, in: batch.bytes)
        } catch {
            return deadLetter(message, in: batch, error)
        }
        try table.bury(key, at: message.arrival)
    }

    /// SQLite itself has failed: nothing of the batch may be committed.
    private func note(_ failure: SQLiteFailure) {
        outcome.failure = outcome.failure ?? failure
    }

    // Time.

    /// Lets time pass for the tables: snapshots that are complete, feeds that have fallen silent.
    func passTableTime(_ clock: ClockReading) {
        let startedAt = startedAt ?? clock.now
        self.startedAt = startedAt
        lookedAt = clock.now
        for table in tables.tables {
            do throws(SQLiteFailure) {
                try table.passTime(to: clock.now, isHeard: clock.hears(table: table.index))
            } catch {
                note(error)
            }
            guard let isStale = table.staleness(at: clock.now, startedAt: startedAt) else {
                continue
            }
            if isStale { table.state.staleSince = clock.now }
            staleness(of: table, isStale: isStale, at: clock.now)
            if !isStale { table.state.staleSince = nil }
        }
    }

    /// When a table has to be looked at next.
    var nextTableDeadline: Timestamp? {
        guard let startedAt else { return tables.tables.isEmpty ? nil : .distantPast }
        let deadline = tables.tables.compactMap { $0.deadline(startedAt: startedAt) }.min()
        // While a feed is away its silence means nothing, and a deadline passes without an effect.
        return deadline.map { max($0, lookedAt + 250) }
    }

    /// Forgets what nobody needs any more; empty when there is nothing.
    func forgetOldRows(at time: Timestamp, count: Int64) -> Outcome {
        outcome.removeAll()
        for table in tables.tables {
            do throws(SQLiteFailure) {
                _ = try table.forget(at: time, count: count)
            } catch {
                note(error)
            }
        }
        collectTables()
        return outcome
    }

    /// Deletes in memory a chunk of what a new snapshot of a table has replaced; false when there is none.
    func deleteRetired() throws(SQLiteFailure) -> Bool {
        for table in tables.tables where try table.relations.deleteRetired(rows: 1_000) {
            return true
        }
        return false
    }

    /// Hands over what the batch did to tables.
    func collectTables() {
        for table in tables.tables {
            outcome.tables += table.takeWrites()
            let counts = table.takeCounts()
            if !counts.isEmpty { outcome.counts.tables[table.index] = counts }
        }
    }

    // Events.

    private func columnNews(_ news: ColumnNews, of table: ReferenceTable, at time: Timestamp) {
        let type = news.column.type?.name ?? "unknown"
        schemaEvent(
            of: table,
            at: time,
            [
                ("change", news.isNew ? "column_added" : "column_type"),
                ("column", news.column.name), ("type", type),
            ] + (news.before.map { [("before", $0.name)] } ?? [])
        )
    }

    private func schemaNote(_ note: String, of table: ReferenceTable, at time: Timestamp) {
        schemaEvent(of: table, at: time, [("change", note)])
    }

    private func schemaEvent(
        of table: ReferenceTable,
        at time: Timestamp,
        _ members: [(String, String)]
    ) {
        let start = outcome.bytes.count
        outcome.bytes.raw("{")
        outcome.bytes.texts(
            [("time", time.iso8601), ("gateway", gatewayID), ("table", table.name)] + members
        )
        outcome.bytes.raw("}")
        outcome.schema.append(
            Event(
                offset: takeOffset(StreamName.schema),
                eventTime: time,
                arrival: time,
                key: table.name,
                topic: table.configuration.feedName,
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
    }

    /// An alert of the gateway about itself, among the outliers; its key is the gateway.
    private func staleness(of table: ReferenceTable, isStale: Bool, at time: Timestamp) {
        let since = table.state.staleSince ?? time
        let heard = table.state.isHeard ? table.state.heardAt.iso8601 : "never"
        let start = outcome.bytes.count
        let summary =
            isStale
            ? "table \(table.name) is stale: its feed was last heard \(heard)"
            : "table \(table.name) is heard again"
        outcome.bytes.raw("{")
        outcome.bytes.texts([
            ("time", time.iso8601), ("alert", Self.staleAlert),
            ("state", isStale ? "firing" : "resolved"), ("vehicle", gatewayID),
            ("severity", "warning"), ("summary", summary), ("table", table.name),
            ("since", since.iso8601), ("gateway", gatewayID),
            (
                "id",
                "\(Self.staleAlert)/\(table.name)/\(since.milliseconds)/"
                    + (isStale ? "firing" : "resolved")
            ),
        ])
        outcome.bytes.raw("}")
        outcome.outlier.append(
            Event(
                offset: takeOffset(StreamName.outlier),
                eventTime: time,
                arrival: time,
                key: gatewayID,
                topic: Self.staleAlert,
                payload: start..<outcome.bytes.count,
                isText: true
            )
        )
    }

    /// What the alert about a silent feed is called.
    static let staleAlert = "table_stale"
}
