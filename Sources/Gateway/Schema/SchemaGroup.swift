// SPDX-License-Identifier: Apache-2.0
// What is known of the messages of one topic of a source from vehicles that are alike.
//
//   a message of a known shape     count it; that is all
//   of a shape that is not known   add its paths: to the version that is being learned, or to a burst
//   now and then                   look for paths that nobody sends any more
//   the burst is over              its changes make the next version (SchemaGroup+Version)
//
// All of it depends on messages and their arrival only, never on how they fell into batches.

/// The schema of a group of vehicles; belongs to the intake thread.
final class SchemaGroup {
    let id: Int64
    let source: String
    let topic: String
    /// What the configured expression gave; empty when there is none.
    let name: String
    let parent: SchemaGroup?
    let configuration: SchemaConfiguration
    var version = 1
    /// Its first version is learned: what is new from here on is a change.
    var isSettled = false
    private(set) var messages: Int64 = 0
    /// The messages that are counted into the paths: the log has these, so that both are of one moment.
    private var countedMessages: Int64 = 0
    private(set) var noveltyNumber: Int64 = 0
    private(set) var firstSeen: Timestamp
    private(set) var lastSeen: Timestamp
    /// The paths of this version, and of the burst that is open.
    var paths: [SchemaKey: SchemaPath] = [:]
    var shapes: [UInt64: SchemaShape] = [:]
    /// Shapes with messages that are not counted into their paths yet.
    private var touched: [SchemaShape] = []
    var burst: SchemaBurst?
    private var nextCheckNumber: Int64 = 0
    private var nextCheckAt = Timestamp.distantPast
    /// Steps for the log that were not handed over yet.
    var writes: [SchemaWrite] = []
    /// What its own row says has changed.
    var hasNewRow = true
    /// Paths that found no room.
    private(set) var overflowCount = 0
    /// Its counts have changed since they were last saved.
    var isDirty = false

    init(
        id: Int64,
        source: String,
        topic: String,
        name: String,
        parent: SchemaGroup?,
        configuration: SchemaConfiguration,
        at time: Timestamp
    ) {
        self.id = id
        self.source = source
        self.topic = topic
        self.name = name
        self.parent = parent
        self.configuration = configuration
        firstSeen = time
        lastSeen = time
        if let parent { inherit(from: parent, at: time) }
        scheduleCheck(at: time)
        writes += paths.values.sorted { $0.key < $1.key }.map { .path(row(of: $0)) }
    }

    /// Takes what the log has.
    init(
        _ row: SchemaGroupRow,
        paths rows: [SchemaPathRow],
        parent: SchemaGroup?,
        configuration: SchemaConfiguration
    ) {
        id = row.id
        source = row.source
        topic = row.topic
        name = row.name
        self.parent = parent
        self.configuration = configuration
        version = row.version
        isSettled = row.isSettled
        messages = row.messages
        countedMessages = row.messages
        noveltyNumber = row.noveltyNumber
        firstSeen = row.firstSeen
        lastSeen = row.lastSeen
        restore(rows)
        scheduleCheck(at: lastSeen)
    }

    var row: SchemaGroupRow {
        SchemaGroupRow(
            id: id,
            source: source,
            topic: topic,
            name: name,
            parent: parent?.id,
            version: version,
            isSettled: isSettled,
            messages: countedMessages,
            noveltyNumber: noveltyNumber,
            firstSeen: firstSeen,
            lastSeen: lastSeen
        )
    }

    /// Begins with what the vehicles' former group has: the rest of its history is theirs.
    private func inherit(from parent: SchemaGroup, at time: Timestamp) {
        parent.settle()
        isSettled = parent.isSettled
        for path in parent.paths.values where path.addedIn <= parent.version && !path.isGone {
            paths[path.key] = SchemaPath(
                inheriting: path,
                presence: path.presence(at: parent.messages),
                at: time
            )
        }
    }

    // Messages.

    /// Counts a reading, and sees what is new about it.
    func observe(_ reading: SchemaReading) {
        messages += 1
        lastSeen = reading.arrival
        isDirty = true
        let shape: SchemaShape
        if let known = reading.shape.schema, known.group == id {
            shape = known
        } else {
            shape = shapes[reading.shape.id] ?? meet(reading)
            reading.shape.schema = shape
        }
        if shape.count == 0 { touched.append(shape) }
        if shape.numberHash != reading.decoder.numberHash { lookForFractions(reading, shape) }
        if shape.isSampled { sample(reading, shape) }
        shape.hit(number: messages, at: reading.arrival)
        if messages >= nextCheckNumber || reading.arrival >= nextCheckAt { check(reading) }
    }

