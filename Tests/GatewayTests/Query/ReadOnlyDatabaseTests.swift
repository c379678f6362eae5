// SPDX-License-Identifier: Apache-2.0
// Nothing that a person types changes the log or holds it up.
import Foundation
import Testing

@testable import Gateway

@Suite struct ReadOnlyDatabaseTests {
    private let rig: QueryRig

    init() throws {
        rig = try QueryRig()
        try rig.gateway.process(["{\"n\":1}"])
    }

    @Test(arguments: [
        "INSERT INTO raw VALUES (99, 1, 1, '', '', '')", "UPDATE stream SET bytes = 0",
        "DELETE FROM raw", "REPLACE INTO cursor VALUES ('a', 'b', 1)", "DROP TABLE raw",
        "WITH x AS (SELECT 1) INSERT INTO snapshot SELECT * FROM x", "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)", "CREATE TEMP VIEW x AS SELECT 1", "CREATE INDEX i ON raw (key)",
        "CREATE TEMP TRIGGER t INSTEAD OF INSERT ON vehicles BEGIN SELECT 1; END",
        "ALTER TABLE raw ADD COLUMN x", "DROP VIEW vehicles", "ATTACH ':memory:' AS x",
        "DETACH main", "VACUUM", "VACUUM INTO '/tmp/gateway-must-not-be-there'", "REINDEX",
        "ANALYZE", "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "SAVEPOINT s",
        "PRAGMA journal_mode = DELETE", "PRAGMA query_only = OFF",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA user_version = 1", "PRAGMA writable_schema = ON", "PRAGMA optimize",
        "PRAGMA temp_store_directory = '/'", "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM raw", "EXPLAIN DELETE FROM raw",
        "CREATE VIRTUAL TABLE temp.x USING fts5(y)",
    ])
    func whatIsNotReadingIsRefused(sql: String) throws {
        let before = try rig.gateway.dump()
        let runner = try rig.runner()
        let error = #expect(throws: QueryError.self) { try runner.run(sql) }
        guard case .refused? = error else {
            Issue.record("not refused, but \(error?.description ?? "run")")
            return
        }
        #expect(try rig.gateway.dump() == before)
    }

    @Test(arguments: [
        "PRAGMA table_info(raw)", "SELECT name FROM pragma_table_info('raw')",
        "SELECT name FROM pragma_table_list", "PRAGMA journal_mode", "EXPLAIN SELECT * FROM raw",
        "EXPLAIN QUERY PLAN SELECT * FROM raw", "SELECT * FROM sqlite_schema",
        "SELECT payload ->> '$.n' FROM raw", "VALUES (1)", "-- nothing", ";;", "",
        "SELECT value FROM json_each('[1]')", "SELECT * FROM vehicles", "SELECT * FROM signal",
        "WITH RECURSIVE t (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM t LIMIT 5) SELECT x FROM t",
    ])
    func readingIsAllowed(sql: String) throws {
        #expect(throws: Never.self) { try rig.result(sql) }
    }

    @Test func statementThatRunsForLongIsStopped() throws {
        let runner = try rig.runner(milliseconds: 1_000)
        let error = #expect(throws: QueryError.self) {
            try runner.run(
                "WITH t (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t"
            )
        }
        #expect(error == .timedOut(milliseconds: 1_000))
        #expect(error?.description.contains("write-ahead file") == true)
        // And the next one has its own time.
        #expect(throws: Never.self) { try runner.run("SELECT 1") }
    }

    @Test func resultsThatNobodyTakesStopTheStatement() throws {
        let pipe = Pipe()
        let budget = QueryBudget(milliseconds: 100)
        let output = ResultOutput(
            descriptor: pipe.fileHandleForWriting.fileDescriptor,
            budget: budget
        )
        let database = try ReadOnlyDatabase(path: rig.path, budget: budget)
        let runner = QueryRunner(database: database, output: output, format: .json)
        #expect(throws: QueryError.timedOut(milliseconds: 100)) {
            try runner.run(
                "WITH t (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM t) SELECT x FROM t"
            )
        }
    }

    @Test func openStatementHoldsUpNoCommit() throws {
        let budget = QueryBudget(milliseconds: 30_000)
        let database = try ReadOnlyDatabase(path: rig.path, budget: budget)
        try rig.gateway.process((0..<10).map { "{\"n\":\($0)}" })
        let statement = try #require(try database.first(of: "SELECT offset FROM raw").statement)
        #expect(try database.step(statement))
        try rig.gateway.process(["{}"])
        #expect(try rig.gateway.count("raw") == 12)
        var rows = 1
        while try database.step(statement) { rows += 1 }
        #expect(rows == 11, "a statement sees one moment")
    }

    @Test(arguments: [
        ("/nowhere/gateway.db", "it is not there"), ("/etc/hostname", "not a database"),
    ])
    func whatCannotBeOpenedIsTold(path: String, reason: String) {
        let error = #expect(throws: QueryError.self) {
            try ReadOnlyDatabase(path: path, budget: QueryBudget(milliseconds: 1_000))
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func viewsShowTheFleet() throws {
        let rig = try QueryRig(
            .testing(signals: [SignalConfiguration(name: "speed", paths: ["speed"])]),
            rules: RuleText.file(["fast": "speed > 100", "faster": "speed > 110"])
        )
        try rig.gateway.process(["{\"speed\":120}"])
        try rig.gateway.saveVehicles()
        #expect(
            try rig.result("SELECT id, event_time, firing FROM vehicles")
                == "id,event_time,firing\r\ncar,2026-01-05T08:00:00.000Z,\"fast,faster\"\r\n"
        )
        #expect(
            try rig.result("SELECT * FROM signal")
                == "vehicle,name,value,event_time\r\ncar,speed,120,2026-01-05T08:00:00.000Z\r\n"
        )
    }

    @Test func tableOfTheUserWinsOverAView() throws {
        try rig.write("CREATE TABLE vehicles (plate); INSERT INTO vehicles VALUES ('B-X 1')")
        #expect(try rig.result("SELECT * FROM vehicles") == "plate\r\nB-X 1\r\n")
    }

    @Test func timesThatAreNoneAreNull() throws {
        #expect(
            try rig.result("SELECT iso(0), iso('x'), iso(NULL), iso(9e18), iso('1000')")
                .hasSuffix("\r\n1970-01-01T00:00:00.000Z,,,,1970-01-01T00:00:01.000Z\r\n")
        )
    }
}
