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
        // Other partitions may have brought rows of it already.
        if state.newest >= position.time {
            try execute(.stageNewer(microseconds: position.time))
        }
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
        state.lastLoad = nil
        try beginLoad(position, at: arrival)
        try endLoad()
    }

    // What a feed tells beside changes.

    /// A file's version is a snapshot of its own, whatever the clocks say.
    func fileBegins(at arrival: Timestamp) throws(TableFailure) {
        do throws(SQLiteFailure) {
            try stage(ChangePosition(time: arrival.milliseconds * 1_000), at: arrival)
        } catch {
            throw .sqlite(error)
        }
    }

    /// That version has been read as a whole.
    func fileEnds(mark: String) throws(TableFailure) {
        do throws(SQLiteFailure) {
            try endLoad()
        } catch {
            throw .sqlite(error)
        }
        state.mark = mark
        hasNewState = true
    }

    /// The feed reads another topic of the same name.
    func beganAnew() throws(TableFailure) {
        do throws(SQLiteFailure) {
            try execute(.forgetOffsets)
        } catch {
            throw .sqlite(error)
        }
    }

    /// The feed has brought what was there when it began.
    func caughtUp() {
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
            guard state.hasLoadRows, !configuration.isFile else { return nil }
            return state.loadHeardAt + quiet
        }
        guard !state.isReady, state.firstHeardAt != .distantPast, configuration.session != nil
        else { return nil }
        // Under changes that never pause, ten times the quiet is taken for the snapshot's end.
        return min(state.loadHeardAt + quiet, state.firstHeardAt + 10 * quiet)
    }

    /// Lets silence take effect; `isHeard` says whether it is the source's silence and not ours.
    func passTime(to now: Timestamp, isHeard: Bool) throws(TableFailure) {
        guard isHeard, let quietAt, quietAt <= now else { return }
        guard state.loading != nil else { return becomeReady() }
        do throws(SQLiteFailure) {
            try endLoad()
        } catch {
            throw .sqlite(error)
        }
    }

    /// Whether the table has just become stale or fresh; `nil` when it is as it was.
    func staleness(at now: Timestamp, startedAt: Timestamp) -> Bool? {
        guard let limit = configuration.staleMilliseconds else { return nil }
        let due = max(state.heardAt, startedAt) + limit
        guard (now >= due) != (state.staleSince != nil) else { return nil }
        hasNewState = true
        return now >= due
    }

    // What nobody needs any more.

    /// Forgets some old deletes, and rows that were over long ago; false when there was nothing.
    func forget(at now: Timestamp, count: Int64) throws(TableFailure) -> Bool {
        do throws(SQLiteFailure) {
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
                for key in over { try execute(.deleteRow(key)) }
            }
            return !deletes.isEmpty || !over.isEmpty
        } catch {
            throw .sqlite(error)
        }
    }
}
