// SPDX-License-Identifier: Apache-2.0
// All groups, and the way from a reading to its own: most often the one that the topic's last reading had.

/// What was seen of the schemas of all sources; belongs to the intake thread.
final class SchemaHistory {
    /// The groups of one configured topic of a source.
    private struct Place {
        let source: String
        let topic: String
        var groups: [String: SchemaGroup] = [:]
        var last: SchemaGroup?
    }

    let configuration: SchemaConfiguration
    private var places: [[Place]]
    /// All groups that may change, in the order in which they began.
    private(set) var groups: [SchemaGroup] = []
    private var nextID: Int64
    private var open: [SchemaGroup] = []
    /// Groups with steps for the log that were not handed over yet.
    private var changed: [SchemaGroup] = []
    /// Which group's counts are saved next.
    private var nextSaved = 0
    /// Readings that found no group, because there are as many as are allowed.
    private(set) var overflowCount = 0

    init(_ configuration: Configuration) {
        self.configuration = configuration.schema
        places = configuration.sources.map { source in
            source.topics.map { Place(source: source.name, topic: $0.pattern.description) }
        }
        nextID = 1
    }

    /// Takes what the log has; groups of topics that are not configured any more stay there.
    func restore(_ rows: [(group: SchemaGroupRow, paths: [SchemaPathRow])]) {
        var known: [Int64: SchemaGroup] = [:]
        for (row, paths) in rows {
            nextID = max(nextID, row.id + 1)
            guard let (source, topic) = place(of: row) else { continue }
            let group = SchemaGroup(
                row,
                paths: paths,
                parent: row.parent.flatMap { known[$0] },
                configuration: configuration
            )
            known[row.id] = group
            groups.append(group)
            places[source][topic].groups[row.name] = group
            if group.burst != nil { open.append(group) }
        }
    }

    private func place(of row: SchemaGroupRow) -> (source: Int, topic: Int)? {
        for (source, topics) in places.enumerated() {
            let topic = topics.firstIndex { $0.source == row.source && $0.topic == row.topic }
            if let topic { return (source, topic) }
        }
        return nil
    }

    /// Counts a reading, and gives what there is to tell of it.
    ///
    /// `former` is the group that the vehicle was in before this reading; a group that begins with it
    /// goes on from there.
    func observe(
        _ reading: SchemaReading,
        source: Int,
        topic: Int,
        group name: String,
        former: String?
    ) -> [SchemaNews] {
        var news: [SchemaNews] = []
        guard
            let group = group(
                source,
                topic,
                name,
                former: former == name ? nil : former,
                at: reading.arrival,
                &news
            )
        else { return [] }
        if let burst = group.burst, reading.arrival >= burst.closesAt { close(group, &news) }
        let wasOpen = group.burst != nil
        group.observe(reading)
        if !wasOpen, group.burst != nil { open.append(group) }
        if group.hasLearned { news.append(group.settleFirstVersion(at: reading.arrival)) }
        if group.hasNewRow || !group.writes.isEmpty, changed.last !== group {
            changed.append(group)
        }
        return news
    }

    /// Counts a reading if that is all there is to it; otherwise it has to be observed.
    ///
    /// The way of nearly every message: no object is made for it, and no group is looked up.
    @inline(__always)
    func counts(
        _ shape: Shape,
        numberHash: UInt64,
        at arrival: Timestamp,
        group name: String
    ) -> Bool {
        guard let known = shape.schema, known.owner.name == name else { return false }
        return known.owner.counts(known, numberHash: numberHash, at: arrival)
    }

    private func group(
        _ source: Int,
        _ topic: Int,
        _ name: String,
        former: String?,
        at time: Timestamp,
        _ news: inout [SchemaNews]
    ) -> SchemaGroup? {
        if let last = places[source][topic].last, last.name == name { return last }
        if let known = places[source][topic].groups[name] {
            places[source][topic].last = known
            return known
        }
        guard groups.count < configuration.groupsMax else {
            overflowCount += 1
            return nil
        }
        let place = places[source][topic]
        let parent = former.flatMap { place.groups[$0] }
        // What is open of the former group belongs to its next version, not to this one.
        if let parent, parent.burst != nil { close(parent, &news) }
        let group = SchemaGroup(
            id: nextID,
            source: place.source,
            topic: place.topic,
            name: name,
            parent: parent,
            configuration: configuration,
            at: time
        )
        nextID += 1
        groups.append(group)
        places[source][topic].groups[name] = group
        places[source][topic].last = group
        if group.isSettled {
            news.append(SchemaNews(kind: .continued, group: group, time: time, from: 1, to: 1))
        }
        return group
    }

    // Time.

    /// When the next burst is over.
    var nextDeadline: Timestamp? { open.compactMap(\.burst?.closesAt).min() }

    /// Ends the bursts that are over.
    func passTime(to now: Timestamp) -> [SchemaNews] {
        var news: [SchemaNews] = []
        for group in open where (group.burst?.closesAt ?? .distantFuture) <= now {
            close(group, &news)
        }
        return news
    }

    private func close(_ group: SchemaGroup, _ news: inout [SchemaNews]) {
        open.removeAll { $0 === group }
        if let told = group.closeBurst() { news.append(told) }
        if changed.last !== group { changed.append(group) }
    }

    // The log.

    /// Hands over what the log has to keep.
    func takeWrites() -> [SchemaWrite] {
        guard !changed.isEmpty else { return [] }
        defer { changed.removeAll(keepingCapacity: true) }
        return changed.flatMap { $0.takeWrites() }
    }

    /// The counts of groups that have changed since they were saved: of some, or of all.
    func takeCounts(pathsMax: Int) -> [SchemaWrite] {
        var writes: [SchemaWrite] = []
        var looked = 0
        while looked < groups.count, writes.count < pathsMax {
            nextSaved = (nextSaved + 1) % groups.count
            writes += groups[nextSaved].takeDirtyRows()
            looked += 1
        }
        return writes
    }

    /// Paths of all groups, and those that found no room.
    var pathCount: Int { groups.reduce(0) { $0 + $1.paths.count } }
    var pathOverflowCount: Int { groups.reduce(0) { $0 + $1.overflowCount } }
}
