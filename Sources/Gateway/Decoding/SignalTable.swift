// SPDX-License-Identifier: Apache-2.0

/// A signal's place in the table; small numbers make merged state compact.
struct SignalID: Hashable, Comparable, Sendable {
    var index: Int32

    static func < (left: SignalID, right: SignalID) -> Bool { left.index < right.index }
}

/// Every signal name of the fleet: the catalogue's first, then paths as they were seen.
final class SignalTable {
    private(set) var names: [String] = []
    private var ids: [ExactText: SignalID] = [:]
    /// Catalogue entries by path.
    private let entries: [ExactText: SignalConfiguration]
    private let signalsMax: Int
    private var reserved: Set<ExactText> = []
    private var shapeCount: UInt64 = 0
    /// Paths that found no place in the table.
    private(set) var overflowCount = 0

    init(catalogue: [SignalConfiguration], signalsMax: Int) {
        self.signalsMax = max(signalsMax, catalogue.count)
        var entries: [ExactText: SignalConfiguration] = [:]
        for signal in catalogue {
            for path in signal.paths { entries[ExactText(path)] = signal }
        }
        self.entries = entries
        for signal in catalogue { _ = id(ofName: signal.name) }
    }

    func name(of id: SignalID) -> String { names[Int(id.index)] }

    /// The catalogue's entry for a path.
    func entry(path: String) -> SignalConfiguration? { entries[ExactText(path)] }

    /// The id of a canonical name, given out when it is new; `nil` when the table is full.
    func id(ofName name: String) -> SignalID? {
        if let id = ids[ExactText(name)] { return id }
        guard names.count < signalsMax else {
            overflowCount += 1
            return nil
        }
        let id = SignalID(index: Int32(names.count))
        names.append(name)
        ids[ExactText(name)] = id
        return id
    }

    /// The id of a name that a vehicle's payload gives; `nil` also for names that are not the vehicle's.
    func id(ofPayload name: String) -> SignalID? {
        reserved.contains(ExactText(name)) ? nil : id(ofName: name)
    }

    /// Keeps a name from payloads: a vehicle must not say what only tables know.
    func reserve(_ name: String) { reserved.insert(ExactText(name)) }

    /// The id of a name that is known already.
    func existingID(ofName name: String) -> SignalID? { ids[ExactText(name)] }

    /// A number that no other shape of these signals has.
    func takeShapeID() -> UInt64 {
        shapeCount += 1
        return shapeCount
    }
}
