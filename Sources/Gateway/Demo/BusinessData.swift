// SPDX-License-Identifier: Apache-2.0
// What a company that rents the demo's cars out has in its database, and so the truth about who has a car
// when. Chance comes from a seed, time is handed in.

/// One customer has one car for some time.
struct Reservation: Sendable, Hashable {
    let id: String
    let car: Int
    let customer: String
    /// It holds from here up to, but not including, `endsAt`.
    var startsAt: Timestamp
    var endsAt: Timestamp
}

/// A car as the company knows it; the device in it is the vehicle.
struct RentalCar: Sendable, Hashable {
    let id: Int
    let device: String
    let plate: String
    let model: String
}

/// Who must be told about a vehicle.
struct Holder: Sendable, Hashable {
    let plate: String?
    let customer: String?
}

/// The company's cars and reservations.
struct BusinessData: Sendable {
    /// What a hand-over did to the reservations of a car.
    struct HandedOver: Sendable, Hashable {
        let car: RentalCar
        /// It ends early, and the next one begins early.
        let ended: Revision
        let begun: Revision
        /// The one that follows now.
        let booked: Revision
    }

    /// A reservation before and after a change.
    struct Revision: Sendable, Hashable {
        let before: Reservation?
        let after: Reservation
    }

    private static let models = ["Corsa", "Golf", "Yaris", "Fabia", "Clio", "i30", "Focus", "Leaf"]
    private static let firstNames = [
        "Ann", "Bob", "Clara", "Deniz", "Eva", "Finn", "Greta", "Hugo", "Ida", "Jan", "Kira", "Leo",
    ]
    private static let lastNames = [
        "Muster", "Beispiel", "Nowak", "Rossi", "Dubois", "Yılmaz", "Jansen", "Weber", "Lindqvist",
    ]
    /// Cars, and reservations of the first car, are counted from here.
    private static let firstNumber = 1_001
    private static let hour: Int64 = 3_600_000

    let cars: [RentalCar]
    /// By car, in the order of their times; the last two are the one that runs and the one behind it.
    private(set) var reservations: [[Reservation]]
    private let indices: [String: Int]
    private var generator: SplitMix64
    private var nextNumber: Int

    /// Each vehicle is the device of one car, with a reservation that runs at `start` and one behind it.
    init(vehicles: [String], seed: UInt64, start: Timestamp) {
        var generator = SplitMix64(seed: seed)
        cars = vehicles.enumerated()
            .map { index, vehicle in
                let number = Self.firstNumber + index
                return RentalCar(
                    id: number,
                    device: vehicle,
                    plate: "B-FE \(number)",
                    model: Self.models.randomElement(using: &generator) ?? ""
                )
            }
        indices = Dictionary(uniqueKeysWithValues: vehicles.enumerated().map { ($1, $0) })
        nextNumber = Self.firstNumber + vehicles.count
        reservations = []
        self.generator = generator
        for car in cars {
            let begins = start + -Int64.random(in: 1...5, using: &self.generator) * Self.hour
            // A demo takes a day at most: what ends meanwhile ends because somebody wants it to.
            let ends = start + Int64.random(in: 25...48, using: &self.generator) * Self.hour
            let running = Reservation(
                id: "R-\(car.id)",
                car: car.id,
                customer: customer(),
                startsAt: begins,
                endsAt: ends
            )
            reservations.append([running, next(after: running)])
        }
    }

    /// The plate of a vehicle's car and the customer who has it at a time; `nil` of a stranger.
    func holder(of vehicle: String, at time: Timestamp) -> Holder? {
        guard let index = indices[vehicle] else { return nil }
        let found = reservations[index].first { $0.startsAt <= time && time < $0.endsAt }
        return Holder(plate: cars[index].plate, customer: found?.customer)
    }

    /// The customer who runs a car gives it to the next one; `nil` of a stranger.
    mutating func handOver(_ vehicle: String, at time: Timestamp) -> HandedOver? {
        guard let index = indices[vehicle], let running = reservations[index].dropLast().last,
            let following = reservations[index].last, running.startsAt < time
        else { return nil }
        var (ended, begun) = (running, following)
        ended.endsAt = time
        begun.startsAt = time
        let booked = next(after: begun)
        reservations[index].removeLast(2)
        reservations[index] += [ended, begun, booked]
        return HandedOver(
            car: cars[index],
            ended: Revision(before: running, after: ended),
            begun: Revision(before: following, after: begun),
            booked: Revision(before: nil, after: booked)
        )
    }

    private mutating func next(after reservation: Reservation) -> Reservation {
        var name = customer()
        while name == reservation.customer { name = customer() }
        defer { nextNumber += 1 }
        return Reservation(
            id: "R-\(nextNumber)",
            car: reservation.car,
            customer: name,
            startsAt: reservation.endsAt,
            endsAt: reservation.endsAt + Int64.random(in: 24...72, using: &generator) * Self.hour
        )
    }

    private mutating func customer() -> String {
        let first = Self.firstNames.randomElement(using: &generator) ?? ""
        let last = Self.lastNames.randomElement(using: &generator) ?? ""
        return "\(first) \(last)"
    }
}
