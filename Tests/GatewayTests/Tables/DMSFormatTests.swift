// SPDX-License-Identifier: Apache-2.0
// AWS DMS: the examples of its user guide and of CrateDB's decoder, and what they leave open.
import Testing

@testable import Gateway

@Suite struct DMSFormatTests {
    private let decoder = TestChangeDecoder(
        .dms,
        columns: ["id": .int, "name": .text, "age": .int, "attributes": .text]
    )

    private func message(
        _ operation: String,
        _ data: String,
        _ metadata: String = "",
        more: String = ""
    ) -> String {
        """
        {"data": \(data), \(more) "metadata": {"timestamp": "2024-07-29T00:58:17.983670Z",
         "record-type": "data", "operation": "\(operation)", "partition-key-type": "schema-table",
         "schema-name": "public", "table-name": "foo"\(metadata)}}
        """
    }

    private func control(_ operation: String) -> String {
        """
        {"control": {}, "metadata": {"timestamp": "2024-07-29T00:30:47.258815Z",
         "record-type": "control", "operation": "\(operation)", "partition-key-type": "task-id",
         "schema-name": "public", "table-name": "foo"}}
        """
    }

    @Test(arguments: [
        ("load", Change.Kind.load), ("insert", .upsert), ("update", .upsert), ("delete", .delete),
    ])
    func operationTellsTheKind(operation: String, kind: Change.Kind) throws {
        #expect(try decoder.one(message(operation, #"{"id": 1}"#)).kind == kind)
    }

