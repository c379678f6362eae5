// SPDX-License-Identifier: Apache-2.0
// A new snapshot comes into a relation of its own, and readers see the old one until it is complete.
// Some feeds tell its end; of others silence tells it.

extension ReferenceTable {
    /// A snapshot was announced; what announces the same one again begins nothing.
    func beginLoad(_ position: ChangePosition, at arrival: Timestamp) throws(SQLiteFailure) {
        if let last = state.lastLoad, position.order(after: last) != .newer || position == last {
            return
        }
        try stage(position, at: arrival)
        try stageWhatCameBefore(position)
    }

    /// Copies into a snapshot what belongs to it and came before its announcement: changes that overtook
    /// it, and rows that another partition brought.
    private func stageWhatCameBefore(_ began: ChangePosition) throws(SQLiteFailure) {
        guard hasOldRows || latest.map({ $0.order(after: began) == .newer }) ?? false else {
            return
        }
        let isKafka = configuration.kafka != nil
        // Without a place in the source's log time alone decides.
        let since = began.sequence.isEmpty ? began.time : .min
        let early = try relations.places(since: since) { position in
            // What came before it at the same time is older, unless it came from another partition.
            position.order(after: began) == .newer
                && (isKafka || position.time > began.time || position.isComparable(to: began))
        }
        for (key, place) in early {
            if let row = try relations.row(key, .live) { try execute(.row(row), .staging) }
            try execute(.position(key: key, place), .staging)
            see(ChangePosition(place.position))
        }
        // What is older than this snapshot is older than the next.
        hasOldRows = false
    }

    /// What comes from now on belongs to a new snapshot.
    func stage(_ position: ChangePosition, at arrival: Timestamp) throws(SQLiteFailure) {
        state.generation += 1
        try execute(.createStaging(generation: state.generation))
        state.loading = position
        state.lastLoad = position
        state.hasLoadRows = false
        state.loadHeardAt = arrival
        hasNewState = true
    }

    /// The snapshot is complete: it takes the place of the one before.
    func endLoad() throws(SQLiteFailure) {
        guard let began = state.loading else { return }
        try execute(.swap)
        state.floor = began
        state.loading = nil
        state.isReady = true
        counts.loads += 1
        hasNewState = true
    }

    func truncate(_ position: ChangePosition, at arrival: Timestamp) throws(SQLiteFailure) {
        if let floor = state.floor, position.order(after: floor) != .newer { return }
        // The snapshot that is coming in was read behind it.
        if let began = state.loading, position.order(after: began) == .older { return }
        let wasReady = state.isReady
        if state.firstHeardAt == .distantPast { state.firstHeardAt = arrival }
        state.lastLoad = nil
        try beginLoad(position, at: arrival)
        try endLoad()
        // A task may empty a table before it fills it.
        state.isReady = wasReady
    }

    // What a feed tells beside changes.

    /// A file's version is a snapshot of its own, whatever the clocks say.
    func fileBegins(at arrival: Timestamp) throws(SQLiteFailure) {
        refusedRows = 0
        try stage(ChangePosition(time: arrival.microseconds), at: arrival)
    }

    /// That version has been read as a whole.
    ///
    /// One of which no row could be taken is a mistake, and no reason to empty the table. That is kept
    /// too: after a start the version would otherwise look like one that the table holds.
    func fileEnds(mark: String) throws(SQLiteFailure) {
        hasNewState = true
        guard refusedRows > 0, !state.hasLoadRows else {
            try endLoad()
            state.mark = mark
            return
        }
        state.loading = nil
        refusedMark = mark
        state.mark = FileVersion.refused(mark)
    }

    /// The feed reads another topic of the same name.
    func beganAnew() throws(SQLiteFailure) {
        try execute(.forgetOffsets)
        state.loading = state.loading?.withoutOffset
        state.lastLoad = state.lastLoad?.withoutOffset
        state.floor = state.floor?.withoutOffset
        latest = latest?.withoutOffset
    }

