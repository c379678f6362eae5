// SPDX-License-Identifier: Apache-2.0
import GRDB

/// The numbered steps from an empty file to today's schema.
///
/// A step that was released never changes.
enum LogSchema {
    /// A newer gateway has written this log; an older one must not guess what its tables mean.
    struct IsNewer: Error, CustomStringConvertible {
        let description =
            "a newer version of the gateway has written it; run that version, or give this one "
            + "another gateway.data_directory"
    }

    /// Brings a database up to date.
    static func migrate(_ database: some DatabaseWriter) throws {
        guard try !database.read(migrator.hasBeenSuperseded) else { throw IsNewer() }
        try migrator.migrate(database)
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: version1)
            for stream in ["raw", "enriched", "outlier", "firing", "dead_letter"] {
                try createStream(stream, in: db)
            }
        }
        migrator.registerMigration("2") { db in
            for stream in ["schema", "current"] { try createStream(stream, in: db) }
            try db.execute(sql: version2)
        }
        migrator.registerMigration("3") { db in
            try db.execute(sql: version3DeadLetters)
            try db.execute(sql: version3Schemas)
            try db.execute(sql: version3Sparkplug)
        }
        return migrator
    }

    /// Makes the streams of `select` rules that are not there yet.
    static func createStreams(_ streams: [String], in db: Database) throws {
        let known = try String.fetchSet(db, sql: "SELECT name FROM stream")
        for stream in streams where !known.contains(stream) { try createStream(stream, in: db) }
    }

    private static func createStream(_ stream: String, in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE "\(stream)" (
                    offset INTEGER PRIMARY KEY,
                    event_time INTEGER NOT NULL,
                    arrival_time INTEGER NOT NULL,
                    key TEXT NOT NULL,
                    topic TEXT NOT NULL,
                    payload NOT NULL
                );
                INSERT INTO stream (name, first_offset, next_offset, bytes)
                    VALUES ('\(stream)', 1, 1, 0);
                """
        )
    }

    private static let version3Schemas = """
        CREATE TABLE schema_group (
            id INTEGER PRIMARY KEY,
            source TEXT NOT NULL,
            topic TEXT NOT NULL,
            name TEXT NOT NULL,
            parent INTEGER,
            version INTEGER NOT NULL,
            is_settled INTEGER NOT NULL,
            messages INTEGER NOT NULL,
            novelty_number INTEGER NOT NULL,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            UNIQUE (source, topic, name)
        );
        CREATE TABLE schema_version (
            group_id INTEGER NOT NULL,
            version INTEGER NOT NULL,
            time INTEGER NOT NULL,
            fingerprint TEXT NOT NULL,
            paths INTEGER NOT NULL,
            event TEXT NOT NULL,
            PRIMARY KEY (group_id, version)
        ) WITHOUT ROWID;
        CREATE TABLE schema_path (
            group_id INTEGER NOT NULL,
            path TEXT NOT NULL,
            type TEXT NOT NULL,
            added_in INTEGER NOT NULL,
            gone_in INTEGER,
            first_path TEXT NOT NULL,
            first_number INTEGER NOT NULL,
            last_number INTEGER NOT NULL,
            gap_max INTEGER NOT NULL,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            count INTEGER NOT NULL,
            first_vehicle TEXT NOT NULL,
            first_example TEXT,
            last_example TEXT,
            minimum REAL,
            maximum REAL,
            recent_minimum REAL,
            recent_maximum REAL,
            length_max INTEGER NOT NULL,
            length_count INTEGER NOT NULL,
            inherited_presence REAL,
            PRIMARY KEY (group_id, path, type, added_in)
        ) WITHOUT ROWID;
        """

    private static let version1 = """
        CREATE TABLE stream (
            name TEXT PRIMARY KEY,
            first_offset INTEGER NOT NULL,
            next_offset INTEGER NOT NULL,
            bytes INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE vehicle (
            id TEXT PRIMARY KEY,
            source TEXT NOT NULL,
            event_time INTEGER NOT NULL,
            arrival_time INTEGER NOT NULL,
            signals TEXT NOT NULL
        );
        CREATE TABLE snapshot (vehicles_as_of INTEGER NOT NULL);
        INSERT INTO snapshot VALUES (0);
        CREATE TABLE alert (
            vehicle TEXT NOT NULL,
            alert TEXT NOT NULL,
            phase TEXT NOT NULL,
            active_at INTEGER NOT NULL,
            fired_at INTEGER,
            ended_at INTEGER,
            PRIMARY KEY (vehicle, alert)
        ) WITHOUT ROWID;
        CREATE TABLE identity (log_id TEXT NOT NULL);
        INSERT INTO identity VALUES (lower(hex(randomblob(16))));
        CREATE TABLE cursor (
            sink TEXT NOT NULL,
            stream TEXT NOT NULL,
            offset INTEGER NOT NULL,
            PRIMARY KEY (sink, stream)
        ) WITHOUT ROWID;
        CREATE TABLE redelivery (
            source TEXT NOT NULL,
            batch INTEGER NOT NULL,
            entries BLOB NOT NULL,
            PRIMARY KEY (source, batch)
        ) WITHOUT ROWID;
        CREATE TABLE subscription (
            source TEXT NOT NULL,
            filter TEXT NOT NULL,
            PRIMARY KEY (source, filter)
        ) WITHOUT ROWID;
        """

    /// Dead letters that were processed again, and since when there are too many: a row or none.
    static let version3DeadLetters = """
        CREATE TABLE replayed (
            offset INTEGER PRIMARY KEY,
            time INTEGER NOT NULL
        );
        CREATE TABLE dead_letter_alarm (since INTEGER NOT NULL);
        """

    private static let version2 = """
        ALTER TABLE vehicle ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE vehicle ADD COLUMN record_digest INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE table_state (
            name TEXT PRIMARY KEY,
            definition TEXT NOT NULL,
            columns TEXT NOT NULL,
            generation INTEGER NOT NULL,
            is_ready INTEGER NOT NULL,
            loading TEXT,
            has_load_rows INTEGER NOT NULL,
            last_load TEXT,
            floor TEXT,
            first_heard_at INTEGER NOT NULL,
            load_heard_at INTEGER NOT NULL,
            heard_at INTEGER NOT NULL,
            stale_since INTEGER,
            mark TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE table_position (
            name TEXT NOT NULL,
            topic TEXT NOT NULL,
            partition INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            PRIMARY KEY (name, topic, partition)
        ) WITHOUT ROWID;
        """

    private static let version3Sparkplug = """
        CREATE TABLE sparkplug_node (
            source TEXT NOT NULL,
            edge_node TEXT NOT NULL,
            bd_seq INTEGER,
            seq INTEGER,
            has_gap INTEGER NOT NULL,
            PRIMARY KEY (source, edge_node)
        ) WITHOUT ROWID;
        CREATE TABLE sparkplug_birth (
            source TEXT NOT NULL,
            edge_node TEXT NOT NULL,
            device TEXT NOT NULL,
            metrics TEXT,
            PRIMARY KEY (source, edge_node, device)
        );
        """
}