    @Test func columnThatIsLeftOutIsNull() throws {
        let change = try decoder.one(message("update", #"{"id": 1, "name": "a"}"#))
        #expect(change.row == ["id": 1, "name": "a", "age": .null, "attributes": .null])
    }

    @Test func deleteTellsOnlyItsKey() throws {
        let text = #"{"id": 45, "name": null, "age": "of no matter"}"#
        let change = try decoder.one(message("delete", text))
        #expect(change.row == ["id": 45])
    }

    @Test(arguments: ["before-image", "before", "old_values"])
    func imageBeforeHasTheNameThatTheTaskGivesIt(name: String) throws {
        let change = try decoder.one(
            message("update", #"{"id": 45}"#, more: #""\#(name)": {"id": 46},"#)
        )
        #expect(change.row["id"] == 45)
        #expect(change.before == ["id": 46])
    }

    @Test func imageBeforeMayStandInColumnsOfItsOwn() throws {
        let change = try decoder.one(message("update", #"{"id": 45, "BI_id": 46}"#))
        #expect(change.before == ["id": 46])
        let named = TestChangeDecoder(.dms, columns: ["id": .int, "BI_id": .int])
        #expect(try named.one(message("update", #"{"id": 45, "BI_id": 46}"#)).row["BI_id"] == 46)
        #expect(
            decoder.failure(message("update", #"{"id": 1, "BI_x": 2}"#))?.kind == .unknownColumn
        )
    }

    @Test func rowMayStandInADocument() throws {
        let change = try decoder.one(message("insert", #"{"_doc": {"id": 1, "name": "a"}}"#))
        #expect(change.row["name"] == "a")
    }

    @Test func largeIntegerComesAsScientificNotation() throws {
        let change = try decoder.one(message("insert", #"{"id": 1.2345E+17, "age": 3.0E+1}"#))
        #expect(change.row["id"] == 123_450_000_000_000_000)
        #expect(change.row["age"] == 30)
    }

    @Test func integerWhoseDigitsAreLostIsRefused() {
        let failure = decoder.failure(message("insert", #"{"id": 1.2345678901234568E+17}"#))
        #expect(failure?.kind == .wrongType)
        #expect(failure?.reason.contains("UseLargeIntegerValue") == true)
    }

    @Test(arguments: [
        ("create-table", Change.Kind.loadBegins), ("drop-table", .loadBegins),
        ("truncate-table", .truncate), ("rename-table", .nothing), ("change-columns", .nothing),
        ("add-column", .nothing), ("drop-column", .nothing), ("rename-column", .nothing),
        ("column-type-change", .nothing),
    ])
    func controlRecordTellsWhatHappenedToTheTable(operation: String, kind: Change.Kind) throws {
        let change = try decoder.one(control(operation))
        #expect(change.kind == kind)
        #expect(change.change.note == operation)
        #expect(change.change.position.time == 1_722_213_047_258_815)
    }

    @Test func loadThatBeginsTwiceBeginsLaterTheSecondTime() throws {
        // The second begin must not be taken for a repetition of the first.
        let drop = try decoder.position(control("drop-table"))
        let create = try decoder.position(
            control("create-table").replacing("258815", with: "266581")
        )
        #expect(create.order(after: drop) == .newer)
    }

    @Test(arguments: [
        (#"{"metadata": {"operation": "insert"}}"#, "'data' is missing"),
        (#"{"data": {"id": 1}}"#, "'metadata.operation' is missing"),
        (#"{"data": {"id": 1}, "metadata": {"operation": "merge"}}"#, "unknown operation 'merge'"),
        (#"{"control": {}, "metadata": {"operation": "FOOBAR"}}"#, "unknown operation 'FOOBAR'"),
        (#"{"data": {"name": "a"}, "metadata": {"operation": "insert"}}"#, "missing: 'id'"),
        (#"{"data": {"name": "a"}, "metadata": {"operation": "delete"}}"#, "missing: 'id'"),
    ])
    func messageOfAnotherFormIsRefused(payload: String, reason: String) {
        #expect(decoder.failure(payload)?.reason.contains(reason) == true)
    }

    @Test(arguments: [
        ("foo", Change.Kind.upsert), ("public.foo", .upsert), ("bar", .nothing),
        ("other.foo", .nothing),
    ])
    func changeOfAnotherTableIsNothing(from: String, kind: Change.Kind) throws {
        let decoder = TestChangeDecoder(.dms, from: from)
        // Nor do its columns matter.
        let data = kind == .upsert ? #"{"id": 1}"# : #"{"unknown": 1}"#
        #expect(try decoder.one(message("insert", data)).kind == kind)
        #expect(try decoder.discoveries(message("insert", data)) == [])
    }

    @Test func changeThatNamesNoTableIsRefusedWhereOneIsWanted() {
        let decoder = TestChangeDecoder(.dms, from: "foo")
        let failure = decoder.failure(#"{"data": {"id": 1}, "metadata": {"operation": "insert"}}"#)
        #expect(failure?.reason.contains("'metadata.table-name' is missing") == true)
    }

    // Positions.

    @Test(arguments: [
        ("2024-07-29T00:58:17.983670Z", 1_722_214_697_983_670),
        ("2024-07-29T00:58:17.983670123Z", 1_722_214_697_983_670),
        ("2024-07-29T00:58:17.98Z", 1_722_214_697_980_000),
        ("2024-07-29T00:58:17Z", 1_722_214_697_000_000),
        ("2024-07-29T00:58:17", 1_722_214_697_000_000),
        ("2024-07-29 00:58:17.983670", 1_722_214_697_983_670),
        ("2024-07-29T02:58:17.983670+02:00", 1_722_214_697_983_670),
    ])
    func timeCountsToTheMicrosecond(text: String, microseconds: Int64) {
        #expect(DMSFormat.microseconds(text) == microseconds)
    }

    @Test func streamPositionAndRecordOfItsTransactionDecide() throws {
        func position(_ place: String, _ record: Int) throws -> ChangePosition {
            try decoder.position(
                message(
                    "update",
                    #"{"id": 1}"#,
                    #", "stream-position": "\#(place)", "transaction-record-id": \#(record)"#
                )
            )
        }
        let first = try position("mysql-bin-changelog.000003:484:0:512", 9)
        let second = try position("mysql-bin-changelog.000003:484:0:512", 10)
        let third = try position("mysql-bin-changelog.000003:1484:0:1512", 1)
        #expect(first.lineage == "dms")
        #expect(second.order(after: first) == .newer)
        #expect(third.order(after: second) == .newer)
        #expect(first.order(after: third) == .older)
        #expect(
            try first.order(after: position("mysql-bin-changelog.000003:484:0:512", 9)) == .same
        )
    }

    @Test func withoutTransactionDetailsTheTimeDecides() throws {
        let load = try decoder.position(message("load", #"{"id": 1}"#))
        let later = try decoder.position(
            message("update", #"{"id": 1}"#).replacing("17.983670Z", with: "17.983671Z")
        )
        #expect(load.sequence.isEmpty)
        #expect(later.order(after: load) == .newer)
        #expect(load.order(after: later) == .older)
    }
}
