// SPDX-License-Identifier: Apache-2.0
// Whether a path that has come is one that is missing, under another name.

/// That a path is called something else, and what speaks for it.
struct RenameGuess {
    let former: SchemaPath
    let evidence: [String]

    /// What it takes to say so: the type is the same, and two points speak for it.
    private static let pointsMin = 2

    /// The most likely pairs of what has come and what is missing, each path once.
    static func guesses(
        of added: [SchemaBurst.Item],
        for missing: [(path: SchemaPath, last: SignalValue?)]
    ) -> [SchemaKey: RenameGuess] {
        var pairs: [(points: Int, added: SchemaKey, guess: RenameGuess)] = []
        for item in added {
            for (former, last) in missing where former.key.type.isLike(item.path.key.type) {
                let (points, evidence) = weigh(item, former, last)
                guard points >= pointsMin else { continue }
                pairs.append(
                    (points, item.path.key, RenameGuess(former: former, evidence: evidence))
                )
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

    private static func weigh(
        _ added: SchemaBurst.Item,
        _ former: SchemaPath,
        _ last: SignalValue?
    ) -> (points: Int, evidence: [String]) {
        var points = 0
        var evidence = ["same type"]
        let value = added.example
        if let value, let last, value != .null, isSame(value, last) {
            // Two flags are equal every other time; two odometers are not.
            if case .bool = value { points += 1 } else { points += 2 }
            evidence.append("same value as the vehicle's last")
        } else if let number = value?.number, let last = last?.number, last != 0,
            (number / last - 1).magnitude <= 0.05
        {
            // Two odometers are not that near to one another by chance.
            points += (number / last - 1).magnitude <= 0.001 ? 2 : 1
            evidence.append("value close to the vehicle's last")
        } else if let number = value?.number, former.range.all.samples > 1,
            (former.range.all.minimum...former.range.all.maximum).contains(number)
        {
            points += 1
            evidence.append("value within the former range")
        }
        let (old, new) = (former.key.path, added.path.key.path)
        if lastName(old) == lastName(new) {
            points += 2
            evidence.append("same last name")
        } else if new.hasPrefix(old + ".") {
            points += 2
            evidence.append("inside the former path")
        } else if isSimilar(lastName(old), lastName(new)) {
            points += 1
            evidence.append("similar name")
        }
        return (points, evidence)
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
        case .double(let number): number
        default: nil
        }
    }
}
