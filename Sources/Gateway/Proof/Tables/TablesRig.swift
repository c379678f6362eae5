// SPDX-License-Identifier: Apache-2.0
import Foundation

/// What a proof of tables does in each round; one thread does all of it.
final class TablesRig {
    private let depot: LocalDepot
    private let kafka: KafkaBroker?
    private let fleets: [TablesFleet]
    private let witness: TablesWitness
    private let readings: ReadingTraffic
    private let onNote: (String) -> Void
    private var random: SplitMix64
    private var report = TablesReport()
    /// By fleet, where its keys stood when somebody looked last.
    private var bounds: [JoinJudge.Bounds]
    private var judged: Set<Int> = []
    private var faultsTold = 0
    private var faultNames: [String] = []
    /// Rounds are short.
    var shortens = false

    init(
        _ depot: LocalDepot,
        _ kafka: KafkaBroker?,
        _ fleets: [TablesFleet],
        _ random: SplitMix64,
        onNote: @escaping (String) -> Void
    ) throws {
        self.depot = depot
        self.kafka = kafka
        self.fleets = fleets
        self.random = random
        self.onNote = onNote
        witness = try TablesWitness(directory: depot.dataDirectory)
        readings = ReadingTraffic(depot.connection("fleet", clientID: "proof-readings"))
        bounds = fleets.map { _ in JoinJudge.Bounds() }
    }

    func close() {
        readings.close()
        for fleet in fleets { fleet.carrier.close() }
    }

    /// What the source databases have before the first round.
    func open() { for fleet in fleets { fleet.open() } }

    // A round.

    func run(round: Int) {
        let before = report
        do {
            try disturb(round)
            try settle()
            try repeatOldChanges(round)
            try waitForReadings()
        } catch {
            report.failed += 1
            onNote("round \(round) failed: \(error)")
        }
        report.rounds += 1
        report.changes = fleets.reduce(0) { $0 + $1.changeCount }
        onNote(
            "round \(round): changes=\(report.changes - before.changes) "
                + "joined=\(report.joined - before.joined) exact=\(report.exact - before.exact) "
                + "wrong=\(report.wrong - before.wrong) "
                + "faults=\(faultNames.joined(separator: ","))"
        )
    }

    /// Everything at once.
    private func disturb(_ round: Int) throws {
        let duration = shortens ? 0.8 : 1.5
        let chosen = TablesFault.faults(
            of: round,
            fleets: fleets.count,
            hasKafka: kafka != nil,
            &random
        )
        faultNames = chosen.map(\.name)
        var faults =
            chosen
            .map { (at: Double.random(in: 0.1...duration, using: &random), fault: $0) }
            .sorted { $0.at < $1.at }
        let perSecond = 300.0
        var made = 0
        var asked = 0
        var looked = -1.0
        try drive(seconds: duration) { elapsed in
            if elapsed - looked > 0.08 {
                looked = elapsed
                try look()
            }
            while Double(made) < elapsed * perSecond {
                for fleet in fleets { fleet.change() }
                made += 1
            }
            while Double(asked) < elapsed * 120 {
                publishReading()
                asked += 1
            }
            while let next = faults.first, next.at <= elapsed {
                faults.removeFirst()
                try make(next.fault)
            }
        }
        // A stall may have taken the time of the last ones.
        for (_, fault) in faults { try make(fault) }
    }

    private func make(_ fault: TablesFault) throws {
        switch fault {
        case .kill: try kill()
        case .restartBroker:
            depot.stopBroker()
            try depot.startBroker()
        case .restartKafka:
            kafka?.stop()
            try kafka?.start()
        case .reconnect: for fleet in fleets { fleet.carrier.reconnect() }
        case .reload(let fleet, let table): fleets[fleet].reload(table)
        }
    }

    /// Not waiting until it is ready: some kills must hit the start.
    private func kill() throws {
        depot.killGateway()
        report.kills += 1
        try depot.startGateway(waitsUntilReady: false)
    }

    /// Waits until everything has arrived and the tables are what the model says.
    private func settle() throws {
        for fleet in fleets { fleet.flush() }
        var patience = Patience<[JoinJudge.Bounds]>()
        var isSettled = false
        var looked = -1.0
        try drive { elapsed in
            guard elapsed - looked > 0.1 else { return }
            looked = elapsed
            isSettled =
                try fleets.allSatisfy { try $0.carrier.isIdle && !isBehind($0) }
                && differences().isEmpty
            guard !isSettled, try patience.isSpent(at: fleets.map(witness.bounds)) else { return }
            throw DepotError(
                description: "the tables stand still and are not what they should be: "
                    + (try differences()).prefix(5).joined(separator: "; ")
            )
        } until: {
            isSettled
        }
    }

    /// Whether a snapshot has been sent and not taken effect.
    private func isBehind(_ fleet: TablesFleet) throws -> Bool {
        let floors = try witness.bounds(fleet).floors
        return floors != fleet.model.snapshots
    }

