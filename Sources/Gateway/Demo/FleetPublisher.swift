// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Publishes for a fleet: every vehicle on its own connection with its own certificate.
final class FleetPublisher {
    private let vehicles: [String: Publisher]

    init(_ depot: LocalDepot, _ ids: [String]) throws {
        var vehicles: [String: Publisher] = [:]
        for id in ids {
            vehicles[id] = try Publisher(
                depot.connection("vehicles/\(id)", clientID: id, port: depot.vehiclePort)
            )
        }
        self.vehicles = vehicles
    }

    var acknowledgedCount: Int { vehicles.values.reduce(0) { $0 + $1.acknowledgedCount } }

    /// Queues a message on its vehicle's connection.
    func publish(_ message: SimulatedMessage) throws {
        guard let publisher = vehicles[message.vehicle] else { return }
        while !publisher.hasRoom { try publisher.pump(milliseconds: 10) }
        try publisher.publish(topic: message.topic, payload: message.payload, number: 0)
    }

    /// Sends and takes acknowledgements; waits a few milliseconds for something to happen.
    func pump() throws {
        for publisher in vehicles.values { try publisher.pump(milliseconds: 0) }
        var descriptors = vehicles.values.map {
            pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0)
        }
        _ = unsafe poll(&descriptors, UInt(descriptors.count), 2)
    }

    /// Waits until every vehicle's messages are acknowledged.
    func drain(isCancelled: () -> Bool) throws {
        let deadline = WallClock.now() + 10_000
        while vehicles.values.contains(where: { !$0.isIdle }), WallClock.now() < deadline,
            !isCancelled()
        {
            try pump()
        }
    }

    func close() {
        for publisher in vehicles.values { publisher.close() }
    }
}
