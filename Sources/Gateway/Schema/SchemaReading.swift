// SPDX-License-Identifier: Apache-2.0

/// What the schema history looks at of a reading, when it has been merged into its vehicle.
struct SchemaReading {
    let shape: Shape
    let decoder: MessageDecoder
    let vehicle: Vehicle
    let arrival: Timestamp
    let signals: SignalTable

    /// What the vehicle told last at a path that this reading does not have.
    func lastValue(of path: SchemaPath) -> SignalValue? {
        let name = signals.entry(path: path.firstPath)?.name ?? path.firstPath
        return signals.existingID(ofName: name).flatMap { vehicle.value(of: $0) }
    }
}
