// SPDX-License-Identifier: Apache-2.0

/// A signal's place in the table; small numbers make merged state compact.
struct SignalID: Hashable, Comparable, Sendable {
    var index: Int32

    static func < (left: SignalID, right: SignalID) -> Bool { left.index < right.index }
}

/// Every signal name of the fleet: the catalogue's first, then paths as they were seen.
final class SignalTable {
    private(set) var names: [String] = []
    private var ids: [String: SignalID] = [:]
    /// Catalogue entries by path.
    private let entries: [String: SignalConfiguration]
    private let signalsMax: Int
    private var reserved: Set<String> = []
    private var shapeCount: UInt64 = 0
    /// Paths that found no place in the table.
    private(set) var overflowCount = 0

    init(catalogue: [SignalConfiguration], signalsMax: Int) {
        self.signalsMax = max(signalsMax, catalogue.count)
        var entries: [String: SignalConfiguration] = [:]
        for signal in catalogue {
            for path in signal.paths { entries[path] = signal }
        }
        self.entries = entries
        for signal in catalogue { _ = id(ofName: signal.name) }
    }

    /// A number that no other shape has.
    func takeShapeID() -> UInt64 {
        shapeCount += 1
        return shapeCount
    }

    func name(of id: SignalID) -> String { names[Int(id.index)] }

    /// The catalogue's entry for a path.
    func entry(path: String) -> SignalConfiguration? { entries[path] }

    /// The id of a canonical name, given out when it is new; `nil` when the table is full.
    func id(ofName name: String) -> SignalID? {
        if let id = ids[name] { return id }
        guard names.count < signalsMax else {
            overflowCount += 1
            return nil
        }
        let id = SignalID(index: Int32(names.count))
        names.append(name)
        ids[name] = id
        return id
    }

    /// The id of a name that a vehicle's payload gives; `nil` also for names that are not the vehicle's.
    func id(ofPayload name: String) -> SignalID? {
        reserved.contains(name) ? nil : id(ofName: name)
    }

    /// Keeps a name from payloads: a vehicle must not say what only tables know.
    func reserve(_ name: String) { reserved.insert(name) }

    /// The id of a name that is known already.
    func existingID(ofName name: String) -> SignalID? { ids[name] }
}
