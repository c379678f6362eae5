// SPDX-License-Identifier: Apache-2.0
// Goal: what is wrong with a SELECT is told before anything runs, with its line, a caret and a way out.
import Testing

@testable import Gateway

@Suite struct QueryCheckTests {
    private static let tables = """
        \(TableRig.table("car", "columns: {id: int, v: int, w: text}", "index: [v]", "large: true"))
        \(TableRig.table("device", "columns: {id: text, car: int}"))
        \(TableRig.table(
            "reservation",
            "columns: {id: int, car: int, starts: time, ends: time}",
            "valid_from: starts", "valid_to: ends", "index: [car]", "large: true"
        ))
        \(TableRig.table("free"))
        """

    /// What is wrong with a SELECT; empty when nothing is.
    private func problems(_ select: String) throws -> String {
        let lines = select.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
        let configuration = try TableRig.configuration(
            Self.tables,
            enrich: "enrich:\n  select: |\n" + lines
        )
        do {
            _ = try CompiledRules.testing(configuration, rules: "groups: []")
            return ""
        } catch let problems as Problems {
            return "\(problems)"
        }
    }

    @Test(arguments: [
        ("SELECT car.vv FROM car WHERE car.id = 1", "no such column: car.vv"),
        ("SELECT v FRM car", "near \"car\": syntax error"),
        ("SELECT id FROM cars", "no such table: cars"),
        ("SELECT date('now') AS d FROM reading", "now"),
        ("SELECT random() AS r FROM reading", "random"),
        ("SELECT current_timestamp AS c FROM reading", "current_timestamp"),
        ("INSERT INTO car (id) VALUES (1)", "may be read"),
        ("DELETE FROM car", "may be read"),
        ("UPDATE device SET car = 1", "may be read"),
        ("PRAGMA table_info(car)", "syntax error"),
        ("SELECT 1 AS one; SELECT 2 AS two", "must be one SELECT"),
        ("SELECT v FROM car WHERE id = ?", "must not hold parameters"),
        ("SELECT v FROM car WHERE id = :id", "must not hold parameters"),
        (#"SELECT position AS p FROM "car.position""#, "may be read"),
        ("SELECT name AS n FROM sqlite_schema", "may be read"),
        ("SELECT v, v FROM car WHERE id = 1", "returns two columns 'v'"),
        ("SELECT v + 1 FROM car WHERE id = 1", "needs a lower-case SQL name"),
        ("SELECT v AS vehicle FROM car WHERE id = 1", "is the gateway's own column"),
        ("SELECT free.x, y FROM free", "no such column: y"),
        ("SELECT f.x FROM free AS f", "no such column: f.x"),
    ])
    func mistakeIsTold(select: String, message: String) throws {
        let found = try problems(select)
        #expect(found.contains(message), "\(found)")
        #expect(found.contains("gateway.yaml"), "\(found)")
    }

    @Test func placeIsShownUnderTheLineThatIsWrong() throws {
        let found = try problems("SELECT device.car\nFROM device\nWHERE device.cra = 1")
        #expect(found.contains("    WHERE device.cra = 1\n          ^"), "\(found)")
    }

    @Test(arguments: [
        "SELECT v FROM car", "SELECT v FROM car AS c WHERE c.w = 'x'",
        "SELECT device.car FROM device JOIN car ON car.w = device.id",
        "SELECT (SELECT count(*) FROM car) AS n FROM reading",
        "SELECT device.car FROM device WHERE device.car IN (SELECT v FROM car WHERE w > 'a')",
        "SELECT r.car FROM reservation AS r", "WITH c AS (SELECT v FROM car) SELECT v FROM c",
        "SELECT device.id AS d FROM device LEFT JOIN car c ON +c.id = device.car",
    ])
    func readingALargeTableFromEndToEndIsRefused(select: String) throws {
        let found = try problems(select)
        #expect(found.contains("would read the whole of table"), "\(found)")
        #expect(found.contains("SCAN"), "\(found)")
    }

    @Test(arguments: [
        "SELECT v FROM car WHERE id = 7", "SELECT c.w FROM car AS c WHERE c.v = 7",
        "SELECT r.id AS r FROM device JOIN reservation r ON r.car = device.car",
        "SELECT device.car FROM device", "SELECT free.anything, free.id AS f FROM free",
        "WITH c AS (SELECT v FROM car WHERE id = 1) SELECT v FROM c",
        "with recursive n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)\nSELECT i AS n FROM n",
        "-- a comment\n/* and\nanother * one */ WITH c AS (SELECT 1 AS one) SELECT one FROM c",
        "/* a */ SELECT x FROM (/* b */ WITH c AS (SELECT 1 AS x) SELECT x FROM c)",
        "SELECT car AS c FROM reservation WHERE car = 3 -- the end",
        "SELECT device.car FROM device;",
    ])
    func selectIsTaken(select: String) throws {
        #expect(try problems(select) == "")
    }

    @Test func nameOfASignalIsNotTaken() throws {
        var configuration = try TableRig.configuration(
            TableRig.car,
            enrich: "enrich: SELECT v AS speed FROM car"
        )
        configuration.signals = [SignalConfiguration(name: "speed", paths: ["speed"])]
        #expect(throws: Problems.self) {
            try CompiledRules.testing(configuration, rules: "groups: []")
        }
    }

    @Test func keyMayNotHaveTheNameOfWhatIsKeptBesideIt() {
        #expect(throws: Problems.self) {
            try TableRig.configuration(TableRig.table("car", "key: [id, Position]"))
        }
    }
}
