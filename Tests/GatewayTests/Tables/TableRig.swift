// SPDX-License-Identifier: Apache-2.0
import Testing

import class GRDB.Row

@testable import Gateway

/// A gateway with tables over a real log, fed by hand; what it holds in memory and on disk is looked at
/// from outside.
final class TableRig {
    /// A table `car` with declared columns, whose changes tell what they do and where they stood.
    static let car = table("car", "columns: {id: int, v: int, w: text}")

    /// A table that is fed over MQTT with plain rows, unless the lines say otherwise.
    static func table(_ name: String, _ lines: String...) -> String {
        var all = [
            "name: \(name)", "key: id", "operation: op", "position: pos",
            #"source: {type: mqtt, url: "mqtt://localhost:1883", topic: "cdc/\#(name)"}"#,
        ]
        for line in lines {
            all.removeAll { $0.prefix { $0 != ":" } == line.prefix { $0 != ":" } }
            if !line.hasSuffix(": none") { all.append(line) }
        }
        return "  - " + all.joined(separator: "\n    ")
    }

    private let folder: TemporaryFolder
    private var current: LoggedGateway?
    private let rules: String
    private let streams: [String]

    init(
        _ tables: String = TableRig.car,
        enrich: String? = nil,
        rules: String = "groups: []",
        streams: [String] = []
    ) throws {
        folder = try TemporaryFolder()
        self.rules = rules
        self.streams = streams
        try start(tables, enrich: enrich)
    }

    var gateway: LoggedGateway {
        guard let current else { preconditionFailure("a start has failed") }
        return current
    }

    /// Ends the gateway, so to say, and starts it with other tables or another SELECT on the same files.
    func start(_ tables: String, enrich: String? = nil) throws {
        current = nil
        var configuration = try Self.configuration(tables, enrich: enrich)
        configuration.derivedStreams = streams
        current = try LoggedGateway(configuration, rules: rules, in: folder)
    }

    static func configuration(_ tables: String, enrich: String? = nil) throws -> Configuration {
        var lines = [
            "gateway: {id: depot, data_directory: /nonexistent}", "sources:", "  - name: vehicles",
            "    url: mqtt://localhost:1883", "    topics:",
            #"      - pattern: "fleet/{vehicle}/state""#,
            "        event_time: {path: t, format: epoch_s}",
        ]
        if let enrich {
            lines += enrich.split(separator: "\n").map { "    " + $0 }
        }
        let text = lines.joined(separator: "\n") + "\ntables:\n" + tables
        return try Configuration.decode(text: text, file: "/etc/gateway.yaml")
    }

    func restart() throws { try gateway.restart(rules: rules) }

    func recover() throws { try gateway.recover(rules: rules) }

    // What comes.

    /// One batch of changes of a table.
    @discardableResult
    func change(_ changes: String..., table: Int = 0, at second: Int64 = 0) throws -> Outcome {
        try self.changes(changes, table: table, at: second)
    }

    @discardableResult
    func changes(
        _ changes: [String],
        table: Int = 0,
        at second: Int64 = 0
    ) throws -> Outcome {
        let name = gateway.configuration.tables[table].name
        return try gateway.process(
            changes.map {
                TestMessage("cdc/\(name)", $0, arrival: .seconds(second), source: 1 + table)
            }
        )
    }

    /// A record of a feed that has a thread of its own.
    func record(
        _ payload: String = "",
        key: String? = nil,
        _ place: RecordPlace = RecordPlace(),
        at second: Int64 = 0
    ) throws {
        var batch = MessageBatch()
        let record = FeedRecord(
            place: place,
            payload: Array(payload.utf8),
            key: key.map { Array($0.utf8) }
        )
        let topic = Topic(name: "feed", patterns: [])
        batch.append(feed: 1, topic: topic, record: record, arrival: .seconds(second))
        let outcome = gateway.processor.process(batch, clock: nil)
        try #require(outcome.failure == nil)
        try gateway.writer.commit(outcome, of: batch, CommitExtras())
    }

    @discardableResult
    func reading(
        _ json: String = "{}",
        vehicle: String = "d1",
        at second: Int64 = 0
    ) throws
        -> Outcome
    {
        let topic = "fleet/\(vehicle)/state"
        return try gateway.process([TestMessage(topic, json, arrival: .seconds(second))])
    }

    /// A look at the clock.
    @discardableResult
    func clock(_ second: Int64, isHeard: Bool = true) throws -> Outcome {
        let count = gateway.configuration.tables.count
        return try gateway.process(
            [],
            clock: ClockReading(
                now: .seconds(second),
                isHeard: [true],
                isTableHeard: [Bool](repeating: isHeard, count: count)
            )
        )
    }

    // What is there.

    func table(_ index: Int = 0) -> ReferenceTable { gateway.processor.tables.tables[index] }

    var isReady: Bool { table().state.isReady }

    /// Rows as joins see them, in the order of their keys: `1,2,'x'`.
    func rows(_ index: Int = 0) throws -> [String] {
        try memory(relation(table(index), .live, isPosition: false).rows)
    }

    /// The payloads of a stream, flattened.
    func events(_ stream: String) throws -> [[String: SignalValue]] {
        try gateway.payloads(stream).map { try flatten($0) }
    }

    func reasons() throws -> [String] {
        try events("dead_letter").compactMap { $0["reason"]?.text }
    }

    /// Expects that memory and log hold the same, down to the types of values and columns.
    func expectSame(_ comment: Comment? = nil) throws {
        for table in gateway.processor.tables.tables {
            for part in [TableDefinition.Relation.live, .staging] {
                for isPosition in [false, true] {
                    let sql = relation(table, part, isPosition: isPosition)
                    let form = try memory(sql.form)
                    #expect(try form == log(sql.form), comment)
                    guard !form.isEmpty else { continue }
                    #expect(try memory(sql.rows) == log(sql.rows), comment)
                }
            }
        }
    }

    private func relation(
        _ table: ReferenceTable,
        _ part: TableDefinition.Relation,
        isPosition: Bool
    ) -> (rows: String, form: String) {
        let definition = table.definition
        let columns =
            isPosition
            ? definition.key + ["position", "deleted_at"] : definition.columns.map(\.name)
        let list = columns.map { "quote(\(TableDefinition.quoted($0)))" }
            .joined(separator: "||','||")
        let name = definition.name + part.rawValue + (isPosition ? ".position" : "")
        let key = TableDefinition.list(definition.key)
        return (
            "SELECT \(list) FROM \(TableDefinition.quoted(name)) ORDER BY \(key)",
            "SELECT name || ' ' || type FROM pragma_table_info('\(name)')"
        )
    }

    private func memory(_ sql: String) throws -> [String] {
        let statement = try gateway.processor.tables.sandbox.statement(sql)
        var found: [String] = []
        while try statement.step() { found.append(statement.text(0)) }
        return found
    }

    /// The first column of what a query on the log gives.
    func log(_ sql: String) throws -> [String] {
        try gateway.log.pool.read { db in try String.fetchAll(db, sql: sql) }
    }
}
