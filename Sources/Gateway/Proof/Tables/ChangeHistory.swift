// SPDX-License-Identifier: Apache-2.0
// A source database that makes up what happens to it: the same for the same seed and the same times.

/// The true state of one fleet's tables, and what happens to them next.
struct ChangeHistory: Sendable {
    /// How far from now reservations begin and end.
    private static let span: Int64 = 6 * 3_600_000
    private static let customers = ["Ann", "Bob", "Cem", "Dörte", "Eve \"E\" O'Neil", ""]
    private static let reservationsMax = 12

    let vehicles: [String]
    private(set) var version: Int64 = 0
    private(set) var time: Int64 = 0
    /// By table, in the order of their making.
    private var rows: [[SourceRow]] = [[], [], []]
    /// Deleted reservations that had begun: their time is not given to others.
    private var closed: [SourceRow] = []
    private var random: SplitMix64
    private var nextReservation: Int64 = 1
    private var nextCar: Int64 = 1

    init(seed: UInt64, vehicles: [String]) {
        random = SplitMix64(seed: seed)
        self.vehicles = vehicles
    }

    func rows(of table: SourceTable) -> [SourceRow] { rows[table.rawValue] }

    // What happens.

    /// Fills the empty tables.
    mutating func opening(at now: Int64) -> [SourceChange] {
        var changes: [SourceChange] = []
        for _ in vehicles { changes.append(insertCar(at: now)) }
        for vehicle in vehicles { changes.append(insertDevice(vehicle, at: now)) }
        for _ in 0..<vehicles.count * 6 { changes.append(insertReservation(at: now)) }
        return changes
    }