    /// Counts a reading of a known shape if there is no more to it; otherwise it has to be observed.
    @inline(__always)
    func counts(_ shape: SchemaShape, numberHash: UInt64, at arrival: Timestamp) -> Bool {
        guard isQuiet, shape.group == id, shape.count > 0, shape.numberHash == numberHash,
            !shape.isSampled, messages + 1 < nextCheckNumber, arrival < nextCheckAt
        else { return false }
        messages += 1
        lastSeen = arrival
        isDirty = true
        shape.hit(number: messages, at: arrival)
        return true
    }

    /// Its first version is known, and no burst is open.
    private var isQuiet: Bool {
        if case .none = burst { isSettled } else { false }
    }

    /// Whether nothing new has come for long enough to call the first version learned.
    ///
    /// Twice as long as something new was still coming: a source that sends other keys with every message
    /// takes longer to know than one that sends always the same.
    var hasLearned: Bool {
        !isSettled
            && messages - noveltyNumber >= max(configuration.learnMessages, noveltyNumber)
    }

    /// Learns a shape that the group does not know.
    private func meet(_ reading: SchemaReading) -> SchemaShape {
        var found: [SchemaPath] = []
        var added: [SchemaPath] = []
        var places: [Int] = []
        var seen: [ObjectIdentifier: Int] = [:]
        func take(_ key: SchemaKey, _ firstPath: String, _ example: SignalValue?) -> Int {
            guard let (path, isNew) = self.path(key, firstPath, reading, example) else { return -1 }
            if isNew { added.append(path) }
            if let place = seen[ObjectIdentifier(path)] { return place }
            seen[ObjectIdentifier(path)] = found.count
            found.append(path)
            return found.count - 1
        }
        for (column, known) in reading.shape.columns.enumerated() {
            let key = SchemaKey(path: known.pattern, type: reading.decoder.schemaType(at: column))
            places.append(take(key, known.path, reading.decoder.rawValue(at: column)))
        }
        for (list, length) in reading.shape.lists.sorted(by: { $0.key < $1.key }) {
            let place = take(SchemaKey(path: list, type: .array), list, nil)
            if place >= 0 { grow(found[place], to: length, reading) }
        }
        if isSettled, !added.isEmpty { noteMissing(from: found, reading) }
        if shapes.count >= configuration.shapesMax { forgetShapes() }
        let shape = SchemaShape(
            paths: found,
            places: places,
            owner: self,
            numberHash: reading.decoder.numberHash
        )
        shapes[reading.shape.id] = shape
        return shape
    }

    /// The path under a key, made when it is new; `nil` when there is no room for it.
    private func path(
        _ key: SchemaKey,
        _ firstPath: String,
        _ reading: SchemaReading,
        _ example: SignalValue?
    ) -> (SchemaPath, isNew: Bool)? {
        if let known = paths[key] { return (known, false) }
        // Every integer can be told as a float.
        if key.type == .int, let known = paths[SchemaKey(path: key.path, type: .float)] {
            return (known, false)
        }
        if key.type == .float, let known = paths[SchemaKey(path: key.path, type: .int)] {
            widen(known, reading, example)
            return (known, false)
        }
        guard paths.count < configuration.pathsMax else {
            overflowCount += 1
            return nil
        }
        let path = SchemaPath(
            key: key,
            firstPath: firstPath,
            addedIn: isSettled ? version + 1 : version,
            number: messages,
            at: reading.arrival,
            vehicle: reading.vehicle.id
        )
        if let example { path.show(configuration.shown(example, of: key.path)) }
        paths[key] = path
        noveltyNumber = messages
        hasNewRow = true
        if isSettled {
            openBurst(at: reading.arrival)
            burst?.added.append(.init(path: path, example: example))
            burst?.name(reading.vehicle.id)
        }
        writes.append(.path(row(of: path)))
        return (path, true)
    }

    /// Which steady paths a message with something new does not have.
    private func noteMissing(from found: [SchemaPath], _ reading: SchemaReading) {
        settle()
        let present = Set(found.map(\.key.path))
        let steady = paths.values.filter {
            $0.addedIn <= version && !$0.isGone && $0.renamedTo == nil && $0.isSteady(at: messages)
        }
        let missing = steady.filter { !present.contains($0.key.path) }
        burst?.miss(missing.map { ($0, reading.lastValue(of: $0)) })
        // With so little in common it may be another kind of message, and equal values say nothing.
        if missing.count * 2 > steady.count { burst?.isOfAnotherKind = true }
    }

