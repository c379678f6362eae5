// SPDX-License-Identifier: Apache-2.0
// The schema history as the log keeps it: `schema_group`, `schema_version` and `schema_path`
// (docs/log-format.md).
import GRDB
import GRDBSQLite

/// Writes what readings do to the schema history; belongs to the intake thread.
final class LogSchemas {
    private let upsertGroup: SQLiteStatement
    private let upsertPath: SQLiteStatement
    private let deletePath: SQLiteStatement
    private let upsertVersion: SQLiteStatement

    init(_ db: Database) throws {
        func make(_ sql: String) throws -> SQLiteStatement {
            try unsafe SQLiteStatement(db.connection(), sql)
        }
        upsertGroup = try make(
            """
            INSERT OR REPLACE INTO schema_group (id, source, topic, name, parent, version, is_settled,
                messages, novelty_number, first_seen, last_seen)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        )
        upsertPath = try make(
            """
            INSERT OR REPLACE INTO schema_path (group_id, path, type, added_in, gone_in, first_path,
                first_number, last_number, gap_max, first_seen, last_seen, count, first_vehicle,
                first_example, last_example, minimum, maximum, recent_minimum, recent_maximum,
                length_max, length_count, inherited_presence)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        )
        deletePath = try make(
            "DELETE FROM schema_path WHERE group_id = ? AND path = ? AND type = ? AND added_in = ?"
        )
        upsertVersion = try make(
            """
            INSERT OR REPLACE INTO schema_version (group_id, version, time, fingerprint, paths, event)
            VALUES (?, ?, ?, ?, ?, ?)
            """
        )
    }

    /// Executes steps, inside a transaction.
    func write(_ steps: [SchemaWrite]) throws(SQLiteFailure) {
        for step in steps {
            switch step {
            case .group(let row): try upsertGroup.run(with: row.values)
            case .path(let row): try upsertPath.run(with: row.values)
            case .version(let row): try upsertVersion.run(with: row.values)
            case .forget(let group, let key, let addedIn):
                try deletePath.run(with: [
                    .int(group), .text(key.path), .text(key.type.rawValue), .int(Int64(addedIn)),
                ])
            }
        }
    }

    /// All groups with their paths; a parent comes before its successors.
    static func groups(_ db: Database) throws -> [(group: SchemaGroupRow, paths: [SchemaPathRow])] {
        let parser = JSONParser(depthMax: 1)
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM schema_path ORDER BY group_id, path")
        var paths: [Int64: [SchemaPathRow]] = [:]
        while let row = try rows.next() {
            guard let path = SchemaPathRow(row, examples: parser) else { continue }
            paths[path.group, default: []].append(path)
        }
        return try Row.fetchAll(db, sql: "SELECT * FROM schema_group ORDER BY id")
            .map { row in
                let group = SchemaGroupRow(row)
                return (group, paths[group.id] ?? [])
            }
    }
}

extension SQLiteStatement {
    /// Runs with these parameters.
    fileprivate func run(with values: [SignalValue?]) throws(SQLiteFailure) {
        for (index, value) in values.enumerated() { bind(Int32(index + 1), value) }
        try run()
    }
}

extension SchemaGroupRow {
    fileprivate init(_ row: Row) {
        self.init(
            id: row["id"],
            source: row["source"],
            topic: row["topic"],
            name: row["name"],
            parent: row["parent"],
            version: row["version"],
            isSettled: row["is_settled"],
            messages: row["messages"],
            noveltyNumber: row["novelty_number"],
            firstSeen: Timestamp(milliseconds: row["first_seen"]),
            lastSeen: Timestamp(milliseconds: row["last_seen"])
        )
    }

    fileprivate var values: [SignalValue?] {
        [
            .int(id), .text(source), .text(topic), .text(name), parent.map { .int($0) },
            .int(Int64(version)), .bool(isSettled), .int(messages), .int(noveltyNumber),
            .int(firstSeen.milliseconds), .int(lastSeen.milliseconds),
        ]
    }
}

extension SchemaPathRow {
    /// `nil` when a later gateway has written a type that this one does not know.
    fileprivate init?(_ row: Row, examples parser: JSONParser) {
        guard let type = SchemaType(rawValue: row["type"]) else { return nil }
        self.init(
            group: row["group_id"],
            key: SchemaKey(path: row["path"], type: type),
            addedIn: row["added_in"],
            goneIn: row["gone_in"],
            firstPath: row["first_path"],
            firstNumber: row["first_number"],
            lastNumber: row["last_number"],
            gapMax: row["gap_max"],
            firstSeen: Timestamp(milliseconds: row["first_seen"]),
            lastSeen: Timestamp(milliseconds: row["last_seen"]),
            count: row["count"],
            firstVehicle: row["first_vehicle"],
            firstExample: SignalValue(json: row["first_example"], parser),
            lastExample: SignalValue(json: row["last_example"], parser),
            minimum: row["minimum"],
            maximum: row["maximum"],
            recentMinimum: row["recent_minimum"],
            recentMaximum: row["recent_maximum"],
            lengthMax: row["length_max"],
            lengthCount: row["length_count"],
            inheritedPresence: row["inherited_presence"]
        )
    }

    fileprivate var values: [SignalValue?] {
        let place: [SignalValue?] = [
            .int(group), .text(key.path), .text(key.type.rawValue), .int(Int64(addedIn)),
            goneIn.map { .int(Int64($0)) }, .text(firstPath),
        ]
        let counts: [SignalValue?] = [
            .int(firstNumber), .int(lastNumber), .int(gapMax), .int(firstSeen.milliseconds),
            .int(lastSeen.milliseconds), .int(count),
        ]
        let content: [SignalValue?] = [
            .text(firstVehicle), firstExample.map { .text($0.json) },
            lastExample.map { .text($0.json) }, minimum.map { .double($0) },
            maximum.map { .double($0) }, recentMinimum.map { .double($0) },
            recentMaximum.map { .double($0) }, .int(Int64(lengthMax)), .int(Int64(lengthCount)),
            inheritedPresence.map { .double($0) },
        ]
        return place + counts + content
    }
}

extension SchemaVersionRow {
    fileprivate var values: [SignalValue?] {
        [
            .int(group), .int(Int64(version)), .int(time.milliseconds), .text(fingerprint),
            .int(Int64(pathCount)), .text(event),
        ]
    }
}

extension SignalValue {
    /// The value as JSON text; so that a text `5` stays another than a number 5.
    fileprivate var json: String {
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    fileprivate init?(json text: String?, _ parser: JSONParser) {
        // A scalar is one leaf; its text is copied out of the parser.
        guard let text, let document = try? parser.parse(text), document.count == 1,
            let value = document.value(at: 0)
        else { return nil }
        self = value
    }
}