    /// The feed has brought what was there when it began.
    func caughtUp() {
        hasCaughtUp = true
        guard !state.isReady, state.loading == nil, state.firstHeardAt != .distantPast else {
            return
        }
        becomeReady()
    }

    private func becomeReady() {
        state.isReady = true
        hasNewState = true
    }

    // Time.

    /// When time alone will change something.
    func deadline(startedAt: Timestamp) -> Timestamp? {
        var deadline: Timestamp?
        if let quietAt { deadline = quietAt }
        if let limit = configuration.staleMilliseconds, state.staleSince == nil {
            let stale = max(state.heardAt, startedAt) + limit
            deadline = min(deadline ?? stale, stale)
        }
        return deadline
    }

    /// When silence will mean that a snapshot is complete.
    private var quietAt: Timestamp? {
        let quiet = configuration.snapshotQuietMilliseconds
        if state.loading != nil {
            guard state.hasLoadRows, !tellsEndOfLoad else { return nil }
            return state.loadHeardAt + quiet
        }
        // Kafka tells when all has come that was there; into an empty topic it comes later.
        guard !state.isReady, state.firstHeardAt != .distantPast,
            configuration.session != nil || hasCaughtUp
        else { return nil }
        // Under changes that never pause, ten times the quiet is taken for the snapshot's end.
        return min(state.loadHeardAt + quiet, state.firstHeardAt + 10 * quiet)
    }

    /// A snapshot whose end is told is not complete before, however long its source pauses.
    private var tellsEndOfLoad: Bool {
        if case .rows = configuration.format { return true }
        return configuration.isFile
    }

    /// Lets silence take effect; `isHeard` says whether it is the source's silence and not ours.
    func passTime(to now: Timestamp, isHeard: Bool) throws(SQLiteFailure) {
        guard isHeard, let quietAt, quietAt <= now else { return }
        guard state.loading != nil else { return becomeReady() }
        try endLoad()
    }

    /// Whether the table has just become stale or fresh; `nil` when it is as it was.
    func staleness(at now: Timestamp, startedAt: Timestamp) -> Bool? {
        let isStale: Bool
        if let limit = configuration.staleMilliseconds {
            // A start gives the feed time to speak; but what was stale stays so until it has.
            let since = state.staleSince == nil ? max(state.heardAt, startedAt) : state.heardAt
            isStale = now >= since + limit
        } else {
            isStale = false
        }
        guard isStale != (state.staleSince != nil) else { return nil }
        hasNewState = true
        return isStale
    }

    // What nobody needs any more.

    /// Forgets some old deletes, and rows that were over long ago; false when there was nothing.
    func forget(at now: Timestamp, count: Int64) throws(SQLiteFailure) -> Bool {
        let deletes = try relations.expired(
            definition.forgottenDeletes,
            before: .int(now.milliseconds - configuration.deletesMilliseconds),
            count: count
        )
        for key in deletes { try execute(.deletePosition(key: key)) }
        var over: [[SignalValue?]] = []
        if let sql = definition.rowsThatAreOver, let validity = configuration.validity {
            let limit = Double(now.milliseconds - validity.historyMilliseconds) / 1_000
            over = try relations.expired(sql, before: .double(limit), count: count)
            for key in over { try forgetRow(key, at: now) }
        }
        return !deletes.isEmpty || !over.isEmpty
    }

    /// Its key is remembered like a deleted one, for as long.
    private func forgetRow(_ key: [SignalValue?], at now: Timestamp) throws(SQLiteFailure) {
        try execute(.deleteRow(key))
        guard var place = try relations.place(of: key, .live), place.deletedAt == nil else {
            return
        }
        place.deletedAt = now.milliseconds
        // It was over: what came before is of no use either.
        place.keptFrom = place.position
        try execute(.position(key: key, place))
    }
}
