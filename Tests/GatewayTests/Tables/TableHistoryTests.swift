// SPDX-License-Identifier: Apache-2.0
// Goal: however changes are repeated, reordered, cut into batches and interrupted by restarts, the table
// ends as its source is. Method: random histories against a dictionary that sees them in their true order.
import Testing

@testable import Gateway

/// A format in which a history can be told.
private struct Telling: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let lines: [String]
    /// An upsert (with the key of before) or a delete at a position.
    let upsert: @Sendable (_ position: Int, _ id: Int, _ old: Int, _ value: Int) -> String
    let delete: @Sendable (_ position: Int, _ id: Int) -> String

    var table: String {
        let own = ["columns: {id: int, v: int}", "before: none"] + lines
        var all = [
            "name: car", "key: id",
            #"source: {type: mqtt, url: "mqtt://localhost:1883", topic: "cdc/car"}"#,
        ]
        all += own.filter { !$0.hasSuffix(": none") }
        return "  - " + all.joined(separator: "\n    ")
    }

    static let all = [
        Telling(
            testDescription: "rows with a position",
            lines: ["operation: op", "position: pos", "before: old"],
            upsert: {
                #"{"op":"update","pos":"\#($0)/0","id":\#($1),"v":\#($3),"old":{"id":\#($2)}}"#
            },
            delete: { #"{"op":"delete","pos":"\#($0)/0","id":\#($1)}"# }
        ),
        Telling(
            testDescription: "rows with a time",
            lines: ["operation: op", "time: {path: at, format: epoch_ms}", "before: old"],
            upsert: {
                #"{"op":"update","at":17000000\#($0 + 10_000),"id":\#($1),"v":\#($3),"#
                    + #""old":{"id":\#($2)}}"#
            },
            delete: { #"{"op":"delete","at":17000000\#($0 + 10_000),"id":\#($1)}"# }
        ),
        Telling(
            testDescription: "dms",
            lines: ["format: dms"],
            upsert: {
                #"{"data":{"id":\#($1),"v":\#($3)},"before-image":{"id":\#($2)},"metadata":"#
                    + metadata("update", $0)
            },
            delete: { #"{"data":{"id":\#($1)},"metadata":"# + metadata("delete", $0) }
        ),
        Telling(
            testDescription: "debezium",
            lines: ["format: debezium"],
            upsert: {
                #"{"op":"u","ts_ms":1700000000000,"before":{"id":\#($2)},"#
                    + #""after":{"id":\#($1),"v":\#($3)},"source":\#(source($0))}"#
            },
            delete: {
                #"{"op":"d","ts_ms":1700000000000,"before":{"id":\#($1)},"after":null,"#
                    + #""source":\#(source($0))}"#
            }
        ),
    ]

    private static func metadata(_ operation: String, _ position: Int) -> String {
        #"{"timestamp":"2026-01-05T08:00:00.000000Z","record-type":"data","#
            + #""operation":"\#(operation)","schema-name":"public","table-name":"car","#
            + #""stream-position":"\#(position)","transaction-record-id":1}}"#
    }

    private static func source(_ position: Int) -> String {
        #"{"name":"pg","snapshot":"false","table":"car","lsn":\#(position)}"#
    }
}

/// A source with a few rows, and what it tells.
private struct Source {
    var rows: [Int: Int] = [:]
    var told: [String] = []
    private var position = 100

    /// Changes something, and tells it unless that gets lost.
    mutating func change(_ telling: Telling, _ random: inout SplitMix64, isTold: Bool = true) {
        defer { if !isTold { told.removeLast() } }
        position += random.int(1...3)
        let id = random.int(1...9)
        if random.oneIn(4) {
            rows[id] = nil
            return told.append(telling.delete(position, id))
        }
        let value = random.int(0...999)
        let old = random.oneIn(5) ? random.int(1...9) : id
        rows[old] = nil
        rows[id] = value
        told.append(telling.upsert(position, id, old, value))
    }

    /// Tells the whole table: its beginning, its rows and its end.
    mutating func load() -> (begin: Int, end: Int) {
        position += 1
        let begin = told.count
        told.append(#"{"op":"begin","pos":"\#(position)/0"}"#)
        for (number, row) in rows.sorted(by: { $0.key < $1.key }).enumerated() {
            let place = "\(position)/\(number + 1)"
            told.append(#"{"op":"load","pos":"\#(place)","id":\#(row.key),"v":\#(row.value)}"#)
        }
        told.append(#"{"op":"end","pos":"\#(position)/99"}"#)
        return (begin, told.count - 1)
    }

    var text: [String] { rows.sorted { $0.key < $1.key }.map { "\($0.key),\($0.value)" } }
}

@Suite struct TableHistoryTests {
    /// Delivers with repetitions and a bounded disorder, in random batches, between random restarts.
    private func deliver(
        _ told: [String],
        _ loads: [(begin: Int, end: Int)] = [],
        to rig: TableRig,
        _ random: inout SplitMix64
    ) throws {
        var places = told.indices.map { Double($0 + random.int(0...6)) }
        for load in loads { places[load.end] = max(places[load.end], places[load.begin] + 0.5) }
        var order = told.indices.map { (place: places[$0], text: told[$0]) }
        for (index, text) in told.enumerated() where random.oneIn(5) {
            order.append((places[index] + Double(random.int(0...6)), text))
        }
        var second: Int64 = 0
        var rest = order.sorted { $0.place < $1.place }.map(\.text)[...]
        while !rest.isEmpty {
            let count = random.int(1...12)
            try rig.changes(Array(rest.prefix(count)), at: second)
            second += Int64(random.int(0...1))
            rest = rest.dropFirst(count)
            try interrupt(rig, &random)
        }
    }

    private func interrupt(_ rig: TableRig, _ random: inout SplitMix64) throws {
        switch random.int(0...9) {
        case 0: try rig.restart()
        case 1: try rig.recover()
        case 2: _ = try rig.gateway.writer.deleteRetired()
        default: return
        }
        try rig.expectSame()
    }

    @Test(arguments: Telling.all, [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    private func tableEndsAsItsSourceIs(telling: Telling, seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let rig = try TableRig(telling.table)
        var source = Source()
        for _ in 0..<100 { source.change(telling, &random) }
        try deliver(source.told, to: rig, &random)
        try rig.expectSame()
        #expect(try rig.reasons() == [])
        #expect(try rig.rows() == source.text)
    }

    // Some changes are lost, which only a snapshot can mend; it must lose nothing that was newer, and
    // bring back nothing that was gone.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func snapshotsBetweenChangesEndAsTheSourceIs(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let telling = Telling.all[0]
        let rig = try TableRig(telling.table)
        var source = Source()
        for _ in 0..<6 {
            let start = source.told.count
            for _ in 0..<random.int(5...15) {
                let isTold = !random.oneIn(4)
                source.change(telling, &random, isTold: isTold)
            }
            // What is told right before the snapshot may come in the middle of it.
            for _ in 0..<3 { source.change(telling, &random) }
            let load = source.load()
            for _ in 0..<random.int(0...5) { source.change(telling, &random) }
            let moved = (begin: load.begin - start, end: load.end - start)
            try deliver(Array(source.told[start...]), [moved], to: rig, &random)
            try rig.expectSame()
            #expect(rig.table().state.loading == nil)
            #expect(try rig.rows() == source.text)
        }
        #expect(try rig.reasons() == [])
    }
}
