// SPDX-License-Identifier: Apache-2.0
// How versions come about: the first is learned, each further one is made by a burst of changes.

/// What there is to tell of a group.
struct SchemaNews {
    enum Kind: String {
        /// The first version is known.
        case learned = "schema_learned"
        /// A group has begun with the schema that its vehicles' former group has.
        case continued = "schema_continued"
        case changed = "schema_changed"
    }

    let kind: Kind
    let group: SchemaGroup
    let time: Timestamp
    /// Equal when what has changed is not part of a version.
    let from: Int
    let to: Int
    /// What the version is, at this moment: the reading that it is told with may open a burst.
    let pathCount: Int
    let fingerprint: String
    var changes: [SchemaChange]
    let vehicles: [String]
    let vehicleCount: Int

    init(
        kind: Kind,
        group: SchemaGroup,
        time: Timestamp,
        from: Int,
        to: Int,
        changes: [SchemaChange] = [],
        vehicles: [String] = [],
        vehicleCount: Int = 0
    ) {
        let keys = group.paths.values.filter { $0.addedIn <= to && !$0.isGone }.map(\.key)
        self.kind = kind
        self.group = group
        self.time = time
        self.from = from
        self.to = to
        pathCount = keys.count
        fingerprint = keys.fingerprint
        self.changes = changes
        self.vehicles = vehicles
        self.vehicleCount = vehicleCount
    }
}

extension SchemaGroup {
    func openBurst(at time: Timestamp) {
        guard burst == nil else { return }
        burst = SchemaBurst(openedAt: time, closesAt: time + configuration.burstMilliseconds)
    }

    /// Calls the first version known.
    func settleFirstVersion(at time: Timestamp) -> SchemaNews {
        isSettled = true
        hasNewRow = true
        // After a kill right behind it paths must be known as steady, or no rename would be seen.
        settle()
        return SchemaNews(kind: .learned, group: self, time: time, from: version, to: version)
    }

    /// Ends the burst that is open; its changes are the next version, if they concern what is in one.
    func closeBurst() -> SchemaNews? {
        guard var burst else { return nil }
        self.burst = nil
        settle()
        // A message had it meanwhile.
        for path in burst.gone where path.lastNumber > path.goneNumber { revive(path) }
        burst.gone.removeAll { !$0.isGone }
        let changes = changes(of: burst)
        guard !changes.isEmpty else { return nil }
        noteRenames(changes)
        let from = version
        // With the event that tells it: after a kill before, it is seen and told again; after it, not.
        for path in burst.grown.map(\.path) + burst.units.map(\.path) {
            writes.append(.path(row(of: path)))
        }
        forget(burst.gone)
        if burst.makesVersion {
            version += 1
            hasNewRow = true
        }
        return SchemaNews(
            kind: .changed,
            group: self,
            time: burst.openedAt,
            from: from,
            to: version,
            changes: changes,
            vehicles: burst.vehicles,
            vehicleCount: burst.vehicleCount
        )
    }

    /// What seemed gone is not.
    private func revive(_ path: SchemaPath) {
        path.isGone = false
        writes.append(.path(row(of: path)))
    }

    /// Remembers what paths are probably called: their end will be told with it.
    private func noteRenames(_ changes: [SchemaChange]) {
        for change in changes where change.kind == .likelyRename {
            for type in change.before {
                let key = SchemaKey(path: change.formerPath ?? "", type: type)
                paths[key]?.renamedTo = change.path
            }
        }
    }

    /// Takes paths out of the version; shapes that had them are looked at anew when they come again.
    private func forget(_ gone: [SchemaPath]) {
        guard !gone.isEmpty else { return }
        for path in gone { paths[path.key] = nil }
        let objects = Set(gone.map { ObjectIdentifier($0) })
        for (id, shape) in shapes
        where shape.paths.contains(where: { objects.contains(ObjectIdentifier($0)) }) {
            shape.group = -1
            shapes[id] = nil
        }
    }

    // Changes.

