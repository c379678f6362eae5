// SPDX-License-Identifier: Apache-2.0
// The current record of a vehicle: its merged state as one JSON object, the same bytes wherever it
// is told.

extension JSONWriter {
    /// Writes what is known about a vehicle; equal state gives equal bytes.
    ///
    /// - Parameters:
    ///   - vehicle: The merged state; its `alerts` are not looked at, because only rules name them.
    ///   - source: The name of the source that was heard last.
    ///   - firing: The names of the alerts that fire for it, in any order.
    ///   - names: The table that gave out the vehicle's signal ids.
    ///   - enrichment: Signals that come from reference data and not from the vehicle.
    ///   - times: Whether the event time of each signal is told as well.
    mutating func currentRecord(
        _ vehicle: Vehicle,
        source: String,
        firing: [String],
        names: SignalTable,
        enrichment: Set<SignalID>,
        times: Bool = false
    ) {
        // Ids differ from start to start, names don't; by bytes, because two may look alike.
        let order = vehicle.signals.indices
            .map { (name: names.name(of: vehicle.signals[$0]), position: $0) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        raw(#"{"vehicle":"#)
        string(vehicle.id)
        raw(#","event_time":"#)
        int(vehicle.eventTime.milliseconds)
        raw(#","arrival_time":"#)
        int(vehicle.heardAt.milliseconds)
        raw(#","source":"#)
        string(source)
        raw(#","alerts":["#)
        for alert in firing.sorted() {
            separate()
            string(alert)
        }
        raw(#"],"signals":{"#)
        for (name, position) in order where !enrichment.contains(vehicle.signals[position]) {
            member(name)
            value(vehicle.values[position])
        }
        raw(#"},"enrichment":{"#)
        for (name, position) in order where enrichment.contains(vehicle.signals[position]) {
            member(name)
            value(vehicle.values[position])
        }
        raw("}")
        if times {
            raw(#","times":{"#)
            for (name, position) in order {
                member(name)
                int(vehicle.times[position].milliseconds)
            }
            raw("}")
        }
        raw("}")
    }
}
