// SPDX-License-Identifier: Apache-2.0
// What the benchmark of tables measures with: the processor alone on this thread, with three tables that
// every reading is joined with, or with none. No broker, no other process, so that a few hundred
// nanoseconds can be seen.
import Foundation

/// A processor with a company's tables in it, and a fleet's messages for it.
final class JoinRig {
    /// Rows of device, car and reservation, in this order.
    struct Sizes: Sendable {
        var devices = 20_000
        var cars = 20_000
        var reservations = 200_000
    }

    static let tableNames = ["device", "car", "reservation"]

    let sizes: Sizes
    let configuration: Configuration
    let processor: Processor
    /// With a log, what the processor says is committed to it.
    let writer: LogWriter?
    private var position = 0
    private let patterns: [TopicPattern]
    private let feedTopics: [Topic]

    /// `folder` is where the log goes, if there is to be one.
    init(_ sizes: Sizes, joins: Bool, folder: String? = nil) throws {
        self.sizes = sizes
        let configuration = try Configuration.decode(
            text: Self.yaml(joins: joins),
            file: "/bench.yaml"
        )
        self.configuration = configuration
        let problems = ProblemCollector()
        let rules = RuleFile.decode(
            text: BenchmarkLoad.rules(count: 20, touched: 20),
            file: "rules.yaml",
            problems: problems
        )
        let compiled = try CompiledRules(
            configuration,
            alerts: rules.alerts,
            selects: rules.selects,
            problems: problems
        )
        try problems.throwIfAny()
        writer = try folder.map { folder in
            let log = try EventLog(directory: folder)
            return try LogWriter(
                log: log,
                signals: compiled.signals,
                sourceNames: configuration.sources.map(\.name),
                tables: log.recoverTables(of: compiled, configuration)
            )
        }
        processor = Processor(
            configuration: configuration,
            rules: compiled,
            nextOffsets: writer?.nextOffsets ?? [:]
        )
        patterns = configuration.sources[0].topics.map(\.pattern)
        feedTopics = Self.tableNames.map { Topic(name: "cdc/\($0)", patterns: []) }
    }

    /// Fills all tables.
    func fill() throws {
        for (table, count) in [sizes.devices, sizes.cars, sizes.reservations].enumerated() {
            for first in stride(from: 0, to: count, by: 1_000) {
                let rows = (first..<min(first + 1_000, count)).map { row(table, $0) }
                try process(batch(of: rows, table))
            }
        }
    }

    // Messages.

    /// Batches of a fleet's messages, one vehicle after the other.
    func messages(
        _ count: Int,
        from load: inout BenchmarkLoad,
        _ perBatch: Int
    ) -> [MessageBatch] {
        var made: [MessageBatch] = []
        for first in stride(from: 0, to: count, by: perBatch) {
            var batch = MessageBatch()
            append(first..<min(first + perBatch, count), from: &load, to: &batch)
            made.append(batch)
        }
        return made
    }

    /// Puts messages of a fleet into a batch; numbers name the vehicles in turn.
    func append(_ numbers: Range<Int>, from load: inout BenchmarkLoad, to batch: inout MessageBatch)
    {
        for number in numbers {
            let message = load.next(number)
            let topic = Topic(name: message.topic, patterns: patterns)
            unsafe message.payload.withUnsafeBytes { payload in
                unsafe batch.append(
                    source: 0,
                    topic: topic,
                    payload: payload,
                    qos: 1,
                    packetID: 0,
                    arrival: WallClock.now()
                )
            }
        }
    }

    /// A batch of change events of one table.
    func batch(of payloads: [String], _ table: Int) -> MessageBatch {
        var batch = MessageBatch()
        for payload in payloads {
            var payload = payload
            payload.withUTF8 { bytes in
                unsafe batch.append(
                    source: 1 + table,
                    topic: feedTopics[table],
                    payload: UnsafeRawBufferPointer(bytes),
                    qos: 1,
                    packetID: 0,
                    arrival: WallClock.now()
                )
            }
        }
        return batch
    }

    /// A row of a table as a change event; the ten reservations of a car follow one another.
    func row(_ table: Int, _ number: Int, _ operation: String = "insert") -> String {
        position += 1
        let head = #"{"op":"\#(operation)","pos":\#(position),"#
        let perCar = max(1, sizes.reservations / sizes.cars)
        let hours = number / sizes.cars - perCar / 2
        let start = WallClock.now().milliseconds / 3_600_000 + Int64(hours)
        return switch table {
        case 0: head + #""id":"car-\#(number)","car":\#(number)}"#
        case 1: head + #""id":\#(number),"plate":"B-FE \#(number)","model":"Corsa"}"#
        default:
            head + """
                "id":\(number),"car":\(number % sizes.cars),"customer":"Customer \(position)",\
                "starts_at":\(start * 3_600_000),"ends_at":\((start + 1) * 3_600_000)}
                """
        }
    }

    /// What begins a load of a table or ends it.
    func border(_ operation: String) -> String {
        position += 1
        return #"{"op":"\#(operation)","pos":\#(position)}"#
    }

    // Work.

    /// Processes a batch and, with a log, commits it.
    @discardableResult
    func process(_ batch: MessageBatch) throws -> Outcome {
        let outcome = processor.process(batch, clock: nil)
        if let failure = outcome.failure { throw failure }
        guard outcome.deadLetter.isEmpty else {
            throw DepotError(description: "the benchmark's own messages are dead letters")
        }
        try writer?.commit(outcome, of: batch, CommitExtras())
        return outcome
    }

    /// What processing takes of CPU: that of the process, in which nothing else runs.
    func cpuMicroseconds(of batch: MessageBatch) throws -> Double {
        let before = clock()
        try process(batch)
        return Self.microseconds(clock() - before)
    }

    static func microseconds(_ clocks: Int) -> Double {
        Double(clocks) * 1e6 / Double(CLOCKS_PER_SEC)
    }

    private static func yaml(joins: Bool) -> String {
        let enrich = """
                enrich: |
                  SELECT car.plate, reservation.customer, reservation.id AS reservation
                  FROM reading
                  LEFT JOIN device ON device.id = reading.vehicle
                  LEFT JOIN car ON car.id = device.car
                  LEFT JOIN reservation ON reservation.car = car.id
            """
        return """
            gateway: {id: bench, data_directory: /nonexistent}
            sources:
              - name: vehicles
                url: mqtt://localhost:1883
                topics:
                  - pattern: fleet/{vehicle}/state
                    event_time: {path: ts, format: epoch_ms}
            \(joins ? enrich : "")
            tables:
              - name: device
                key: id
                columns: {id: text, car: int}
                operation: op
                position: pos
                source: {type: mqtt, url: "mqtt://localhost:1883", topic: cdc/device}
              - name: car
                key: id
                columns: {id: int, plate: text, model: text}
                operation: op
                position: pos
                source: {type: mqtt, url: "mqtt://localhost:1883", topic: cdc/car}
              - name: reservation
                key: id
                columns:
                  id: int
                  car: int
                  customer: text
                  starts_at: {type: time, format: epoch_ms}
                  ends_at: {type: time, format: epoch_ms}
                valid_from: starts_at
                valid_to: ends_at
                index: [car]
                large: true
                operation: op
                position: pos
                source: {type: mqtt, url: "mqtt://localhost:1883", topic: cdc/reservation}
            \(BenchmarkLoad.signals)
            """
    }
}
