// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct BusinessDataTests {
    private static let start = Timestamp(milliseconds: 1_767_600_000_000)
    private static let vehicles = (1...30).map { "car-\($0)" }

    private func data(seed: UInt64 = 1) -> BusinessData {
        BusinessData(vehicles: Self.vehicles, seed: seed, start: Self.start)
    }

    @Test func sameSeedGivesTheSameCompany() {
        #expect(data().reservations == data().reservations)
        #expect(data().cars == data().cars)
        #expect(data(seed: 1).reservations != data(seed: 2).reservations)
    }

    @Test func eachCarHasAReservationThatRunsAndOneBehindIt() {
        let data = data()
        let everything = data.reservations.flatMap(\.self)
        #expect(Set(everything.map(\.id)).count == everything.count)
        for (car, reservations) in zip(data.cars, data.reservations) {
            #expect(reservations.count == 2)
            #expect(reservations.allSatisfy { $0.car == car.id && $0.startsAt < $0.endsAt })
            #expect(reservations[0].startsAt < Self.start)
            // The longest demo takes a day.
            #expect(reservations[0].endsAt > Self.start + 86_400_000)
            #expect(reservations[1].startsAt == reservations[0].endsAt)
            #expect(reservations[0].customer != reservations[1].customer)
            #expect(
                data.holder(of: car.device, at: Self.start)
                    == Holder(plate: car.plate, customer: reservations[0].customer)
            )
        }
    }

    @Test func handOverHoldsFromItsMillisecondOn() throws {
        var data = data()
        let time = Self.start + 5_000
        let handedOver = data.handOver("car-7", at: time)
        let done = try #require(handedOver)
        func customer(_ time: Timestamp) -> String? {
            data.holder(of: "car-7", at: time)?.customer
        }
        #expect(done.car.device == "car-7")
        #expect(customer(time + -1) == done.ended.after.customer)
        #expect(customer(time) == done.begun.after.customer)
        #expect(customer(time + -1) != customer(time))
        #expect(done.booked.before == nil)
        #expect(data.holder(of: "car-8", at: time)?.plate == "B-FE 1008")
        // Again: the one who has just got it gives it away.
        let handedOverAgain = data.handOver("car-7", at: time + 10)
        let again = try #require(handedOverAgain)
        #expect(again.ended.after.id == done.begun.after.id)
        #expect(again.begun.after.id == done.booked.after.id)
        #expect(customer(time + 9) == done.begun.after.customer)
        #expect(customer(time + 10) == done.booked.after.customer)
    }

    @Test func strangerHasNoHolder() {
        var data = data()
        #expect(data.holder(of: "car-99", at: Self.start) == nil)
        let handedOver = data.handOver("car-99", at: Self.start)
        #expect(handedOver == nil)
    }

    @Test func nobodyHasACarBeforeItsFirstReservation() {
        let holder = data().holder(of: "car-1", at: .distantPast)
        #expect(holder == Holder(plate: "B-FE 1001", customer: nil))
    }

    // Goal: what the demo checks is what the gateway does: each outlier names whom the company's data
    // name for its time, also of cars that changed hands. Method: fleet, business data, and the processor
    // with the demo's configuration; the check is the demo's own.
    @Test(arguments: [(1, 25, 100.0), (2, 25, 5.0), (3, 3, 10.0), (4, 60, 50.0)])
    func outliersNameWhoHasTheCar(seed: UInt64, vehicles: Int, rate: Double) throws {
        var fleet = FleetSimulator(
            vehicleCount: vehicles,
            messagesPerSecond: rate,
            seed: seed,
            start: Self.start
        )
        let demo = try DemoProcessor(rules: ["rules/fleet.yaml"])
        var data = BusinessData(vehicles: fleet.vehicleIDs, seed: seed, start: Self.start)
        var changes = BusinessChanges()
        let before = Self.start + -5_000
        let snapshot = changes.snapshot(data.reservations.flatMap(\.self), at: before)
        try demo.append(changes.devices(data.cars), to: "device", arrival: before)
        try demo.append(changes.cars(data.cars, at: before), to: "car", arrival: before)
        try demo.append(snapshot, to: "reservation", arrival: before)
        var handOvers = 0
        for milliseconds in stride(from: 0, through: 120_000, by: 50) as StrideThrough<Int64> {
            let now = Self.start + milliseconds
            for planned in fleet.handOvers.dropFirst(handOvers) where planned.time <= now + 1_500 {
                handOvers += 1
                let handedOver = data.handOver(planned.vehicle, at: planned.time)
                let done = try #require(handedOver)
                for revision in [done.ended, done.begun, done.booked] {
                    let event = changes.change(revision, at: now)
                    try demo.append([event], to: "reservation", arrival: now)
                }
            }
            for message in fleet.advance(to: now) {
                unsafe message.payload.withUnsafeBytes { payload in
                    unsafe demo.append(topic: message.topic, payload: payload, arrival: now)
                }
            }
            try demo.process(now: now)
        }
        #expect(demo.tally.deadLetters == 0)
        let counter = DeliveryCounter()
        for payload in demo.tally.outliers {
            counter.receive(
                ReceivedMessage(
                    topic: "fleet/outlier/x/y",
                    payload: payload,
                    arrivalNanoseconds: 0,
                    isRetained: false
                )
            )
        }
        let account = NamingAccount(counter.summary(acknowledged: 0).named, data)
        #expect(account.outlierCount == demo.tally.outliers.count)
        #expect(account.rightCount == account.outlierCount)
        #expect(account.firstWrong == nil)
        #expect(!account.changedVehicles.isEmpty)
        // Most hand-overs lie between two outliers of their vehicle.
        #expect(handOvers >= 2)
    }
}