    /// What a burst has changed, by path; the same whatever came first.
    private func changes(of burst: SchemaBurst) -> [SchemaChange] {
        let guesses = RenameGuess.guesses(
            of: burst.added.filter { typesBefore(of: $0.path, burst).isEmpty },
            for: (burst.missing ?? [:]).values.map { ($0.path, $0.last) },
            byName: burst.isOfAnotherKind
        )
        var changes: [SchemaChange] = []
        for (path, items) in Dictionary(grouping: burst.added, by: \.path.key.path) {
            changes += additions(path, items.sorted { $0.path.key < $1.path.key }, guesses, burst)
        }
        changes += burst.widened.map { item in
            change(.typeWidened, item.path) {
                $0.before = [.int]
                $0.after = [.float]
                $0.exampleAfter = configuration.shown(item.example, of: item.path.key.path)
            }
        }
        changes += burst.gone.map { path in
            let rest = paths.values.filter { $0.key.path == path.key.path && $0 !== path }
            let left = rest.filter { !$0.isGone }.map(\.key.type).sorted()
            return change(left.isEmpty ? .pathGone : .typeGone, path) {
                $0.before = ([path.key.type] + left).sorted()
                $0.after = left
                $0.exampleBefore = path.lastExample
                $0.evidence = evidence(ofEndOf: path)
            }
        }
        changes += Dictionary(grouping: burst.grown, by: \.path.key).values
            .compactMap { growths in
                guard let first = growths.first else { return nil }
                return change(.arrayGrown, first.path) {
                    $0.exampleBefore = .int(Int64(first.before))
                    $0.exampleAfter = .int(Int64(first.path.lengthMax))
                }
            }
        changes += burst.units.map { path, guess in
            change(.unitJump, path) {
                if !configuration.isMasked(path.key.path) {
                    $0.exampleBefore = .text(guess.before.brief)
                    $0.exampleAfter = .text(guess.after.brief)
                }
                $0.evidence = [guess.evidence]
            }
        }
        return changes.sorted { ($0.path, $0.kind.rawValue) < ($1.path, $1.kind.rawValue) }
    }

    /// What has come at one path.
    private func additions(
        _ path: String,
        _ items: [SchemaBurst.Item],
        _ guesses: [SchemaKey: RenameGuess],
        _ burst: SchemaBurst
    ) -> [SchemaChange] {
        let first = items[0]
        let before = typesBefore(of: first.path, burst)
        let added = items.map(\.path.key.type)
        let example = items.lazy.compactMap(\.example).first { $0 != .null }
        let shown = configuration.shown(example, of: path)
        if let (guess, item) = items.lazy
            .compactMap({ item in guesses[item.path.key].map { ($0, item) } }).first
        {
            let former = guess.former.key.path
            return [
                change(.likelyRename, item.path) {
                    $0.formerPath = former
                    $0.before = [guess.former.key.type]
                    $0.after = added
                    $0.exampleBefore = configuration.shown(guess.last, of: former)
                    // What was private under the former name is private under the new one.
                    $0.exampleAfter = configuration.shown(
                        example,
                        of: configuration.isMasked(former) ? former : path
                    )
                    $0.evidence = guess.evidence
                }
            ]
        }
        let kind: SchemaChange.Kind =
            if before.isEmpty {
                holdsOthers(path) && added == [.object] ? .nullability : .pathAdded
            } else if added == [.null] || before == [.null] { .nullability } else { .typeChanged }
        return [
            change(kind, first.path) {
                $0.before = before
                $0.after = (before + added).sorted()
                $0.exampleBefore =
                    paths.values
                    .first { $0.key.path == path && $0.addedIn <= version && $0.key.type != .null }?
                    .lastExample
                $0.exampleAfter = shown
            }
        ]
    }

    private func change(
        _ kind: SchemaChange.Kind,
        _ path: SchemaPath,
        _ complete: (inout SchemaChange) -> Void
    ) -> SchemaChange {
        var change = SchemaChange(kind: kind, path: path.key.path)
        complete(&change)
        return change
    }

    /// The types that a path had before the burst.
    private func typesBefore(of path: SchemaPath, _ burst: SchemaBurst) -> [SchemaType] {
        SchemaType.allCases
            .filter { type in
                guard let known = paths[SchemaKey(path: path.key.path, type: type)] else {
                    return false
                }
                return known.addedIn <= version
                    || burst.widened.contains { $0.path === known }
            }
            .sorted()
    }

    /// Whether a path that is empty now has paths below it.
    private func holdsOthers(_ path: String) -> Bool {
        paths.values.contains { $0.addedIn <= version && $0.key.path.hasPrefix(path + ".") }
    }

    private func evidence(ofEndOf path: SchemaPath) -> [String] {
        let silent = "not in the last \(messages - path.lastNumber) messages"
        let last = "last seen \(path.lastSeen.iso8601)"
        return [silent, last] + (path.renamedTo.map { ["probably called \($0) since"] } ?? [])
    }
}

extension ClosedRange<Double> {
    /// For a person: two decimals are enough.
    fileprivate var brief: String {
        func brief(_ number: Double) -> String {
            guard number.magnitude < 1e15 else { return "\(number)" }
            let rounded = (number * 100).rounded() / 100
            return rounded == rounded.rounded() ? String(Int64(rounded)) : String(rounded)
        }
        return "\(brief(lowerBound)) to \(brief(upperBound))"
    }
}
