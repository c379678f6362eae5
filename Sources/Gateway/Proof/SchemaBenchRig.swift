// SPDX-License-Identifier: Apache-2.0
// What the benchmark of schemas measures with: the processor alone on this thread, and payloads of five
// levels and 200 leaves.
import Foundation
import GRDB
import GRDBSQLite

/// A processor that watches schemas, or one that does not, and nothing else to do.
final class SchemaBenchRig {
    private let processor: Processor
    private let topic: Topic

    init(watches: Bool) throws {
        var configuration = try Configuration.decode(
            text: """
                gateway: {id: bench, data_directory: /nonexistent}
                sources:
                  - name: vehicles
                    url: mqtt://localhost:1883
                    topics: [{pattern: "fleet/{vehicle}/state"}]
                """,
            file: "/bench.yaml"
        )
        configuration.schema.isEnabled = watches
        processor = Processor(
            configuration: configuration,
            rules: try CompiledRules.make(configuration),
            nextOffsets: [:]
        )
        topic = Topic(
            name: "fleet/car-1/state",
            patterns: configuration.sources[0].topics.map(\.pattern)
        )
    }

    /// One batch of payloads.
    func batch(_ payloads: [[UInt8]]) -> MessageBatch {
        var batch = MessageBatch()
        for payload in payloads {
            unsafe payload.withUnsafeBytes { bytes in
                unsafe batch.append(
                    source: 0,
                    topic: topic,
                    payload: bytes,
                    qos: 1,
                    packetID: 0,
                    arrival: WallClock.now()
                )
            }
        }
        return batch
    }

    /// What processing takes of CPU: that of the process, in which nothing else runs.
    func cpuMicroseconds(of batch: MessageBatch) throws -> Double {
        let before = clock()
        let outcome = processor.process(batch, clock: nil)
        let after = clock()
        guard outcome.deadLetter.isEmpty else {
            throw DepotError(description: "the benchmark's own messages are dead letters")
        }
        return JoinRig.microseconds(after - before)
    }
}

/// Payloads as vehicles send them, with numbers that change.
enum SchemaBenchLoad {
    /// Five levels deep, with 200 leaves.
    static func nested(_ number: Int) -> [UInt8] {
        let groups = (0..<4)
            .map { group in
                let parts = (0..<5)
                    .map { part in
                        let units = (0..<2)
                            .map { unit in
                                let values = """
                                    "value":\(number % 97 + part),"level":\(Double(number % 13) + 0.5),\
                                    "state":"ok","fault":false,"count":\(number)
                                    """
                                return #""unit\#(unit)":{"reading":{\#(values)}}"#
                            }
                        return #""part\#(part)":{\#(units.joined(separator: ","))}"#
                    }
                return #""group\#(group)":{\#(parts.joined(separator: ","))}"#
            }
        return Array("{\(groups.joined(separator: ","))}".utf8)
    }

    /// As other benchmarks have them: 310 bytes, 18 leaves.
    static func typical(_ count: Int) -> [[UInt8]] {
        var load = BenchmarkLoad(vehicles: 1)
        return (0..<count).map { load.next($0).payload }
    }
}

/// Others that flatten a JSON text: every scalar with its path.
final class FlatteningYardstick {
    private let queue: DatabaseQueue
    private let statement: SQLiteStatement

    init() throws {
        let queue = try DatabaseQueue()
        statement = try queue.writeWithoutTransaction { db in
            try unsafe SQLiteStatement(
                db.connection(),
                "SELECT fullkey, atom FROM json_tree(?) WHERE atom IS NOT NULL"
            )
        }
        self.queue = queue
    }

    /// SQLite's table function, which walks a text.
    func leavesOfSQLite(_ payload: [UInt8]) throws -> Int {
        statement.bind(1, String(decoding: payload, as: UTF8.self))
        defer { statement.reset() }
        var bytes = 0
        var leaves = 0
        while try statement.step() {
            bytes += statement.text(0).utf8.count + statement.text(1).utf8.count
            leaves += 1
        }
        return bytes > 0 ? leaves : 0
    }

    /// Foundation's JSONSerialization and a walk over what it gives.
    func leavesOfFoundation(_ payload: [UInt8]) throws -> Int {
        var leaves: [(String, Any)] = []
        func walk(_ value: Any, _ path: String) {
            switch value {
            case let object as [String: Any]:
                for (key, value) in object { walk(value, path.isEmpty ? key : "\(path).\(key)") }
            case let list as [Any]:
                for (index, value) in list.enumerated() { walk(value, "\(path).\(index)") }
            default: leaves.append((path, value))
            }
        }
        walk(try JSONSerialization.jsonObject(with: Data(payload)), "")
        return leaves.count
    }
}