    /// The next change, at a time that is not before `now` and after all others.
    mutating func next(at now: Int64) -> SourceChange {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<24: insertReservation(at: now)
        case 24..<48: moveEnd(at: now)
        case 48..<62: changeCustomer(at: now)
        case 62..<78: deleteReservation(at: now)
        case 78..<82: changeKey(at: now)
        case 82..<90: changeDevice(at: now)
        case 90..<97: changeCar(at: now)
        default: comeOrGo(at: now)
        }
    }

    /// All rows of a table, as of a place in the log of its own.
    mutating func snapshot(of table: SourceTable, at now: Int64) -> SourceSnapshot {
        let (version, time) = tick(now)
        if table == .reservation { closed.removeAll() }
        return SourceSnapshot(version: version, time: time, table: table, rows: rows(of: table))
    }

    // Reservations.

    private mutating func insertReservation(at now: Int64) -> SourceChange {
        let places = rows(of: .car).shuffled(using: &random)
        for car in places {
            let busy = busyTimes(of: car.key)
            guard busy.count < Self.reservationsMax, let gap = gap(between: busy, now) else {
                continue
            }
            let row = SourceRow(values: [
                .int(nextReservation), car.key, customer(), .int(gap.lowerBound),
                .int(gap.upperBound), .null,
            ])
            nextReservation += 1
            return insert(row, .reservation, at: now)
        }
        return deleteReservation(at: now)
    }

    /// From when to when a car is given away, in order.
    private func busyTimes(of car: SignalValue) -> [(from: Int64, to: Int64)] {
        (rows(of: .reservation) + closed)
            .filter { $0.car == car }
            .map { ($0.starts, $0.ends ?? .max) }
            .sorted { $0.from < $1.from }
    }

    /// A part of the time that nobody has.
    private mutating func gap(
        between busy: [(from: Int64, to: Int64)],
        _ now: Int64
    ) -> ClosedRange<Int64>? {
        var free: [(from: Int64, to: Int64)] = []
        var last = now - Self.span
        for (from, to) in busy {
            if from - last > 120_000 { free.append((last, from)) }
            last = max(last, to)
        }
        if last < now + Self.span { free.append((last, last + 3_600_000)) }
        guard let place = free.randomElement(using: &random) else { return nil }
        // Now and then one begins in the moment in which the one before it ends.
        let slack = (place.to - place.from) / 4
        let from =
            place.from + (Bool.random(using: &random) ? 0 : .random(in: 0...slack, using: &random))
        return from...from + .random(in: 1_000...2 * slack, using: &random)
    }

    /// Ends one earlier, or extends it as far as the next one lets it.
    private mutating func moveEnd(at now: Int64) -> SourceChange {
        guard var row = rows(of: .reservation).randomElement(using: &random) else {
            return insertReservation(at: now)
        }
        let next = busyTimes(of: row.car).map(\.from).first { $0 > row.starts }
        let isOpen = next == nil && Int.random(in: 0..<4, using: &random) == 0
        let limit = next ?? row.starts + 2 * 3_600_000
        let nearby = row.starts < now && now < limit && Bool.random(using: &random)
        let end =
            nearby ? now : .random(in: min(row.starts + 1_000, limit)...limit, using: &random)
        row.ends = isOpen ? nil : max(row.starts + 1, end)
        return update(row, .reservation, at: now)
    }

    private mutating func changeCustomer(at now: Int64) -> SourceChange {
        guard var row = rows(of: .reservation).randomElement(using: &random) else {
            return insertReservation(at: now)
        }
        row.values[2] = customer()
        return update(row, .reservation, at: now)
    }

    private mutating func deleteReservation(at now: Int64) -> SourceChange {
        guard let row = rows(of: .reservation).randomElement(using: &random) else {
            return changeCar(at: now)
        }
        let change = delete(row, .reservation, at: now)
        if let kept = row.closed(at: change.time) { closed.append(kept) }
        return change
    }

    /// The reservation goes on under another number.
    private mutating func changeKey(at now: Int64) -> SourceChange {
        guard let old = rows(of: .reservation).randomElement(using: &random) else {
            return insertReservation(at: now)
        }
        var row = old
        row.values[0] = .int(nextReservation)
        nextReservation += 1
        return update(row, .reservation, at: now, before: old)
    }

    private mutating func customer() -> SignalValue {
        Int.random(in: 0..<8, using: &random) == 0
            ? .null : Self.customers.randomElement(using: &random).map { .text($0) } ?? .null
    }

    // Cars and devices.

    private mutating func insertCar(at now: Int64) -> SourceChange {
        defer { nextCar += 1 }
        let row = SourceRow(values: [.int(nextCar), .text("B-X \(nextCar)"), .null, .null])
        return insert(row, .car, at: now)
    }

    private mutating func changeCar(at now: Int64) -> SourceChange {
        guard var row = rows(of: .car).randomElement(using: &random) else {
            return insertCar(at: now)
        }
        row.values[1] = .text("B-X \(Int.random(in: 1...9_999, using: &random))")
        row.values[2] = Bool.random(using: &random) ? .null : .text("model \(version % 7)")
        return update(row, .car, at: now)
    }

    private mutating func insertDevice(_ vehicle: String, at now: Int64) -> SourceChange {
        insert(SourceRow(values: [.text(vehicle), anyCar(), .null]), .device, at: now)
    }

    private mutating func changeDevice(at now: Int64) -> SourceChange {
        guard var row = rows(of: .device).randomElement(using: &random) else {
            return comeOrGo(at: now)
        }
        row.values[1] = Int.random(in: 0..<12, using: &random) == 0 ? .null : anyCar()
        return update(row, .device, at: now)
    }

    /// A device or a car is deleted, or one that was comes back.
    private mutating func comeOrGo(at now: Int64) -> SourceChange {
        let known = Set(rows(of: .device).map(\.key))
        if let absent = vehicles.first(where: { !known.contains(.text($0)) }) {
            return insertDevice(absent, at: now)
        }
        if rows(of: .car).count < vehicles.count { return insertCar(at: now) }
        let table = Bool.random(using: &random) ? SourceTable.device : .car
        guard let row = rows(of: table).randomElement(using: &random) else {
            return insertCar(at: now)
        }
        return delete(row, table, at: now)
    }

    private mutating func anyCar() -> SignalValue {
        rows(of: .car).randomElement(using: &random)?.key ?? .null
    }

    // Changes.

    private mutating func tick(_ now: Int64) -> (version: Int64, time: Int64) {
        version += 1
        time = max(now, time + 1)
        return (version, time)
    }

    private mutating func insert(
        _ row: SourceRow,
        _ table: SourceTable,
        at now: Int64
    ) -> SourceChange {
        let (version, time) = tick(now)
        var row = row
        row.values[row.values.count - 1] = .int(version)
        rows[table.rawValue].append(row)
        return SourceChange(
            version: version,
            time: time,
            table: table,
            kind: .insert,
            before: nil,
            after: row
        )
    }

    /// `before` is told when the key has changed.
    private mutating func update(
        _ row: SourceRow,
        _ table: SourceTable,
        at now: Int64,
        before: SourceRow? = nil
    ) -> SourceChange {
        let key = (before ?? row).key
        guard let place = rows(of: table).firstIndex(where: { $0.key == key }) else {
            preconditionFailure("only a row that is there is updated")
        }
        let (version, time) = tick(now)
        var row = row
        row.values[row.values.count - 1] = .int(version)
        let old = rows[table.rawValue][place]
        rows[table.rawValue][place] = row
        return SourceChange(
            version: version,
            time: time,
            table: table,
            kind: .update,
            before: old,
            after: row
        )
    }

    private mutating func delete(
        _ row: SourceRow,
        _ table: SourceTable,
        at now: Int64
    ) -> SourceChange {
        let (version, time) = tick(now)
        rows[table.rawValue].removeAll { $0.key == row.key }
        return SourceChange(
            version: version,
            time: time,
            table: table,
            kind: .delete,
            before: row,
            after: nil
        )
    }
}
