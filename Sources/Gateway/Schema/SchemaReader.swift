// SPDX-License-Identifier: Apache-2.0
// Reads the schema history back out of the log: `gateway schema` and `/api/schemas` ask the same questions.
// What belongs to a burst that is still open is not part of a version yet, and is left out.

/// Which groups are meant; what is `nil` may be anything.
struct SchemaSelection: Equatable, Sendable {
    var source: String?
    var topic: String?
    var group: String?
}

/// A group, and how many paths its version has.
struct StoredSchemaGroup: Equatable, Sendable {
    var row: SchemaGroupRow
    var pathCount: Int
}

/// A path under one type, as a person asks for it.
struct StoredSchemaPath: Equatable, Sendable {
    var key: SchemaKey
    var addedIn: Int
    var goneIn: Int?
    var firstPath: String
    var count: Int64
    var firstSeen: Timestamp
    var lastSeen: Timestamp
    /// The first and the last that were kept, as JSON.
    var examples: [String]
    var minimum: Double?
    var maximum: Double?
    /// Of a list: the longest.
    var lengthMax: Int
}

/// One version of one group.
struct SchemaContent: Sendable {
    var group: SchemaGroupRow
    var version: Int
    var paths: [StoredSchemaPath]
    /// Messages that had a path, whatever its type and the version.
    var counts: [String: Int64]
}

/// Versions with what was told of them.
struct SchemaTimeline: Sendable {
    struct Entry: Sendable {
        var group: SchemaGroupRow
        var version: SchemaVersionRow
    }

    /// Group by group, each in the order of its versions.
    var entries: [Entry] = []
    /// How many more there are, all of them older.
    var olderCount = 0
}

/// Asks the log for groups, versions and paths; the caller keeps its state still meanwhile.
struct SchemaReader {
    typealias Query = (_ sql: String, _ values: [SignalValue?]) throws -> [[SQLValue]]

    private let query: Query
    /// How its caller's user writes an option: `--group` or `group`.
    let option: (String) -> String

    init(option: @escaping (String) -> String, query: @escaping Query) {
        self.option = option
        self.query = query
    }

    private static let filter = """
        (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR topic = ?2) AND (?3 IS NULL OR name = ?3)
        """
    private static let groupColumns = """
        id, source, topic, name, parent, g.version, is_settled, messages, novelty_number, first_seen,
        last_seen
        """

    private func values(_ selection: SchemaSelection) -> [SignalValue?] {
        [selection.source, selection.topic, selection.group].map { $0.map { .text($0) } }
    }

    /// The groups that are meant, by source, topic and name.
    func groups(_ selection: SchemaSelection) throws -> [StoredSchemaGroup] {
        try query(
            """
            SELECT \(Self.groupColumns), coalesce(
                (SELECT paths FROM schema_version v WHERE v.group_id = id AND v.version = g.version),
                (SELECT count(*) FROM schema_path p WHERE p.group_id = id
                    AND added_in <= g.version AND (gone_in IS NULL OR gone_in > g.version)))
            FROM schema_group g WHERE \(Self.filter) ORDER BY source, topic, name
            """,
            values(selection)
        )
        .map { row in
            StoredSchemaGroup(row: SchemaGroupRow(row), pathCount: row[11].number)
        }
    }

    /// The versions that came last, up to a number of them and about so many bytes.
    func timeline(
        of selection: SchemaSelection,
        count: Int,
        bytesMax: Int
    ) throws -> SchemaTimeline {
        let groups = try groups(selection).map(\.row)
        let keys = try query(
            """
            SELECT group_id, v.version, length(event) FROM schema_version v
            JOIN schema_group g ON id = group_id WHERE \(Self.filter)
            ORDER BY time DESC, group_id DESC, v.version DESC
            """,
            values(selection)
        )
        var bytes = 0
        var chosen: Set<[Int]> = []
        for key in keys.prefix(count) {
            bytes += key[2].number
            // The newest is shown, however long it is.
            guard bytes <= bytesMax || chosen.isEmpty else { break }
            chosen.insert([key[0].number, key[1].number])
        }
        var timeline = SchemaTimeline(olderCount: keys.count - chosen.count)
        let wanted = Dictionary(grouping: chosen, by: { Int64($0[0]) })
        for group in groups {
            for version in (wanted[group.id] ?? []).map({ $0[1] }).sorted() {
                guard let row = try versions(of: group.id, version...version).first else {
                    continue
                }
                timeline.entries.append(.init(group: group, version: row))
            }
        }
        return timeline
    }

