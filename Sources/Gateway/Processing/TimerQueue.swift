// SPDX-License-Identifier: Apache-2.0
import HeapModule

/// Vehicles whose alerts wait for time to pass, by when the gateway's clock should look at them.
///
/// A vehicle has at most one entry that counts: the one at its `scheduledAt`.
struct TimerQueue {
    private struct Entry: Comparable {
        var due: Timestamp
        var vehicle: Int

        static func < (left: Entry, right: Entry) -> Bool {
            (left.due, left.vehicle) < (right.due, right.vehicle)
        }
    }

    private var heap = Heap<Entry>()

    /// When the next vehicle is due.
    var next: Timestamp? { heap.min?.due }

    /// Asks for a look at a vehicle no later than `due`.
    mutating func schedule(_ vehicle: Vehicle, index: Int, due: Timestamp) {
        if let scheduled = vehicle.scheduledAt, scheduled <= due { return }
        vehicle.scheduledAt = due
        heap.insert(Entry(due: due, vehicle: index))
    }

    /// The next vehicle due by `now`, taken out.
    mutating func popDue(by now: Timestamp, in fleet: Fleet) -> Int? {
        while let first = heap.min, first.due <= now {
            heap.removeMin()
            let vehicle = fleet.vehicles[first.vehicle]
            guard vehicle.scheduledAt == first.due else { continue }
            vehicle.scheduledAt = nil
            return first.vehicle
        }
        return nil
    }
}