    /// Nothing changes any more: every join has one right answer, and old changes must do nothing.
    private func repeatOldChanges(_ round: Int) throws {
        try look()
        for index in bounds.indices { bounds[index].isComplete = true }
        // So many readings however long they take: they must be more than half of all.
        let count = shortens ? 175 : 300
        var killAt = round % 2 == 0 ? Int.random(in: 1...count, using: &random) : .max
        var asked = 0
        try drive { elapsed in
            while asked < count, Double(asked) < elapsed * 250 {
                publishReading()
                asked += 1
                if asked % 3 == 0 { for fleet in fleets { fleet.repeatSome(2) } }
            }
            guard asked >= killAt else { return }
            killAt = .max
            try kill()
        } until: {
            asked >= count
        }
    }

    /// Waits until every reading that was acknowledged has been joined, and judges all.
    private func waitForReadings() throws {
        var patience = Patience<[Int]>()
        try drive { _ in
            try judgeNew()
            guard patience.isSpent(at: [readings.acknowledgedCount, report.joined]) else { return }
            throw DepotError(description: "\(readings.missing) readings have not been joined")
        } until: {
            readings.isIdle && readings.missing == 0 && fleets.allSatisfy(\.carrier.isIdle)
        }
        readings.forgetUnacknowledged()
    }

    /// Lets time pass and traffic flow.
    private func drive(
        seconds: Double = .infinity,
        _ body: (Double) throws -> Void,
        until isDone: () -> Bool = { false }
    ) throws {
        let started = WallClock.monotonicNanoseconds()
        while !isDone() {
            let elapsed = Double(WallClock.monotonicNanoseconds() - started) / 1e9
            guard elapsed < seconds else { return }
            try body(elapsed)
            for fleet in fleets { fleet.carrier.pump() }
            readings.pump(milliseconds: 4)
        }
    }

    // Readings.

    /// What the gateway has committed is what a reading that is published from now on must be joined with.
    private func look() throws {
        for (index, fleet) in fleets.enumerated() { bounds[index] = try witness.bounds(fleet) }
    }

    private func publishReading() {
        let index = Int.random(in: 0..<fleets.count, using: &random)
        let fleet = fleets[index]
        guard let vehicle = fleet.vehicles.randomElement(using: &random) else { return }
        let reading = SentReading(
            fleet: index,
            vehicle: vehicle,
            time: eventTime(fleet),
            bounds: bounds[index]
        )
        readings.publish(reading, transport: fleet.transport)
    }

    /// About now, hours late, or the very moment in which a reservation begins or ends.
    private func eventTime(_ fleet: TablesFleet) -> Int64 {
        let now = WallClock.now().milliseconds
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<3: return now - .random(in: 0...200, using: &random)
        case 3..<7: return now - .random(in: 0...6 * 3_600_000, using: &random)
        default:
            let row = fleet.history.rows(of: .reservation).randomElement(using: &random)
            let edge = Bool.random(using: &random) ? row?.starts : row?.ends
            return min(now, (edge ?? now) - .random(in: 0...1, using: &random))
        }
    }

    // Judging.

    private func judgeNew() throws {
        for event in try witness.newEnriched() {
            guard judged.insert(event.number).inserted else {
                report.duplicates += 1
                continue
            }
            guard let reading = readings.take(event.number) else { continue }
            report.joined += 1
            let verdict = JoinJudge(model: fleets[reading.fleet].model)
                .judge(
                    event.join,
                    of: reading.vehicle,
                    at: reading.time,
                    arrival: event.arrival,
                    reading.bounds
                )
            if verdict.isExact { report.exact += 1 }
            if event.vehicle != reading.vehicle || event.eventTime != reading.time {
                report.wrong += 1
                tell("reading \(event.number) is another's")
            } else if let fault = verdict.fault {
                report.wrong += 1
                tell("\(reading.vehicle) at \(reading.time): \(fault)")
            }
        }
    }

    private func tell(_ fault: String) {
        faultsTold += 1
        if faultsTold <= 20 { onNote("wrong: \(fault)") }
    }

    /// Keys whose rows are not the model's.
    private func differences() throws -> [String] {
        try fleets.flatMap { fleet in
            try SourceTable.allCases.flatMap { table in
                let found = try witness.rows(of: table, fleet)
                let wanted = fleet.model.rows(of: table)
                return Set(found.keys).union(wanted.keys)
                    .filter { found[$0] != wanted[$0] }
                    .map { key in
                        let name = TablesFleet.tableName(table, fleet.transport)
                        return "\(name) \(key.text): \(text(found[key])), not \(text(wanted[key]))"
                    }
            }
        }
    }

    private func text(_ row: SourceRow?) -> String {
        row.map { $0.values.map(\.text).joined(separator: "/") } ?? "none"
    }

    /// The last account, after an orderly end.
    func finish() throws -> TablesReport {
        try depot.waitUntil("the gateway is ready", log: depot.gatewayLog) {
            LocalDepot.httpStatus(port: depot.httpPort, path: "/readyz") == 200
        }
        depot.stopGateway()
        try judgeNew()
        let keys = try differences()
        for key in keys.prefix(10) { onNote("lost: \(key)") }
        let letters = try witness.deadLetters()
        for letter in letters.some { onNote("refused: \(letter)") }
        report.lost += readings.missing + keys.count + letters.count
        if report.exact * 2 < report.joined {
            report.failed += 1
            onNote("only \(report.exact) of \(report.joined) joins were judged to the letter")
        }
        return report
    }
}
