// SPDX-License-Identifier: Apache-2.0
// A group as the log has it.

extension SchemaGroup {
    func row(of path: SchemaPath) -> SchemaPathRow {
        let isMasked = configuration.isMasked(path.key.path)
        let range = isMasked ? NumberRange.Window() : path.range.all
        let recent = isMasked ? nil : path.range.lasting
        return SchemaPathRow(
            group: id,
            key: path.key,
            addedIn: path.addedIn,
            goneIn: nil,
            firstPath: path.firstPath,
            firstNumber: path.firstNumber,
            lastNumber: path.lastNumber,
            gapMax: path.gapMax,
            firstSeen: path.firstSeen,
            lastSeen: path.lastSeen,
            count: path.count,
            firstVehicle: path.firstVehicle,
            firstExample: path.firstExample,
            lastExample: path.lastExample,
            minimum: range.samples > 0 ? range.minimum : nil,
            maximum: range.samples > 0 ? range.maximum : nil,
            recentMinimum: recent?.minimum,
            recentMaximum: recent?.maximum,
            lengthMax: path.lengthMax,
            lengthCount: path.lengthCount,
            inheritedPresence: path.inheritedPresence
        )
    }

    /// Takes paths back, with the burst that was open when they were saved.
    func restore(_ rows: [SchemaPathRow]) {
        var ended: [String: SchemaPathRow] = [:]
        for row in rows {
            let path = SchemaPath(row)
            guard let goneIn = row.goneIn else {
                paths[row.key] = path
                continue
            }
            guard goneIn > version else { continue }
            if row.key.type == .int { ended[row.key.path] = row }
            path.isGone = true
            path.goneNumber = max(messages, path.lastNumber)
            paths[row.key] = path
        }
        for path in paths.values.sorted(by: { $0.key < $1.key }) {
            if path.addedIn > version { reopen(path, wasInteger: ended[path.key.path] != nil) }
            if path.isGone, !isWidened(path) {
                openBurst(at: lastSeen)
                burst?.gone.append(path)
            }
        }
        for path in paths.values where path.isGone && isWidened(path) { paths[path.key] = nil }
    }

    private func reopen(_ path: SchemaPath, wasInteger: Bool) {
        let item = SchemaBurst.Item(path: path, example: path.firstExample)
        if wasInteger, path.key.type == .float {
            openBurst(at: lastSeen)
            burst?.widened.append(item)
        } else {
            openBurst(at: path.firstSeen)
            burst?.added.append(item)
            burst?.name(path.firstVehicle)
        }
    }

    /// Whether an integer has ended because a float has taken its place.
    private func isWidened(_ path: SchemaPath) -> Bool {
        guard path.key.type == .int,
            let float = paths[SchemaKey(path: path.key.path, type: .float)]
        else { return false }
        return float.addedIn > version
    }

    /// Hands over what has happened since it was asked last.
    func takeWrites() -> [SchemaWrite] {
        guard hasNewRow || !writes.isEmpty else { return [] }
        defer {
            writes.removeAll(keepingCapacity: true)
            hasNewRow = false
        }
        // A group's messages are never without the counts of its paths: shares would be wrong.
        return (hasNewRow ? [.group(row)] : []) + writes + (hasNewRow ? changedPaths() : [])
    }

    /// The rows whose counts have changed since they were saved.
    func takeDirtyRows() -> [SchemaWrite] {
        // What a burst is about to tell must not be saved before it is told.
        guard isDirty, burst == nil else { return [] }
        settle()
        isDirty = false
        return [.group(row)] + changedPaths()
    }

    private func changedPaths() -> [SchemaWrite] {
        let changed = paths.values.filter { $0.isDirty && !$0.isGone }
        for path in changed { path.isDirty = false }
        return changed.map { .path(row(of: $0)) }
    }
}
