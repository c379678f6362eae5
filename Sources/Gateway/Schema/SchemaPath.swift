// SPDX-License-Identifier: Apache-2.0

/// One path of a group under one type: what was seen of it, and since when.
final class SchemaPath {
    /// A float takes the place of an integer; otherwise a key never changes.
    private(set) var key: SchemaKey
    /// The path as it stood in the first message that had it, with the indices of lists.
    let firstPath: String
    /// The version that it came with: that of the group, or the next while its burst lasts.
    private(set) var addedIn: Int
    /// The group's message that had it first and, as of the last count, last.
    let firstNumber: Int64
    private(set) var lastNumber: Int64
    /// The longest stretch of the group's messages without it, as far as that may matter.
    private(set) var gapMax: Int64 = 0
    let firstSeen: Timestamp
    private(set) var lastSeen: Timestamp
    private(set) var count: Int64 = 0
    let firstVehicle: String
    private(set) var firstExample: SignalValue?
    private(set) var lastExample: SignalValue?
    private(set) var range = NumberRange()
    /// Of a list: the longest that was seen, and how many different lengths up to it.
    private(set) var lengthMax = 0
    private(set) var lengthCount = 0
    /// Taken from another group, and how often that group's messages had it.
    private(set) var inheritedPresence: Double?
    /// What it is probably called instead; set when a rename was guessed.
    var renamedTo: String?
    /// Gone when the burst that is open ends, unless a message has it until then.
    var isGone = false
    /// The group's messages when that was seen.
    var goneNumber: Int64 = 0
    /// Changed since its row was last written.
    var isDirty = true

    init(
        key: SchemaKey,
        firstPath: String,
        addedIn version: Int,
        number: Int64,
        at time: Timestamp,
        vehicle: String
    ) {
        self.key = key
        self.firstPath = firstPath
        addedIn = version
        firstNumber = number
        lastNumber = number
        firstSeen = time
        lastSeen = time
        firstVehicle = vehicle
    }

    /// The same path as the first version of a group has it whose vehicles were in another before.
    init(inheriting other: SchemaPath, presence: Double, at time: Timestamp) {
        key = other.key
        firstPath = other.firstPath
        addedIn = 1
        firstNumber = 0
        lastNumber = 0
        firstSeen = time
        lastSeen = time
        firstVehicle = other.firstVehicle
        firstExample = other.firstExample
        lastExample = other.lastExample
        lengthMax = other.lengthMax
        lengthCount = other.lengthCount
        inheritedPresence = presence
        if other.range.all.samples > 0 { range = other.range }
    }

    init(_ row: SchemaPathRow) {
        key = row.key
        firstPath = row.firstPath
        addedIn = row.addedIn
        firstNumber = row.firstNumber
        lastNumber = row.lastNumber
        gapMax = row.gapMax
        firstSeen = row.firstSeen
        lastSeen = row.lastSeen
        count = row.count
        firstVehicle = row.firstVehicle
        firstExample = row.firstExample
        lastExample = row.lastExample
        lengthMax = row.lengthMax
        lengthCount = row.lengthCount
        inheritedPresence = row.inheritedPresence
        if let minimum = row.minimum, let maximum = row.maximum {
            range = NumberRange(
                all: minimum...max(minimum, maximum),
                reference: row.recentMinimum.flatMap { lower in
                    row.recentMaximum.map { lower...max(lower, $0) }
                }
            )
        }
        isDirty = false
    }

    /// How much of the group's messages have it, from 0 to 1.
    func presence(at number: Int64) -> Double {
        if count == 0, let inheritedPresence { return inheritedPresence }
        return Double(count) / Double(max(1, number - firstNumber + 1))
    }

    /// Whether nearly every message had it, up to a moment ago, so that its absence says something.
    func isSteady(at number: Int64) -> Bool {
        guard presence(at: number) >= Self.steadyPresence else { return false }
        return count == 0 || number - lastNumber <= max(20, 4 * gapMax)
    }

    private static let steadyPresence = 0.9

    /// Takes what a shape's messages say: `first` and `last` are the group's messages, `count` how many.
    func add(count more: Int64, first: Int64, last: Int64, at time: Timestamp) {
        if first > lastNumber { gapMax = max(gapMax, first - lastNumber) }
        count += more
        lastNumber = max(lastNumber, last)
        lastSeen = max(lastSeen, time)
        isDirty = true
    }

    /// Takes a number for its range.
    func sample(_ number: Double) -> UnitGuess? { range.add(number) }

    /// Takes an example, as it may be shown.
    func show(_ example: SignalValue?) {
        guard let example else { return }
        if firstExample == nil { firstExample = example }
        lastExample = example
    }

    /// Takes the length of a list; tells the longest of before when this one is worth telling.
    ///
    /// A list whose length varies from message to message is told again only when it has doubled.
    func grow(to length: Int) -> Int? {
        guard length > lengthMax else {
            if length < lengthMax, lengthCount < 3 { lengthCount += 1 }
            return nil
        }
        let before = lengthMax
        let isTold = lengthCount > 0 && (lengthCount < 3 || length >= 2 * before)
        lengthMax = length
        lengthCount += 1
        isDirty = true
        return isTold ? before : nil
    }

    /// Gives it the wider of the two types of numbers, as of a version.
    func widen(in version: Int) {
        key.type = .float
        addedIn = version
        isDirty = true
    }
}
