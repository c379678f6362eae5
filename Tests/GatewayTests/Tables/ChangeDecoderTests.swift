// SPDX-License-Identifier: Apache-2.0
// What all formats share: columns, types, keys, several changes in one message.
import Testing

@testable import Gateway

@Suite struct ChangeDecoderTests {
    private let rows = ChangeFormatConfiguration.rows(RowsFormatConfiguration())
    private let decoder = TestChangeDecoder(.rows(RowsFormatConfiguration()))

    @Test func arrayHoldsOneChangeEach() throws {
        let changes = try decoder.decode(#"[{"id": 1}, {"id": 2, "name": "b"}]"#)
        #expect(changes.map { $0.row["id"] } == [1, 2])
        #expect(changes[0].row["name"] == .null)
        #expect(try decoder.decode("[]").isEmpty)
    }

    @Test(arguments: ["7", "null", #""a""#, "[1]", "[[]]"])
    func changeIsAnObject(payload: String) {
        #expect(decoder.failure(payload)?.kind == .wrongForm)
    }

    @Test(arguments: ["", "{", "{\"id\": 1}}", "id=1"])
    func payloadThatIsNotJSONIsRefused(payload: String) {
        #expect(decoder.failure(payload)?.kind == .notJSON)
    }

    @Test func payloadMayHaveSeveralLines() throws {
        #expect(try decoder.one("{\n  \"id\": 1,\n\t\"name\": \"a\"\r\n}\n").row["name"] == "a")
    }

    @Test func unknownColumnIsRefusedByItsName() throws {
        let failure = decoder.failure(#"{"id": 1, "colour": "red", "size": 2}"#)
        #expect(failure?.kind == .unknownColumn)
        #expect(failure?.reason.hasPrefix("table car has no column 'colour', 'size'") == true)
        let ignoring = TestChangeDecoder(rows, ignoresUnknownColumns: true)
        #expect(try ignoring.one(#"{"id": 1, "colour": "red"}"#).row == ["id": 1, "name": .null])
    }

    @Test func valueOfAnotherTypeIsRefusedByItsColumn() {
        let failure = decoder.failure(#"{"id": "one"}"#)
        #expect(failure?.kind == .wrongType)
        #expect(
            failure?.reason
                == "column 'id' of table car is of type int, but its value is the text one"
        )
    }

    @Test(arguments: [
        #"{"name": "a"}"#, #"{"id": null, "name": "a"}"#, #"{"id": {}, "name": "a"}"#,
    ])
    func rowNeedsItsKey(payload: String) {
        let failure = decoder.failure(payload)
        #expect(failure?.kind == .noKey)
        #expect(failure?.reason == "the key of table car is missing: 'id'")
    }

    @Test func sameShapeWithOtherValuesIsDecodedAnew() throws {
        #expect(try decoder.one(#"{"id": 1, "name": "a"}"#).row["name"] == "a")
        #expect(try decoder.one(#"{"id": 2, "name": "b"}"#).row == ["id": 2, "name": "b"])
    }

    // Values inside values.

    @Test func nestedValuesAreColumnsWithDots() throws {
        let decoder = TestChangeDecoder(
            rows,
            columns: ["id": .int, "place.lat": .float, "tags.0": .text, "tags.1": .text]
        )
        let change = try decoder.one(#"{"id": 1, "place": {"lat": 52}, "tags": ["a"]}"#)
        #expect(change.row["place.lat"] == .double(52))
        #expect(change.row["tags.0"] == "a")
        #expect(change.row["tags.1"] == .null)
        let failure = decoder.failure(#"{"id": 1, "place": {"lon": 13}}"#)
        #expect(failure?.reason.contains("no column 'place.lon'") == true)
    }

    @Test func emptyObjectOrArrayIsNull() throws {
        #expect(try decoder.one(#"{"id": 1, "name": []}"#).row["name"] == .null)
        #expect(try decoder.one(#"{"id": 1, "name": {}}"#).row["name"] == .null)
    }

    @Test func JSONInTextStaysText() throws {
        let change = try decoder.one(#"{"id": 1, "name": "{\"a\": 1}"}"#)
        #expect(change.row["name"] == #"{"a": 1}"#)
    }

    @Test(arguments: ["__debezium_unavailable_value", "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])
    func valueThatIsNotToldStays(placeholder: String) throws {
        let decoder = TestChangeDecoder(
            .debezium,
            columns: ["id": .int, "big": .int, "tags.0": .text, "tags.1": .text, "tag": .text]
        )
        let change = try decoder.one(
            """
            {"op": "u", "before": null, "source": {"table": "t"},
             "after": {"id": 1, "big": "\(placeholder)", "tags": ["\(placeholder)"]}}
            """
        )
        #expect(change.row == ["id": 1, "tag": .null])
    }

    @Test func decimalInBytesIsRefusedWithTheSettingToChange() {
        let decoder = TestChangeDecoder(.debezium, columns: ["id": .int, "price": .float])
        let failure = decoder.failure(
            #"{"op": "c", "before": null, "after": {"id": 1, "price": "AVQ="}, "source": {"lsn": 1}}"#
        )
        #expect(failure?.kind == .wrongType)
        #expect(failure?.reason.contains("decimal.handling.mode") == true)
    }

    @Test func timesOfDebeziumAreReadByTheirFormats() throws {
        let decoder = TestChangeDecoder(
            .debezium,
            columns: [
                "id": .int, "day": .time(written: "epoch_d"),
                "stamp": .time(written: "epoch_us"), "zoned": .time(.iso8601),
            ]
        )
        let change = try decoder.one(
            """
            {"op": "c", "before": null, "source": {"lsn": 1}, "after": {"id": 1, "day": 17096,
             "stamp": 1477094400500000, "zoned": "2016-10-22T00:00:00.5Z"}}
            """
        )
        #expect(change.row["day"] == .double(1_477_094_400))
        #expect(change.row["stamp"] == .double(1_477_094_400.5))
        #expect(change.row["zoned"] == .double(1_477_094_400.5))
    }

    // Keys by themselves.

    @Test(arguments: [
        #"{"id": 1001}"#,
        #"{"schema": {"type": "struct", "fields": [{"field": "id"}]}, "payload": {"id": 1001}}"#,
        #"{"schema": {"type": "int32"}, "payload": 1001}"#, "1001", #""1001""#,
    ])
    func keyOfATombstoneNamesItsRow(key: String) throws {
        #expect(try decoder.key(key) == ["id": 1001])
    }

    @Test(arguments: [
        ("WDB-1", "WDB-1"), ("0012", "0012"), ("1e5", "1e5"), (#""a b""#, "a b"),
        (#"{"id": "x"}"#, "x"),
    ])
    func keyMayBePlainText(key: String, value: String) throws {
        let decoder = TestChangeDecoder(rows, columns: ["id": .text])
        #expect(try decoder.key(key) == ["id": .text(value)])
    }

    @Test(arguments: ["", "{}", #"{"other": 1}"#, "null", "[]", "WDB-1"])
    func keyThatNamesNoRowIsRefused(key: String) {
        #expect(throws: DecodingFailure.self) { try decoder.key(key) }
    }

    @Test func keyOfSeveralColumnsNeedsThemAll() throws {
        let decoder = TestChangeDecoder(rows, key: ["a", "b"], columns: ["a": .int, "b": .int])
        #expect(try decoder.key(#"{"b": 2, "a": 1}"#) == ["a": 1, "b": 2])
        #expect(throws: DecodingFailure.self) { try decoder.key(#"{"a": 1}"#) }
        #expect(throws: DecodingFailure.self) { try decoder.key("1") }
    }

    // Inferring.

    @Test func columnsAreDiscoveredWithTheirTypes() throws {
        let decoder = TestChangeDecoder(rows, columns: ["id": nil, "speed": .int, "name": .text])
        let text = #"{"id": "a", "speed": 0.5, "name": 7, "lat": 1.5, "ok": true, "none": null}"#
        #expect(
            Set(try decoder.discoveries(text)) == [
                ColumnConfiguration(name: "id", type: .text),
                ColumnConfiguration(name: "speed", type: .float),
                ColumnConfiguration(name: "lat", type: .float),
                ColumnConfiguration(name: "ok", type: .bool),
                ColumnConfiguration(name: "none", type: nil),
            ]
        )
    }

    @Test func nameThatSQLDoesNotTellApartIsNotDiscovered() throws {
        #expect(try decoder.discoveries(#"{"id": 1, "ID": 2}"#) == [])
        #expect(try decoder.discoveries(#"{"id": 1, "a": 2, "A": 3}"#).map(\.name) == ["a"])
    }

    @Test func placeholderTellsNoType() throws {
        let decoder = TestChangeDecoder(.debezium, columns: ["id": .int, "big": nil])
        let text = #"{"id": 1, "big": "__debezium_unavailable_value"}"#
        #expect(try decoder.discoveries(text) == [])
    }
}
