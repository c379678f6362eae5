// SPDX-License-Identifier: Apache-2.0
// Mistakes in tables are told with their file, line and key.
import Testing

@testable import Gateway

@Suite struct TableProblemTests {
    private static let file = "source: {type: file, path: cars.csv}"

    static let mistakes = [
        Mistake(
            "unknown key",
            table: "requierd: true",
            "13: tables[0].requierd: unknown key; did you mean 'required'?"
        ),
        Mistake(
            "unknown key of a feed",
            inTable: "path: cars.csv",
            with: "path: cars.csv, formt: csv",
            "12: tables[0].source.formt: unknown key; did you mean 'format'?"
        ),
        Mistake(
            "unknown key of a column",
            inTable: "starts: time",
            with: "starts: {type: time, fromat: epoch_s}",
            "11: tables[0].columns.starts.fromat: unknown key; did you mean 'format'?"
        ),
        Mistake(
            "no name",
            inTable: "- name: car\n    key",
            with: "- key",
            "9: tables[0]: 'name' is missing"
        ),
        Mistake("no key", inTable: "    key: [id]\n", with: "", "9: tables[0]: 'key' is missing"),
        Mistake("no feed", inTable: file, with: "", "9: tables[0]: 'source' is missing"),
        Mistake("empty key", inTable: "[id]", with: "[]", "10: tables[0].key: needs at least one"),
        Mistake(
            "key with a column twice",
            inTable: "[id]",
            with: "[id, id]",
            "10: tables[0].key: names a column twice"
        ),
        Mistake(
            "name that is no SQL name",
            inTable: "name: car",
            with: "name: Car",
            "9: tables[0].name: must be a lower-case SQL name"
        ),
        Mistake(
            "name of the gateway's own",
            inTable: "name: car",
            with: "name: vehicle",
            "9: tables[0].name: 'vehicle' is the gateway's own table"
        ),
        Mistake(
            "two tables of one name",
            append: "\(Mistake.table)\n  - {name: car, key: id, \(file)}",
            "9: tables: table 'car' is used twice"
        ),
        Mistake(
            "key that is no column",
            inTable: "key: [id]",
            with: "key: [idd]",
            "10: tables[0].key: 'idd' is not among the columns; did you mean 'id'?"
        ),
        Mistake(
            "index of no column",
            table: "index: [[id, start]]",
            "13: tables[0].index: 'start' is not among the columns; did you mean 'starts'?"
        ),
        Mistake(
            "unknown type",
            inTable: "id: int",
            with: "id: itn",
            "11: tables[0].columns.id: must be one of text, int, float, bool, time (got 'itn')"
        ),
        Mistake(
            "format of a column that is no time",
            inTable: "id: int",
            with: "id: {type: int, format: epoch_s}",
            "11: tables[0].columns.id.format: only a column of type time has a format"
        ),
        Mistake(
            "unknown format of a time",
            inTable: "starts: time",
            with: "starts: {type: time, format: epoch}",
            "11: tables[0].columns.starts.format: must be epoch_d, epoch_s,"
        ),
        Mistake(
            "columns that differ in case",
            inTable: "{id: int",
            with: "{id: int, ID: int",
            "11: tables[0].columns: two names differ only in case"
        ),
        Mistake(
            "half a validity",
            table: "valid_from: starts",
            "13: tables[0].valid_from: 'valid_from' and 'valid_to' go together"
        ),
        Mistake(
            "validity that is no time",
            table: "valid_from: id\n    valid_to: ends",
            "13: tables[0].valid_from: column 'id' must be of type time"
        ),
        Mistake(
            "validity of no column",
            table: "valid_from: starts\n    valid_to: end",
            "14: tables[0].valid_to: 'end' is not among the columns; did you mean 'ends'?"
        ),
        Mistake(
            "validity without columns",
            append: "tables:\n  - {name: car, key: id, \(file),\n     valid_from: a, valid_to: b}",
            "10: tables[0].valid_from: 'columns' must say what the times of validity look like"
        ),
        Mistake(
            "history without validity",
            table: "history: 1d",
            "13: tables[0].history: only a table with 'valid_from' and 'valid_to' has a history"
        ),
    ]

