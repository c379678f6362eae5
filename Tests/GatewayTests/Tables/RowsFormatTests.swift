// SPDX-License-Identifier: Apache-2.0
// Plain rows with and without an operation, and Maxwell's.
import Testing

@testable import Gateway

@Suite struct RowsFormatTests {
    private static let maxwell = RowsFormatConfiguration(
        operation: "type",
        row: "data",
        before: "old",
        position: "position",
        time: EventTimeConfiguration(paths: ["ts"], format: .epoch(unitsPerMillisecond: 0.001))
    )

    private let bare = TestChangeDecoder(.rows(RowsFormatConfiguration()))
    private let withOperation = TestChangeDecoder(.rows(RowsFormatConfiguration(operation: "op")))
    private let maxwell = TestChangeDecoder(.rows(maxwell))

    @Test func messageIsItsRow() throws {
        let change = try bare.one(#"{"id": 1, "name": "a"}"#)
        #expect(change.kind == .upsert)
        #expect(change.row == ["id": 1, "name": "a"])
        #expect(change.before.isEmpty)
    }

    @Test(arguments: [
        ("insert", Change.Kind.upsert), ("UPDATE", .upsert), ("upsert", .upsert), ("u", .upsert),
        ("load", .load), ("bootstrap-insert", .load), ("delete", .delete), ("Remove", .delete),
        ("truncate", .truncate), ("begin", .loadBegins), ("bootstrap-start", .loadBegins),
        ("end", .loadEnds), ("bootstrap-complete", .loadEnds),
    ])
    func operationTellsTheKind(word: String, kind: Change.Kind) throws {
        let change = try withOperation.one(#"{"id": 1, "op": "\#(word)"}"#)
        #expect(change.kind == kind)
        #expect(change.row["op"] == nil)
    }

    @Test(arguments: [
        (#"{"id": 1}"#, "no operation at 'op'"),
        (#"{"id": 1, "op": null}"#, "no operation at 'op'"),
        (#"{"id": 1, "op": "merge"}"#, "unknown operation 'merge'"),
    ])
    func operationMustBeKnown(payload: String, reason: String) {
        #expect(withOperation.failure(payload)?.reason.contains(reason) == true)
    }

    @Test func tableIsChosenByItsName() throws {
        let decoder = TestChangeDecoder(.rows(RowsFormatConfiguration()), from: "test.e")
        #expect(try decoder.one(#"{"id": 1, "database": "test", "table": "e"}"#).kind == .upsert)
        #expect(try decoder.one(#"{"id": 1, "schema": "test", "table": "f"}"#).kind == .nothing)
        #expect(decoder.failure(#"{"id": 1}"#)?.reason.contains("'table' is missing") == true)
    }

    @Test func positionAndTimeAreNoColumnsUnlessTheTableHasThem() throws {
        let rows = RowsFormatConfiguration(
            before: "old",
            position: "version",
            time: EventTimeConfiguration(paths: ["at"], format: .iso8601)
        )
        let text =
            #"{"id": 1, "version": 12, "at": "2026-01-05T08:00:00Z", "old": {"id": 2, "other": 3}}"#
        let change = try TestChangeDecoder(.rows(rows)).one(text)
        #expect(change.row == ["id": 1, "name": .null])
        #expect(change.before == ["id": 2])
        #expect(change.change.position.sequence == "12")
        #expect(change.change.position.time == 1_767_600_000_000_000)
        let column = TestChangeDecoder(.rows(rows), columns: ["id": .int, "version": .int])
        #expect(try column.one(text).row["version"] == 12)
    }

    @Test func positionMayBeALargeNumber() throws {
        let decoder = TestChangeDecoder(.rows(RowsFormatConfiguration(position: "v")))
        let small = try decoder.position(#"{"id": 1, "v": 99999}"#)
        let large = try decoder.position(#"{"id": 1, "v": 1.2E+17}"#)
        #expect(large.sequence == "120000000000000000")
        #expect(large.order(after: small) == .newer)
        let long = String(repeating: "7", count: 300)
        #expect(decoder.failure(#"{"id": 1, "v": "\#(long)"}"#)?.kind == .overLimit)
    }

    @Test func timeThatIsPromisedMustBeThere() {
        // The time of its arrival would make the row newer than whatever comes later.
        let decoder = TestChangeDecoder(
            .rows(
                RowsFormatConfiguration(
                    time: EventTimeConfiguration(paths: ["at"], format: .iso8601)
                )
            )
        )
        #expect(decoder.failure(#"{"id": 1}"#)?.reason == "no time at 'at'")
        let failure = decoder.failure(#"{"id": 1, "at": "noon"}"#)
        #expect(failure?.reason == "the time at 'at' can't be read: noon")
    }

    @Test func withoutAPositionTheRecordOrTheArrivalDecides() throws {
        let record = RecordPlace(partition: 2, offset: 9, time: .seconds(7))
        let placed = try bare.one(#"{"id": 1}"#, record: record).change.position
        #expect(placed.lineage.hasPrefix("kafka/") && placed.lineage.hasSuffix("/2"))
        #expect(placed.sequence == "9")
        #expect(placed.time == Timestamp.seconds(7).milliseconds * 1_000)
        let arrived = try bare.one(#"{"id": 1}"#, arrival: .seconds(3)).change.position
        #expect(arrived.sequence.isEmpty)
        #expect(arrived.time == Timestamp.seconds(3).milliseconds * 1_000)
    }

    // Maxwell.

    @Test func updateOfMaxwellTellsWhatHasChanged() throws {
        let change = try maxwell.one(
            """
            {"database": "test", "table": "e", "type": "update", "ts": 1477053234, "xid": 23396,
             "position": "master.000006:800911", "data": {"id": 45, "name": "a"}, "old": {"id": 46}}
            """
        )
        #expect(change.row == ["id": 45, "name": "a"])
        #expect(change.before == ["id": 46])
        #expect(change.change.position.sequence == "master.000006:800911")
        #expect(change.change.position.time == 1_477_053_234_000_000)
    }

    @Test(arguments: ["table-create", "table-alter", "table-drop", "database-create"])
    func schemaChangeOfMaxwellIsANote(type: String) throws {
        // Its time is in milliseconds, unlike that of rows.
        let change = try maxwell.one(
            #"{"type": "\#(type)", "database": "test", "table": "e", "ts": 1477053126000}"#
        )
        #expect(change.kind == .nothing)
        #expect(change.change.note == type)
    }

    @Test func bootstrapOfMaxwellIsALoad() throws {
        func kind(_ type: String, _ data: String) throws -> Change.Kind {
            try maxwell.one(
                #"{"type": "\#(type)", "table": "e", "ts": 1477053234, "data": \#(data)}"#
            )
            .kind
        }
        #expect(try kind("bootstrap-start", "{}") == .loadBegins)
        #expect(try kind("bootstrap-insert", #"{"id": 1}"#) == .load)
        #expect(try kind("bootstrap-complete", "{}") == .loadEnds)
    }
}
