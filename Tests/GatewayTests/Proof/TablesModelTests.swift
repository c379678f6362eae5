// SPDX-License-Identifier: Apache-2.0
// Goal: in whatever form and order changes come, the tables of a gateway and its joins are the model's.
// Method: the history, traffic and judge of the proof of tables, over a real log and without brokers: so
// a failing seed fails again, and fast.
import GRDB
import Testing

@testable import Gateway

/// Collects what would travel.
private final class CollectedChanges: ChangeCarrier {
    var messages: [(topic: String, payload: [UInt8])] = []

    var isIdle: Bool { messages.isEmpty }
    func send(topic: String, key: [UInt8], payload: [UInt8]) { messages.append((topic, payload)) }
    func pump() {}
    func reconnect() {}
    func close() {}

    func take() -> [(topic: String, payload: [UInt8])] {
        defer { messages.removeAll() }
        return messages
    }
}

/// A fleet and a gateway in one process, with a clock that is moved by hand.
private final class TablesScene {
    let carrier = CollectedChanges()
    let fleet: TablesFleet
    let gateway: LoggedGateway
    let witness: TablesWitness
    var random: SplitMix64
    private let clock: Clock
    private var sent: [Int: (vehicle: String, time: Int64, bounds: JoinJudge.Bounds)] = [:]
    private var number = 0

    private final class Clock {
        var milliseconds = Timestamp.seconds(0).milliseconds
    }

    init(seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        let clock = Clock()
        self.clock = clock
        fleet = TablesFleet(
            .mqtt,
            vehicles: 4,
            carrier: carrier,
            clock: { clock.milliseconds },
            random: &random
        )
        let text = TablesConfiguration(fleets: [fleet]).template
            .replacing("@PORT@", with: "1883").replacing("@HTTP_PORT@", with: "9464")
            .replacing("mqtts:", with: "mqtt:").replacing("@DATA@", with: "/nonexistent")
            .split(separator: "\n").filter { !$0.contains("@CERTS@") }.joined(separator: "\n")
        gateway = try LoggedGateway(
            Configuration.decode(text: text, file: "/etc/gateway.yaml")
        )
        witness = try TablesWitness(directory: gateway.folder.path)
    }

    func pass(milliseconds: Int64) { clock.milliseconds += milliseconds }

    /// Brings what travels to the gateway, in batches of any size.
    func deliver() throws {
        var messages = carrier.take()[...]
        while !messages.isEmpty {
            let batch = messages.prefix(.random(in: 1...20, using: &random))
            messages = messages.dropFirst(batch.count)
            try gateway.process(
                batch.map { topic, payload in
                    let table = SourceTable.allCases.first { topic.hasSuffix("/\($0.name)") }
                    return TestMessage(
                        topic,
                        payload,
                        arrival: Timestamp(milliseconds: clock.milliseconds),
                        source: 1 + (table?.rawValue ?? 0)
                    )
                }
            )
        }
    }

    /// Lets a snapshot whose end nobody tells be over.
    func fallSilent() throws {
        pass(milliseconds: 2_000)
        try gateway.process(
            [],
            clock: ClockReading(
                now: Timestamp(milliseconds: clock.milliseconds),
                isHeard: [true],
                isTableHeard: [true, true, true]
            )
        )
    }

    /// Readings that come now; when all is delivered there is but one right join for each.
    func read(_ count: Int, isComplete: Bool = false) throws {
        var bounds = try witness.bounds(fleet)
        bounds.isComplete = isComplete
        let messages = (0..<count)
            .map { _ in
                number += 1
                let vehicle = random.pick(fleet.vehicles)
                let time = clock.milliseconds - .random(in: 0...20_000_000, using: &random)
                sent[number] = (vehicle, time, bounds)
                return TestMessage(
                    "fleet/\(vehicle)/mqtt",
                    #"{"ts":\#(time),"seq":\#(number)}"#,
                    arrival: Timestamp(milliseconds: clock.milliseconds)
                )
            }
        try gateway.process(messages)
    }

    /// Judges all joins since the last call: how many had but one right answer, and what is wrong.
    func judge() throws -> (exact: Int, faults: [String]) {
        var exact = 0
        var faults: [String] = []
        for event in try witness.newEnriched() {
            guard let (vehicle, time, bounds) = sent.removeValue(forKey: event.number) else {
                faults.append("\(event.number) was joined twice")
                continue
            }
            let verdict = JoinJudge(model: fleet.model)
                .judge(event.join, of: vehicle, at: time, arrival: event.arrival, bounds)
            if let fault = verdict.fault { faults.append(fault) }
            if verdict.isExact { exact += 1 }
        }
        return (exact, faults + sent.keys.map { "\($0) was not joined" })
    }

    /// Rows that are not the model's, and changes that were refused.
    func differences() throws -> [String] {
        try SourceTable.allCases.flatMap { table in
            let (found, wanted) = (try witness.rows(of: table, fleet), fleet.model.rows(of: table))
            return Set(found.keys).union(wanted.keys).filter { found[$0] != wanted[$0] }
                .map {
                    "\(table) \($0.text): found \(found[$0].map { "\($0)" } ?? "nothing"), "
                        + "wanted \(wanted[$0].map { "\($0)" } ?? "nothing")"
                }
        } + gateway.payloads("dead_letter")
    }
}

@Suite struct TablesModelTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func tablesAndJoinsAreTheModels(seed: UInt64) throws {
        let scene = try TablesScene(seed: seed)
        scene.fleet.open()
        try scene.deliver()
        for round in 1...6 {
            let comment: Comment = "seed \(seed), round \(round), \(scene.fleet.wires)"
            for step in 1...80 {
                scene.pass(milliseconds: 10)
                scene.fleet.change()
                if step == 40 {
                    for table in SourceTable.allCases where scene.random.oneIn(3) {
                        scene.fleet.reload(table)
                    }
                }
                if scene.random.oneIn(4) { try scene.deliver() }
                if scene.random.oneIn(8) { try scene.read(2) }
                if scene.random.oneIn(40) { try scene.gateway.restart() }
            }
            #expect(try scene.judge().faults == [], comment)
            scene.fleet.flush()
            try scene.deliver()
            try scene.fallSilent()
            let differences = try scene.differences()
            #expect(differences == [], comment)
            scene.fleet.repeatSome(20)
            try scene.deliver()
            try scene.read(40, isComplete: true)
            let (exact, faults) = try scene.judge()
            #expect(faults == [], comment)
            #expect(exact == 40, comment)
            let later = try scene.differences()
            #expect(later == [], comment)
        }
    }

    // Planted: each mistake of a gateway must show in the joins that are judged to the letter.
    @Test(arguments: ["late", "missing", "stale"])
    func aGatewayWithAMistakeIsFoundOut(mistake: String) throws {
        let scene = try TablesScene(seed: 1)
        scene.fleet.open()
        for _ in 1...200 {
            scene.pass(milliseconds: 10)
            scene.fleet.change()
        }
        scene.fleet.flush()
        try scene.deliver()
        try scene.fallSilent()
        let sql =
            switch mistake {
            case "late": "UPDATE reservation SET starts = starts + 600"
            case "missing": "DELETE FROM reservation WHERE id % 2 = 0"
            default: "UPDATE device SET car = car + 1, version = version - 1"
            }
        try scene.gateway.log.pool.write { try $0.execute(sql: sql) }
        try scene.gateway.restart()
        try scene.read(60, isComplete: true)
        #expect(try !scene.judge().faults.isEmpty)
        #expect(try !scene.differences().isEmpty)
    }
}
