// SPDX-License-Identifier: Apache-2.0
// Debezium with and without the envelope, flattened, and what is no change of a row.
import Testing

@testable import Gateway

/// A change event of MySQL's connector.
private func event(
    _ op: String,
    before: String = "null",
    after: String = #"{"id": 1, "name": "a"}"#,
    source: String = #""server_id": 1, "file": "mysql-bin.000003", "pos": 484, "row": 0"#,
    snapshot: String = "false",
    time: Int = 1_465_581_029_523_758
) -> String {
    """
    {"before": \(before), "after": \(after), "op": "\(op)", "ts_ms": \(time / 1_000), "ts_us": \(time),
     "source": {"connector": "mysql", "name": "m", "db": "inventory", "table": "customers",
     "snapshot": \(snapshot), \(source)}}
    """
}

@Suite struct DebeziumFormatTests {
    private let decoder = TestChangeDecoder(.debezium)

    @Test(arguments: [
        ("c", Change.Kind.upsert), ("u", .upsert), ("r", .load), ("d", .delete), ("t", .truncate),
        ("m", .nothing),
    ])
    func operationTellsTheKindWithAndWithoutEnvelope(op: String, kind: Change.Kind) throws {
        let plain = event(op, before: #"{"id": 1}"#)
        #expect(try decoder.one(plain).kind == kind)
        let enveloped = #"{"schema": {"type": "struct", "fields": []}, "payload": \#(plain)}"#
        let change = try decoder.one(enveloped)
        #expect(change.kind == kind)
        #expect(try change.change.position == decoder.position(plain))
        #expect(try decoder.one(#"{"schema": {}, "payload": \#(plain)}"#).kind == kind)
    }

    @Test func updateTellsWhatTheKeyWas() throws {
        let change = try decoder.one(event("u", before: #"{"id": 7, "name": "a"}"#))
        #expect(change.row == ["id": 1, "name": "a"])
        #expect(change.before["id"] == 7)
    }

    @Test func deleteIsNamedByWhatWas() throws {
        // With PostgreSQL's default replica identity all but the key is null.
        let change = try decoder.one(
            event("d", before: #"{"id": 1, "name": null}"#, after: "null")
        )
        #expect(change.before == ["id": 1])
        let failure = decoder.failure(event("d", before: "null", after: "null"))
        #expect(failure?.kind == .noKey)
    }

    @Test(arguments: [
        ("\"true\"", Change.Kind.load, false, false), ("true", .load, false, false),
        ("\"first\"", .load, true, false), ("\"first_in_data_collection\"", .load, true, false),
        ("\"last\"", .load, false, true), ("\"last_in_data_collection\"", .load, false, true),
        ("\"incremental\"", .upsert, false, false), ("\"false\"", .load, false, false),
        ("false", .load, false, false), ("null", .load, false, false),
    ])
    func markerTellsWhereASnapshotBeginsAndEnds(
        snapshot: String,
        kind: Change.Kind,
        begins: Bool,
        ends: Bool
    ) throws {
        let change = try decoder.one(event("r", snapshot: snapshot)).change
        #expect(change.kind == kind)
        #expect(change.beginsLoad == begins)
        #expect(change.endsLoad == ends)
    }

    @Test func markerOfAnotherTableIsNone() throws {
        let decoder = TestChangeDecoder(.debezium, from: "inventory.orders")
        let change = try decoder.one(event("r", snapshot: "\"last\"")).change
        #expect(change.kind == .nothing)
        #expect(!change.endsLoad)
    }

    @Test(arguments: [
        ("customers", Change.Kind.upsert), ("inventory.customers", .upsert), ("orders", .nothing),
        ("sales.customers", .nothing), ("tomers", .nothing),
    ])
    func tableIsChosenByItsName(from: String, kind: Change.Kind) throws {
        #expect(try TestChangeDecoder(.debezium, from: from).one(event("c")).kind == kind)
    }

    @Test(arguments: ["customers", "dbo.customers", "inventory.dbo.customers"])
    func tableIsChosenByItsSchemaOrDatabaseToo(from: String) throws {
        let text = event("c", source: #""schema": "dbo", "lsn": 5"#)
        #expect(try TestChangeDecoder(.debezium, from: from).one(text).kind == .upsert)
    }

    @Test(arguments: [
        #"{"ts_ms": 1465581029523}"#,
        #"{"schema": {}, "payload": {"ts_ms": 1465581029523}}"#,
        #"{"status": "BEGIN", "id": "571:10", "ts_ms": 1, "event_count": null, "data_collections": null}"#,
        #"{"status": "END", "id": "571:10", "ts_ms": 1, "event_count": 1, "data_collections": [{"data_collection": "s1.a", "event_count": 1}]}"#,
        #"{"source": {"table": "customers"}, "databaseName": "inventory", "ddl": "ALTER", "tableChanges": []}"#,
        #"{"databaseName": "inventory"}"#,
    ])
    func heartbeatTransactionAndSchemaChangeAreNothing(payload: String) throws {
        #expect(try decoder.one(payload).kind == .nothing)
        #expect(try decoder.discoveries(payload) == [])
    }

    @Test(arguments: [
        (#"{"name": "a"}"#, "not of format debezium"),
        (#"{"a": {"id": 1}}"#, "not of format debezium"),
        (event("x"), "unknown op 'x'"), (event("c", after: "null"), "missing: 'id'"),
        ("null", "must be a JSON object"), ("7", "must be a JSON object"),
    ])
    func messageOfAnotherFormIsRefused(payload: String, reason: String) {
        #expect(decoder.failure(payload)?.reason.contains(reason) == true)
    }

    // Flattened events.

    @Test(arguments: [
        (#"{"id": 1, "name": "a"}"#, Change.Kind.upsert),
        (#"{"id": 1, "name": "a", "__op": "c"}"#, .upsert),
        (#"{"id": 1, "name": "a", "__op": "r"}"#, .load),
        (#"{"id": 1, "name": "a", "__op": "r", "__source_snapshot": "incremental"}"#, .upsert),
        (#"{"id": 1, "name": null, "__op": "d"}"#, .delete),
        (#"{"id": 1, "name": null, "__deleted": "true"}"#, .delete),
        (#"{"id": 1, "name": null, "__deleted": true}"#, .delete),
        (#"{"id": 1, "name": "a", "__deleted": "false"}"#, .upsert),
        (#"{"schema": {}, "payload": {"id": 1, "name": "a", "__deleted": "false"}}"#, .upsert),
    ])
    func flattenedEventIsTheRow(payload: String, kind: Change.Kind) throws {
        let change = try decoder.one(payload)
        #expect(change.kind == kind)
        #expect(change.row["id"] == 1)
    }

    @Test func flattenedRowMayHaveColumnsNamedAsTheEnvelope() throws {
        let decoder = TestChangeDecoder(
            .debezium,
            columns: ["id": .int, "schema": .text, "payload": .text, "op": .text, "ts_ms": .int]
        )
        let text = #"{"id": 1, "schema": "s", "payload": "p", "op": "x", "ts_ms": 4}"#
        let change = try decoder.one(text)
        #expect(change.kind == .upsert)
        #expect(change.row == ["id": 1, "schema": "s", "payload": "p", "op": "x", "ts_ms": 4])
        let key = TestChangeDecoder(
            .debezium,
            key: ["schema"],
            columns: ["schema": .text, "payload": .text]
        )
        #expect(try key.one(#"{"schema": "s", "payload": "p"}"#).row["payload"] == "p")
    }

    @Test func rowMayHaveColumnsNamedAsTheEnvelope() throws {
        let decoder = TestChangeDecoder(
            .debezium,
            columns: ["id": .int, "schema": .text, "payload": .text, "op": .text]
        )
        let row = #"{"id": 1, "schema": "s", "payload": "p", "op": "x"}"#
        #expect(try decoder.one(event("c", after: row)).row["payload"] == "p")
    }

    @Test func tableOfAFlattenedEventIsToldByAField() throws {
        let decoder = TestChangeDecoder(.debezium, from: "customers")
        #expect(try decoder.one(#"{"id": 1, "__table": "customers"}"#).kind == .upsert)
        #expect(try decoder.one(#"{"id": 1, "__source_table": "orders"}"#).kind == .nothing)
        #expect(try decoder.one(#"{"id": 1}"#).kind == .upsert)
    }

    @Test func addedFieldMayBeAColumn() throws {
        let decoder = TestChangeDecoder(.debezium, columns: ["id": .int, "__lsn": .int])
        #expect(try decoder.one(#"{"id": 1, "__lsn": 5}"#).row["__lsn"] == 5)
    }

    @Test func flattenedEventsAreOrderedByTheFieldsThatAreThere() throws {
        let lsn = try decoder.position(#"{"id": 1, "__lsn": "123456789", "__source_ts_ms": "17"}"#)
        #expect(lsn.sequence == "123456789")
        #expect(lsn.time == 17_000)
        let file = #"{"id": 1, "__source_file": "b.000009", "__source_pos": 7}"#
        #expect(try decoder.position(file).sequence == "b.000009/7/0")
        let record = RecordPlace(partition: 3, offset: 42, time: .seconds(5))
        let bare = try decoder.one(#"{"id": 1}"#, record: record).change.position
        #expect(bare.lineage.hasPrefix("kafka/") && bare.lineage.hasSuffix("/3"))
        #expect(bare.sequence == "42")
    }
}

@Suite struct DebeziumPositionTests {
    private let decoder = TestChangeDecoder(.debezium)

    private func position(
        _ source: String,
        op: String = "u",
        snapshot: String = "false",
        time: Int = 5
    ) throws -> ChangePosition {
        try decoder.position(event(op, source: source, snapshot: snapshot, time: time))
    }

    /// Two places of one connector, the first before the second.
    private static let pairs = [
        (
            #""file": "mysql-bin.999999", "pos": 9, "row": 0"#,
            #""file": "mysql-bin.1000000", "pos": 4, "row": 0"#
        ),
        (
            #""file": "b.000003", "pos": 484, "row": 9"#,
            #""file": "b.000003", "pos": 484, "row": 10"#
        ),
        (#""lsn": 9999999, "xmin": null"#, #""lsn": 24023128, "xmin": null"#),
        (
            #""commit_lsn": "00000027:00000ac0:0002", "change_lsn": "00000027:00000ac0:0001", "event_serial_no": 1"#,
            #""commit_lsn": "00000027:00000ac0:0002", "change_lsn": "00000027:00000ac0:0001", "event_serial_no": 2"#
        ),
        (#""scn": "90", "commit_scn": "110""#, #""scn": "89", "commit_scn": "111""#),
        (
            #""scn": "90", "commit_scn": "110", "rs_id": "001234.00012345.0124", "ssn": 1"#,
            #""scn": "90", "commit_scn": "110", "rs_id": "001234.00012345.0224", "ssn": 0"#
        ),
        // Another replica has other files, and the same transactions.
        (
            #""gtid": "3e11fa47-71ca-11e1-9e33-c80aa9429562:9", "file": "mysql-bin.000120", "pos": 9, "row": 0"#,
            #""gtid": "3e11fa47-71ca-11e1-9e33-c80aa9429562:10", "file": "mysql-bin.000003", "pos": 4, "row": 0"#
        ),
    ]

    @Test(arguments: pairs)
    func connectorsOwnPlaceDecides(first: String, second: String) throws {
        let (first, second) = (try position(first, time: 9), try position(second, time: 5))
        #expect(second.order(after: first) == .newer)
        #expect(first.order(after: second) == .older)
        #expect(first.order(after: first) == .same)
    }

    @Test func changesOfOneSCNAreToldApartByTheirTime() throws {
        let first = try position(#""scn": "90", "commit_scn": "110""#, time: 5)
        let second = try position(#""scn": "90", "commit_scn": "110""#, time: 6)
        #expect(second.order(after: first) == .newer)
        #expect(first.order(after: second) == .older)
    }

    @Test func changeOfATransactionThatASnapshotDidNotSeeIsNewerThanItsRow() throws {
        // Its place is before the snapshot's, its commit behind it; it is captured later.
        let row = try position(#""lsn": 1000"#, op: "r", snapshot: "\"true\"", time: 5)
        let change = try position(#""lsn": 900"#, time: 6)
        #expect(change.order(after: row) == .newer)
        #expect(row.order(after: change) == .older)
    }

    @Test func placesOfTwoServersAreNotCompared() throws {
        let old = try position(#""server_id": 1, "file": "b.000120", "pos": 9, "row": 0"#, time: 5)
        let new = try position(#""server_id": 2, "file": "b.000003", "pos": 4, "row": 0"#, time: 6)
        #expect(new.order(after: old) == .newer)
    }

    @Test func timesMayBeText() throws {
        let text = event("c").replacing("\"ts_us\": 1465581029523758", with: "\"ts_us\": \"17\"")
        #expect(try decoder.position(text).time == 17)
        let older = event("c").replacing("\"ts_us\": 1465581029523758,", with: "")
        #expect(try decoder.position(older).time == 1_465_581_029_523_000)
    }

    @Test func changeWithoutAPlaceIsOrderedByItsRecord() throws {
        let record = RecordPlace(partition: 1, offset: 7)
        let change = try decoder.one(event("c", source: "\"shard\": 1"), record: record).change
        #expect(change.position.lineage.hasSuffix("/1"))
        #expect(change.position.time == 1_465_581_029_523_758)
    }
}
