// SPDX-License-Identifier: Apache-2.0
// Every example of the makers' documentation decodes as it says there. What the files hold beside
// change events, settings and rule files of AWS DMS for instance, must be refused with a reason.
import Testing

@testable import Gateway

/// What the message of one line becomes.
private struct Example: CustomTestStringConvertible {
    enum Outcome {
        /// A kind, and columns of the row, or of what it was before.
        case change(Change.Kind, [String: SignalValue])
        case refused(DecodingFailure.Kind)
    }

    let testDescription: String
    let line: Int
    let outcome: Outcome

    init(_ line: Int, _ name: String, _ outcome: Outcome) {
        testDescription = "\(line): \(name)"
        self.line = line
        self.outcome = outcome
    }
}

@Suite(.enabled(if: SharedData.has(ChangeExamples.folder), SharedData.absent))
struct DocumentedChangesTests {
    private static let crate: [Example] = [
        Example(1, "unknown shape", .refused(.wrongForm)),
        Example(2, "no schema, no table", .refused(.wrongForm)),
        Example(3, "unknown operation", .refused(.wrongForm)),
        Example(4, "drop table", .change(.loadBegins, [:])),
        Example(5, "create table", .change(.loadBegins, [:])),
        Example(
            6,
            "load",
            .change(.load, ["id": 42, "name": "John", "age": 30, "attributes": #"{"foo": "bar"}"#])
        ),
        Example(7, "insert", .change(.upsert, ["id": 46, "name": "Jane", "age": 31])),
        Example(8, "update", .change(.upsert, ["id": 42, "age": 33])),
        Example(9, "update of the key", .change(.upsert, ["id": 45, "before id": 46])),
        Example(10, "delete", .change(.delete, ["id": 45])),
        Example(11, "the service's own table", .change(.nothing, [:])),
    ]

    private static let debezium: [Example] = [
        Example(1, "signal of a binlog position", .refused(.wrongForm)),
        Example(2, "signal of a GTID set", .refused(.wrongForm)),
        Example(3, "key of a schema change", .change(.nothing, [:])),
        Example(4, "schema change", .change(.nothing, [:])),
        Example(
            9,
            "create",
            .change(.upsert, ["id": 1_004, "first_name": "Anne", "email": "annek@noanswer.org"])
        ),
        Example(
            10,
            "update",
            .change(
                .upsert,
                ["id": 1_004, "first_name": "Anne Marie", "before first_name": "Anne"]
            )
        ),
        Example(11, "delete", .change(.delete, ["before id": 1_004])),
        Example(12, "truncate", .change(.truncate, [:])),
        Example(14, "configuration of a connector", .refused(.wrongForm)),
        Example(19, "filtered schema change", .change(.nothing, [:])),
    ]

    private static let maxwell: [Example] = [
        Example(
            1,
            "insert",
            .change(
                .upsert,
                [
                    "id": 1, "m": .double(4.2341), "c": .double(1_477_028_017.523),
                    "comment": "I am a creature of light.",
                ]
            )
        ),
        Example(4, "table-create", .change(.nothing, [:])),
        Example(5, "table-alter", .change(.nothing, [:])),
    ]

    private func check(
        _ example: Example,
        of name: String,
        _ decoder: TestChangeDecoder
    ) throws {
        let message = try #require(try ChangeExamples.messages(name)[example.line - 1])
        switch example.outcome {
        case .refused(let kind):
            let failure = decoder.failure(message)
            #expect(failure?.kind == kind, "\(String(describing: failure))")
        case .change(let kind, let columns):
            let change = try decoder.one(message)
            #expect(change.kind == kind)
            for (column, value) in columns {
                let isBefore = column.hasPrefix("before ")
                let found =
                    isBefore ? change.before[String(column.dropFirst(7))] : change.row[column]
                #expect(found == value, "\(column)")
            }
        }
    }

    @Test(arguments: crate)
    private func exampleOfDMSFromCrateDB(example: Example) throws {
        let decoder = TestChangeDecoder(
            .dms,
            columns: ["id": .int, "name": .text, "age": .int, "attributes": .text]
        )
        try check(example, of: "dms_crate_commons_codec", decoder)
    }

    @Test func examplesOfTheGuideOfDMS() throws {
        let decoder = TestChangeDecoder(
            .dms,
            columns: ["id": .int, "fname": .text, "lname": .text, "REGION": .text]
        )
        var changes: [DecodedChange] = []
        var refused = 0
        for message in try ChangeExamples.messages("dms_doc_examples").compactMap(\.self) {
            // Settings, policies and rows that are examples of sources have no metadata.
            if let failure = decoder.failure(message) {
                #expect(failure.reason.hasPrefix("not of format dms"))
                refused += 1
            } else {
                changes.append(try decoder.one(message))
            }
        }
        #expect(refused == 18)
        try #require(changes.map(\.kind) == [.upsert, .loadBegins])
        #expect(changes[0].row["id"] == 100_000_161)
        #expect(changes[0].row["REGION"] == "val61s")
        #expect(changes[0].change.position.time == 1_572_562_439_721_201)
        #expect(
            changes[0].change.position.sequence.hasPrefix("mysql-bin-changelog.002171:36912271")
        )
        #expect(changes[1].change.note == "create-table")
    }

    @Test(arguments: debezium)
    private func exampleOfDebezium(example: Example) throws {
        let decoder = TestChangeDecoder(
            .debezium,
            columns: ["id": .int, "first_name": .text, "last_name": .text, "email": .text],
            from: "inventory.customers"
        )
        try check(example, of: "debezium_doc_examples", decoder)
    }

    @Test func keyOfDebezium() throws {
        let message = try #require(try ChangeExamples.messages("debezium_doc_examples")[7])
        #expect(try TestChangeDecoder(.debezium).key(message) == ["id": 1_001])
    }

    @Test func flattenedExampleOfDebezium() throws {
        let decoder = TestChangeDecoder(
            .debezium,
            key: ["field1"],
            columns: ["field1": .text, "field2": .text]
        )
        let example = Example(
            16,
            "flattened",
            .change(.upsert, ["field1": "newvalue1", "field2": "newvalue2"])
        )
        try check(example, of: "debezium_doc_examples", decoder)
    }

    private let maxwellRows = RowsFormatConfiguration(
        operation: "type",
        row: "data",
        before: "old",
        position: "position",
        time: EventTimeConfiguration(paths: ["ts"], format: .epoch(unitsPerMillisecond: 0.001))
    )

    @Test(arguments: maxwell)
    private func exampleOfMaxwell(example: Example) throws {
        let decoder = TestChangeDecoder(
            .rows(maxwellRows),
            columns: [
                "id": .int, "m": .float, "c": .time(.pattern("yyyy-MM-dd HH:mm:ss.SSSSSS")),
                "comment": .text,
            ]
        )
        try check(example, of: "maxwell_doc_examples", decoder)
    }

    @Test func zeroDateAndSetOfMaxwell() throws {
        let messages = try ChangeExamples.messages("maxwell_doc_examples")
        let rows = ChangeFormatConfiguration.rows(
            RowsFormatConfiguration(operation: "type", row: "data")
        )
        let date = TestChangeDecoder(
            rows,
            key: [],
            columns: ["dtcol": .time(.pattern("yyyy-MM-dd HH:mm:ss"))]
        )
        #expect(try date.one(#require(messages[5])).row["dtcol"] == .null)
        let set = TestChangeDecoder(
            rows,
            key: [],
            columns: ["setcol.0": .text, "setcol.1": .text]
        )
        #expect(
            try set.one(#require(messages[6])).row == ["setcol.0": "b_val", "setcol.1": "c_val"]
        )
    }
}