    static let feedMistakes = [
        Mistake(
            "unknown format",
            table: "format: debezum",
            "13: tables[0].format: must be one of dms, debezium, rows (got 'debezum'); did you "
                + "mean 'debezium'?"
        ),
        Mistake(
            "path of rows for a format that has its own",
            table: "format: dms\n    operation: op",
            "14: tables[0].operation: is for format rows; dms tells it by itself"
        ),
        Mistake(
            "choice about unknown columns",
            table: "unknown_columns: keep",
            "13: tables[0].unknown_columns: must be one of refuse, ignore (got 'keep')"
        ),
        Mistake(
            "silence that is no duration",
            table: "stale_after: soon",
            "13: tables[0].stale_after: must be a duration"
        ),
        Mistake(
            "unknown feed",
            inTable: file,
            with: "source: {type: http}",
            "12: tables[0].source.type: must be one of mqtt, kafka, file (got 'http')"
        ),
        Mistake(
            "file of a kind that its name does not tell",
            inTable: "cars.csv",
            with: "cars.txt",
            "12: tables[0].source: needs a 'format': csv or jsonl"
        ),
        Mistake(
            "file without a path",
            inTable: "path: cars.csv",
            with: "format: csv",
            "12: tables[0].source: 'path' is missing"
        ),
        Mistake(
            "MQTT without a topic",
            inTable: file,
            with: "source: {type: mqtt, url: 'mqtt://h'}",
            "12: tables[0].source: 'topic' is missing"
        ),
        Mistake(
            "MQTT topic",
            inTable: file,
            with: "source: {type: mqtt, url: 'mqtt://h', topic: 'a/#/b'}",
            "12: tables[0].source.topic: '#' must be the last level"
        ),
        Mistake(
            "client of a source",
            inTable: file,
            with:
                "source: {type: mqtt, url: 'mqtt://localhost', topic: a, client_id: depot-vehicles}",
            "4: sources: client_id 'depot-vehicles at localhost:1883' is used twice"
        ),
        Mistake(
            "literal password",
            inTable: file,
            with: "source: {type: mqtt, url: 'mqtt://h', topic: a, password: hunter2}",
            "12: tables[0].source.password: must not stand in this file"
        ),
        Mistake(
            "Kafka without a topic",
            inTable: file,
            with: "source: {type: kafka, brokers: k}",
            "12: tables[0].source: 'topic' is missing"
        ),
        Mistake(
            "Kafka without brokers",
            inTable: file,
            with: "source: {type: kafka, topic: a}",
            "12: tables[0].source: 'brokers' is missing"
        ),
    ]

    @Test(arguments: mistakes + feedMistakes)
    func mistakeIsToldWithItsPlace(mistake: Mistake) {
        let problems = mistake.problems
        #expect(
            problems.contains { $0.hasPrefix("gateway.yaml:\(mistake.problem)") },
            "\(problems)"
        )
    }

    @Test func smallestTableHasNoProblems() {
        #expect(Mistake("", append: Mistake.table, "").problems == [])
    }

    @Test(arguments: [
        "{type: http, url: 'http://h', topic: a}", "{url: 'mqtt://h', topic: a}",
        "{type: file, format: csv}", "{type: kafka, topic: a}", "{type: mqtt, topic: a, qos: 1}",
    ])
    func mistakeInAFeedIsOneProblem(feed: String) {
        let text = Mistake.table.replacing("{type: file, path: cars.csv}", with: feed)
        let problems = Mistake("", append: text, "").problems
        // QoS is no choice here.
        #expect(problems.count == (feed.contains("qos") ? 2 : 1), "\(problems)")
    }

    @Test(arguments: ["name: car\n    ", "source: {type: file, path: cars.csv}"])
    func missingKeyDoesNotMakeTheOthersUnknown(line: String) {
        let keys =
            "\n    from: a.b\n    required: true\n    large: true\n    stale_after: 1h"
            + "\n    unknown_columns: ignore\n    valid_from: starts\n    valid_to: ends\n    history: 1d"
        let problems = Mistake("", append: Mistake.table.replacing(line, with: "") + keys, "")
            .problems
        #expect(problems.count == 1, "\(problems)")
    }
}
