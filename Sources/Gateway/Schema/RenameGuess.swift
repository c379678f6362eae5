// SPDX-License-Identifier: Apache-2.0
// Whether a path that has come is one that is missing, under another name.

/// That a path is called something else, and what speaks for it.
struct RenameGuess {
    let former: SchemaPath
    /// What the vehicle told last under the former name.
    let last: SignalValue?
    let evidence: [String]

    /// What it takes to say so: the type is the same, and two points speak for it.
    private static let pointsMin = 2

    /// The most likely pairs of what has come and what is missing, each path once.
    ///
    /// `byName` wants two points from the names alone.
    static func guesses(
        of added: [SchemaBurst.Item],
        for missing: [(path: SchemaPath, last: SignalValue?)],
        byName: Bool
    ) -> [SchemaKey: RenameGuess] {
        var pairs: [(points: Int, added: SchemaKey, guess: RenameGuess)] = []
        for item in added {
            for (former, last) in missing where former.key.type.isLike(item.path.key.type) {
                let names = weighNames(former.key.path, item.path.key.path)
                let values = weighValues(item.example, former, last)
                let points = names.points + values.points
                guard (byName ? names.points : points) >= pointsMin else { continue }
                let evidence = ["same type"] + [values.evidence, names.evidence].compactMap(\.self)
                let guess = RenameGuess(former: former, last: last, evidence: evidence)
                pairs.append((points, item.path.key, guess))
            }
        }
        // The strongest first; among equals by name, so that the answer is always the same.
        pairs.sort {
            ($1.points, $0.added.path, $0.guess.former.key.path)
                < ($0.points, $1.added.path, $1.guess.former.key.path)
        }
        var guesses: [SchemaKey: RenameGuess] = [:]
        var taken: Set<SchemaKey> = []
        for pair in pairs where guesses[pair.added] == nil {
            guard taken.insert(pair.guess.former.key).inserted else { continue }
            guesses[pair.added] = pair.guess
        }
        return guesses
    }

    private static func weighValues(
        _ value: SignalValue?,
        _ former: SchemaPath,
        _ last: SignalValue?
    ) -> (points: Int, evidence: String?) {
        if let value, let last, value != .null, isSame(value, last) {
            return (isTelling(value) ? 2 : 1, "same value as the vehicle's last")
        }
        guard let number = value?.number else { return (0, nil) }
        if let last = last?.number, last != 0, (number / last - 1).magnitude <= 0.05 {
            // Two odometers are not that near to one another by chance.
            let isNear = (number / last - 1).magnitude <= 0.001 && number.magnitude >= 100
            return (isNear ? 2 : 1, "value close to the vehicle's last")
        }
        let range = former.range.all
        guard range.samples > 1, (range.minimum...range.maximum).contains(number) else {
            return (0, nil)
        }
        return (1, "value within the former range")
    }

    /// Whether two paths have such a value hardly by chance: flags, small numbers and short words are equal
    /// often.
    private static func isTelling(_ value: SignalValue) -> Bool {
        switch value {
        case .null, .bool: false
        case .text(let text): text.utf8.count >= 5
        default: (value.number ?? 0).magnitude >= 100 || value.number != value.number?.rounded()
        }
    }

    private static func weighNames(
        _ old: String,
        _ new: String
    ) -> (points: Int, evidence: String?) {
        if lastName(old) == lastName(new) { return (2, "same last name") }
        if new.hasPrefix(old + ".") { return (2, "inside the former path") }
        return isSimilar(lastName(old), lastName(new)) ? (1, "similar name") : (0, nil)
    }

    private static func isSame(_ left: SignalValue, _ right: SignalValue) -> Bool {
        if left == right { return true }
        guard let left = left.number, let right = right.number else { return false }
        return left == right
    }

    private static func lastName(_ path: String) -> Substring {
        path.split(separator: ".").last ?? Substring(path)
    }

    /// Whether one name holds the other, or more than half of the pairs of letters are the same (Dice's
    /// coefficient), without case.
    private static func isSimilar(_ left: Substring, _ right: Substring) -> Bool {
        let names = [left.lowercased(), right.lowercased()].sorted { $0.count < $1.count }
        if names[0].count >= 3, names[1].contains(names[0]) { return true }
        let left = Set(pairs(left))
        let right = Set(pairs(right))
        guard !left.isEmpty, !right.isEmpty else { return false }
        return 4 * left.intersection(right).count > left.count + right.count
    }

    private static func pairs(_ name: Substring) -> [[UInt8]] {
        let letters = name.lowercased().utf8
            .filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
        return zip(letters, letters.dropFirst()).map { [$0, $1] }
    }
}

extension SignalValue {
    /// The number that it is, if it is one.
    var number: Double? {
        switch self {
        case .int(let number): Double(number)
        case .unsigned(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
}