    /// What was told of versions of a group.
    func versions(of group: Int64, _ range: ClosedRange<Int>) throws -> [SchemaVersionRow] {
        try query(
            """
            SELECT version, time, fingerprint, paths, event FROM schema_version
            WHERE group_id = ?1 AND version BETWEEN ?2 AND ?3 ORDER BY version
            """,
            [.int(group), .int(Int64(range.lowerBound)), .int(Int64(range.upperBound))]
        )
        .map { row in
            SchemaVersionRow(
                group: group,
                version: row[0].number,
                time: row[1].time,
                fingerprint: row[2].text ?? "",
                pathCount: row[3].number,
                event: row[4].text ?? ""
            )
        }
    }

    /// The paths of a version; of the latest without one.
    func content(of group: SchemaGroupRow, version: Int?) throws -> SchemaContent {
        let version = version ?? group.version
        guard (1...group.version).contains(version) else {
            throw SchemaRefusal(
                kind: .unknown,
                message: "\(group.place) has "
                    + (group.version == 1 ? "only version 1" : "versions 1 to \(group.version)")
                    + ", and no version \(version)"
            )
        }
        let rows = try query(
            """
            SELECT path, type, added_in, gone_in, first_path, count, first_seen, last_seen,
                first_example, last_example, minimum, maximum, length_max
            FROM schema_path WHERE group_id = ?1 ORDER BY path, type, added_in
            """,
            [.int(group.id)]
        )
        .compactMap { StoredSchemaPath($0) }
        // A float goes on with the count of the integer that it takes the place of.
        let floats = Set(
            rows.filter { $0.key.type == .float }.map { "\($0.addedIn) \($0.key.path)" }
        )
        var counts: [String: Int64] = [:]
        for row in rows {
            if row.key.type == .int, let end = row.goneIn,
                floats.contains("\(end) \(row.key.path)")
            {
                continue
            }
            counts[row.key.path, default: 0] += row.count
        }
        var paths = rows.filter { $0.addedIn <= version && ($0.goneIn ?? .max) > version }
        for index in paths.indices where paths[index].goneIn ?? 0 > group.version {
            paths[index].goneIn = nil
        }
        return SchemaContent(group: group, version: version, paths: paths, counts: counts)
    }
}

// Rows.

extension SQLValue {
    fileprivate var number: Int { Int(int ?? 0) }
    fileprivate var time: Timestamp { Timestamp(milliseconds: int ?? 0) }
    fileprivate var real: Double? {
        switch self {
        case .int(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
}

extension SchemaGroupRow {
    fileprivate init(_ row: [SQLValue]) {
        self.init(
            id: row[0].int ?? 0,
            source: row[1].text ?? "",
            topic: row[2].text ?? "",
            name: row[3].text ?? "",
            parent: row[4].int,
            version: row[5].number,
            isSettled: row[6].number != 0,
            messages: row[7].int ?? 0,
            noveltyNumber: row[8].int ?? 0,
            firstSeen: row[9].time,
            lastSeen: row[10].time
        )
    }

    /// What a message calls it.
    var place: String {
        "source \(source), topic \(topic)" + (name.isEmpty ? "" : ", group \(name)")
    }
}

extension StoredSchemaPath {
    /// `nil` when a later gateway has written a type that this one does not know.
    fileprivate init?(_ row: [SQLValue]) {
        guard let path = row[0].text, let type = row[1].text.flatMap(SchemaType.init) else {
            return nil
        }
        let first = row[8].text
        let last = row[9].text == first ? nil : row[9].text
        self.init(
            key: SchemaKey(path: path, type: type),
            addedIn: row[2].number,
            goneIn: row[3].int.map { Int($0) },
            firstPath: row[4].text ?? path,
            count: row[5].int ?? 0,
            firstSeen: row[6].time,
            lastSeen: row[7].time,
            examples: [first, last].compactMap(\.self).filter { $0 != "null" },
            minimum: row[10].real,
            maximum: row[11].real,
            lengthMax: row[12].number
        )
    }
}
