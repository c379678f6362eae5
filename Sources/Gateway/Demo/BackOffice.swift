// SPDX-License-Identifier: Apache-2.0
// The company's side of the demo: it publishes what changes in its database with a certificate of its own,
// and afterwards says whether the outliers named the right customers.
import Foundation

/// Publishes business data and its changes; one thread drives it.
final class BackOffice {
    /// How long before a reservation ends its end is written, in milliseconds.
    ///
    /// How fast a change comes is not what the demo is about: with this it has come when it holds, and it
    /// can be told for each outlier whom it must name.
    private static let leadMilliseconds: Int64 = 1_500

    private var data: BusinessData
    private var changes = BusinessChanges()
    private let publisher: Publisher
    /// Where reservations go, if not over MQTT.
    private let kafka: KafkaDemo?
    /// Hand-overs that were looked at, and those of them whose time is still to come.
    private var handOverCount = 0
    private var pending: [BusinessData.HandedOver] = []

    init(_ depot: LocalDepot, _ vehicles: [String], _ kafka: KafkaDemo?) throws {
        data = BusinessData(vehicles: vehicles, seed: 1, start: WallClock.now())
        publisher = try Publisher(depot.connection("backoffice", clientID: "demo-backoffice"))
        self.kafka = kafka
    }

    /// Publishes all tables as they are.
    func publishEverything() throws {
        let now = WallClock.now()
        try publish(changes.devices(data.cars), to: "cdc/device")
        try publish(changes.cars(data.cars, at: now), to: "cdc/car")
        let reservations = data.reservations.flatMap(\.self)
        try publishReservations(changes.snapshot(reservations, at: now))
        guard try publisher.drain(seconds: 10) else {
            throw DepotError(description: "the broker did not take the business data")
        }
    }

    /// Publishes the hand-overs that are near, and tells of those whose time has come.
    func pass(to now: Timestamp, _ handOvers: [HandOver]) throws {
        while handOverCount < handOvers.count,
            handOvers[handOverCount].time <= now + Self.leadMilliseconds
        {
            let planned = handOvers[handOverCount]
            handOverCount += 1
            guard let done = data.handOver(planned.vehicle, at: planned.time) else { continue }
            pending.append(done)
            try publishReservations(
                [done.ended, done.begun, done.booked].map { changes.change($0, at: now) }
            )
        }
        while let next = pending.first, next.ended.after.endsAt <= now {
            pending.removeFirst()
            StandardOutput.print(
                "demo: reservation \(next.ended.after.id) ends: \(next.ended.after.customer) → "
                    + "\(next.begun.after.customer) (\(next.car.device))"
            )
        }
        try publisher.pump(milliseconds: 0)
    }

    func close() { publisher.close() }

    /// Compares what outliers named with who had the cars.
    func judge(_ outliers: [NamedOutlier]) -> NamingAccount { NamingAccount(outliers, data) }

    private func publishReservations(_ messages: [[UInt8]]) throws {
        if let kafka {
            try kafka.produceReservations(messages)
        } else {
            try publish(messages, to: "cdc/reservation")
        }
    }

    private func publish(_ messages: [[UInt8]], to topic: String) throws {
        for message in messages {
            while !publisher.hasRoom { try publisher.pump(milliseconds: 10) }
            try publisher.publish(topic: topic, payload: message, number: 0)
        }
    }
}
