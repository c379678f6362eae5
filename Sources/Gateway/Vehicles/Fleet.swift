// SPDX-License-Identifier: Apache-2.0

/// All vehicles, by id.
final class Fleet {
    private(set) var vehicles: [Vehicle] = []
    private var indices: [String: Int] = [:]

    var count: Int { vehicles.count }

    func index(of id: String) -> Int? { indices[id] }

    /// Adds a vehicle and gives its index.
    func insert(_ vehicle: Vehicle) -> Int {
        precondition(indices[vehicle.id] == nil, "a vehicle is added once")
        let index = vehicles.count
        vehicles.append(vehicle)
        indices[vehicle.id] = index
        return index
    }
}