    /// Forgets the half of the shapes that was not seen for longest; their paths stay.
    private func forgetShapes() {
        settle()
        let order = shapes.values.map(\.lastNumber).sorted()
        let last = order[(order.count - 1) / 2]
        for (id, shape) in shapes where shape.lastNumber <= last {
            shape.group = -1
            shapes[id] = nil
        }
    }

    // Numbers and lists.

    /// A number has a fraction that had none when the shape was last looked at, or the other way.
    private func lookForFractions(_ reading: SchemaReading, _ shape: SchemaShape) {
        shape.numberHash = reading.decoder.numberHash
        for (column, place) in shape.places.enumerated() where place >= 0 {
            guard shape.paths[place].key.type == .int,
                reading.decoder.schemaType(at: column) == .float
            else { continue }
            widen(shape.paths[place], reading, reading.decoder.rawValue(at: column))
        }
    }

    private func widen(_ path: SchemaPath, _ reading: SchemaReading, _ example: SignalValue?) {
        var former = row(of: path)
        let isKnown = isSettled && path.addedIn <= version
        paths[path.key] = nil
        path.widen(in: isKnown ? version + 1 : path.addedIn)
        paths[path.key] = path
        noveltyNumber = messages
        hasNewRow = true
        if isKnown {
            openBurst(at: reading.arrival)
            burst?.widened.append(.init(path: path, example: example))
            burst?.name(reading.vehicle.id)
            former.goneIn = version + 1
            writes.append(.path(former))
        } else {
            writes.append(.forget(group: id, key: former.key, addedIn: former.addedIn))
        }
        writes.append(.path(row(of: path)))
    }

    private func grow(_ list: SchemaPath, to length: Int, _ reading: SchemaReading) {
        let former = list.lengthMax
        guard let before = list.grow(to: length), isSettled, list.addedIn <= version else {
            // Kept at once: after a kill the next growth would be the first length that was seen.
            if list.lengthMax > former { writes.append(.path(row(of: list))) }
            return
        }
        openBurst(at: reading.arrival)
        burst?.grown.append(.init(path: list, before: before))
        burst?.name(reading.vehicle.id)
    }

    private func sample(_ reading: SchemaReading, _ shape: SchemaShape) {
        let isShown = shape.isShown
        for (column, place) in shape.places.enumerated() where place >= 0 {
            let path = shape.paths[place]
            if path.key.type.isNumber { sampleNumber(reading, column, path) }
            guard isShown, let value = reading.decoder.rawValue(at: column) else { continue }
            path.show(configuration.shown(value, of: path.key.path))
        }
    }

    private func sampleNumber(_ reading: SchemaReading, _ column: Int, _ path: SchemaPath) {
        guard let number = reading.decoder.rawValue(at: column)?.number,
            let guess = path.sample(number), isSettled, configuration.guessesUnits
        else { return }
        openBurst(at: reading.arrival)
        burst?.units.append((path, guess))
        burst?.name(reading.vehicle.id)
    }

    // Counting.

    /// Counts what shapes have seen into their paths.
    func settle() {
        for shape in touched {
            countedMessages = max(countedMessages, shape.lastNumber)
            shape.settle()
        }
        touched.removeAll(keepingCapacity: true)
    }

    private func scheduleCheck(at time: Timestamp) {
        let stride = max(1, configuration.goneMessages / 8)
        nextCheckNumber = (messages / stride + 1) * stride
        nextCheckAt = time + max(1, configuration.goneMilliseconds / 8)
    }

    /// Sees whether paths have gone.
    private func check(_ reading: SchemaReading) {
        settle()
        scheduleCheck(at: reading.arrival)
        guard isSettled else { return }
        let gone = paths.values.filter {
            $0.addedIn <= version && !$0.isGone && hasGone($0, at: reading.arrival)
        }
        for path in gone.sorted(by: { $0.key < $1.key }) {
            openBurst(at: reading.arrival)
            path.isGone = true
            path.goneNumber = messages
            burst?.gone.append(path)
            var ended = row(of: path)
            ended.goneIn = version + 1
            writes.append(.path(ended))
        }
    }

    /// Not seen for longer than the group's messages ever did without it, and than is allowed.
    private func hasGone(_ path: SchemaPath, at time: Timestamp) -> Bool {
        let silent = messages - path.lastNumber
        let usual = 4 * path.gapMax
        if silent >= max(configuration.goneMessages, usual) { return true }
        return time - path.lastSeen >= configuration.goneMilliseconds
            && silent >= max(Self.goneMessagesMin, usual)
    }

    /// What the group must have said at least before time alone counts.
    private static let goneMessagesMin: Int64 = 20
}
