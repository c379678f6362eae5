// SPDX-License-Identifier: Apache-2.0

/// What has changed since a moment ago, and will be told together as one version.
struct SchemaBurst {
    /// Vehicles that an event names.
    static let vehiclesMax = 10

    /// A path's value when it became part of the burst.
    struct Item {
        let path: SchemaPath
        var example: SignalValue?
    }

    /// A list that has grown.
    struct Growth {
        let path: SchemaPath
        let before: Int
    }

    let openedAt: Timestamp
    let closesAt: Timestamp
    var added: [Item] = []
    var widened: [Item] = []
    var gone: [SchemaPath] = []
    var grown: [Growth] = []
    var units: [(path: SchemaPath, guess: UnitGuess)] = []
    private(set) var vehicles: [String] = []
    private(set) var vehicleCount = 0
    /// Steady paths that none of the messages with something new had, with what the vehicle had last.
    private(set) var missing: [SchemaKey: (path: SchemaPath, last: SignalValue?)]?

    /// A message with something new lacks most of what nearly every message has.
    var isOfAnotherKind = false

    init(openedAt: Timestamp, closesAt: Timestamp) {
        self.openedAt = openedAt
        self.closesAt = closesAt
    }

    /// Whether the set of paths and types changes with it.
    var makesVersion: Bool { !added.isEmpty || !widened.isEmpty || !gone.isEmpty }

    mutating func name(_ vehicle: String) {
        guard !vehicles.contains(vehicle) else { return }
        vehicleCount += 1
        if vehicles.count < Self.vehiclesMax { vehicles.append(vehicle) }
    }

    /// Keeps of the missing paths those that are missing here too.
    mutating func miss(_ paths: [(path: SchemaPath, last: SignalValue?)]) {
        let found = Dictionary(paths.map { ($0.path.key, $0) }) { first, _ in first }
        guard let known = missing else {
            missing = found
            return
        }
        missing = known.filter { found[$0.key] != nil }
    }
}
