// SPDX-License-Identifier: Apache-2.0
// Goal: a table without declared columns takes those that come, says so, and is the same table before and
// after a start.
import Testing

@testable import Gateway

@Suite struct InferredColumnsTests {
    private static let table = TableRig.table("car")

    private func insert(_ position: Int, _ rest: String) -> String {
        #"{"op":"insert","pos":\#(position),\#(rest)}"#
    }

    private func news(_ rig: TableRig) throws -> [String] {
        try rig.events("schema")
            .map { event in
                ["table", "change", "column", "before", "type"].compactMap { event[$0]?.text }
                    .joined(separator: " ")
            }
    }

    @Test func columnsAreToldAndThenFixed() throws {
        let rig = try TableRig(Self.table)
        try rig.change(insert(1, #""id":1,"plate":"B-1","weight":2,"later":null"#))
        try rig.change(insert(2, #""id":2,"plate":"B-2","weight":3,"later":true"#))
        try rig.change(insert(3, #""id":3,"plate":"B-3","weight":"heavy","later":false"#))
        try rig.change(insert(4, #""id":4,"plate":5,"weight":4,"later":null"#))
        #expect(try rig.rows() == ["1,'B-1',2,NULL", "2,'B-2',3,1", "4,'5',4,NULL"])
        #expect(
            try news(rig) == [
                "car column_added plate text", "car column_added weight int",
                "car column_added later unknown", "car column_type id int",
                "car column_type later bool",
            ]
        )
        #expect(try rig.reasons().count == 1)
        #expect(
            try #require(rig.reasons().first)
                .contains("column 'weight' of table car is of type int")
        )
        try rig.expectSame()
        try rig.restart()
        try rig.expectSame()
    }

    // A column of whole numbers that becomes one of decimals counts as one everywhere.
    @Test func wideningMovesWhatIsThere() throws {
        let rig = try TableRig(
            Self.table,
            enrich: "enrich: SELECT car.weight / 4 AS quarter FROM car WHERE car.id = 1"
        )
        try rig.changes([insert(1, #""id":1,"weight":2"#), #"{"op":"begin","pos":2}"#])
        try rig.change(insert(3, #""id":2,"weight":2.5"#))
        try rig.change(insert(4, #""id":3,"weight":6"#))
        #expect(try rig.rows() == ["1,2.0", "2,2.5", "3,6.0"])
        try rig.expectSame()
        try rig.reading()
        try rig.restart()
        try rig.expectSame()
        try rig.reading()
        #expect(
            try rig.events("enriched").map { $0["enrichment.quarter"] } == [
                .double(0.5), .double(0.5),
            ]
        )
        #expect(try news(rig).last == "car column_type weight int float")
    }

    // How a column compares does not depend on whether there was a start since its type is known.
    @Test func textOfATopicFindsAKeyOfNumbers() throws {
        let rig = try TableRig(
            Self.table + "\n    index: [fleet]",
            enrich: """
                enrich: SELECT car.plate, car.fleet FROM reading JOIN car ON car.id = reading.vehicle
                """
        )
        try rig.change(insert(1, #""id":7,"plate":"B-7","fleet":3"#))
        try rig.reading(vehicle: "7")
        try rig.restart()
        try rig.reading(vehicle: "7")
        let plates = try rig.events("enriched").map { $0["enrichment.plate"] }
        #expect(plates == [.text("B-7"), .text("B-7")])
        try rig.expectSame()
    }

    // A start before the first change must leave nothing that the next one trips over.
    @Test func columnsOfASelectAreThereBeforeTheyCome() throws {
        let rig = try TableRig(
            Self.table,
            enrich: "enrich: SELECT car.plate FROM car WHERE car.id = 1"
        )
        try rig.reading()
        try rig.restart()
        try rig.reading()
        try rig.recover()
        try rig.reading()
        try rig.change(insert(1, #""id":1,"colour":"red","plate":"B-1""#))
        try rig.reading()
        try rig.restart()
        try rig.reading()
        let plates = try rig.events("enriched").map { $0["enrichment.plate"] }
        #expect(plates == [.null, .null, .null, .text("B-1"), .text("B-1")])
        try rig.expectSame()
    }

    @Test func starOverColumnsThatComeFailsAndSaysWhy() throws {
        let rig = try TableRig(
            Self.table,
            enrich: "enrich: SELECT car.* FROM car WHERE car.id = 1"
        )
        try rig.change(insert(1, #""id":1,"plate":"B-1""#))
        try rig.reading(#"{"speed":5}"#)
        let failures = try #require(rig.gateway.processor.rules.enrichments[0]).select.failures
        #expect(failures.count == 1)
        #expect(failures.reason.contains("name them instead of '*'"))
        let event = try rig.events("enriched")[0]
        #expect(event["enrichment"] == .null)
        #expect(event["signals.speed"] == .int(5))
    }

    @Test func oneColumnTooManyIsADeadLetterAndTheTableGoesOn() throws {
        let rig = try TableRig(Self.table)
        func wide(_ position: Int, _ count: Int) -> String {
            insert(
                position,
                (0..<count).map { #""c\#($0)":1"# }.joined(separator: ",") + #","id":\#(position)"#
            )
        }
        try rig.change(wide(1, 499))
        try rig.change(wide(2, 500), wide(3, 499))
        #expect(try rig.reasons().count == 1)
        #expect(try #require(rig.reasons().first).contains("more than 500 columns"))
        #expect(try rig.rows().count == 2)
        #expect(rig.table().definition.columns.count == 500)
    }

    @Test(arguments: [#""a\u0000b""#, "\"" + String(repeating: "x", count: 300) + "\""])
    func nameThatNoColumnCanHaveIsADeadLetter(name: String) throws {
        let rig = try TableRig(Self.table)
        try rig.change(insert(1, #""id":1,\#(name):1"#), insert(2, #""id":2"#))
        #expect(try rig.reasons().count == 1)
        #expect(try #require(rig.reasons().first).contains("can't be the name of a column"))
        #expect(try rig.rows() == ["2"])
    }

    @Test func namesThatSQLMustQuoteAreColumns() throws {
        let rig = try TableRig(Self.table)
        try rig.change(
            insert(1, #""id":1,"a b":1,"x\"y":2,"select":3,"position":4,"ü":5,"place":{"lat":6}"#)
        )
        #expect(try rig.rows() == ["1,1,2,3,4,5,6"])
        try rig.restart()
        try rig.expectSame()
        #expect(try rig.rows() == ["1,1,2,3,4,5,6"])
    }
}

/// Changes that can't be applied are told, and neither the batch nor the table stops at them.
@Suite struct BadChangeTests {
    private static let good = #"{"op":"insert","pos":9,"id":9,"v":90}"#

    @Test(arguments: [
        ("no JSON", "{", "JSON"), ("no object", "[1]", "must be a JSON object"),
        ("no operation", #"{"id":1}"#, "no operation at 'op'"),
        ("no key", #"{"op":"insert","pos":1,"v":1}"#, "id"),
        ("a null key", #"{"op":"insert","pos":1,"id":null,"v":1}"#, "id"),
        ("a delete without its key", #"{"op":"delete","pos":1,"v":1}"#, "id"),
        (
            "an unknown column", #"{"op":"insert","pos":1,"id":1,"colour":1}"#,
            "table car has no column 'colour'"
        ),
        (
            "a value of another type", #"{"op":"insert","pos":1,"id":1,"v":"much"}"#,
            "column 'v' of table car is of type int"
        ),
    ])
    func badChangeIsADeadLetter(_ what: String, payload: String, reason: String) throws {
        let rig = try TableRig()
        let outcome = try rig.change(payload, Self.good)
        #expect(outcome.failure == nil)
        #expect(try rig.rows() == ["9,90,NULL"])
        let letters = try rig.events("dead_letter")
        #expect(letters.count == 1)
        #expect(letters[0]["source"] == .text("table/car"))
        #expect(letters[0]["payload"] == .text(payload))
        #expect(letters[0]["reason"]?.text.contains(reason) == true, "\(letters)")
    }

    // An image of before that tells the key as null tells nothing: the row of the key is meant.
    @Test func nullKeyOfBeforeIsNotAKey() throws {
        let rig = try TableRig(TableRig.car + "\n    before: old")
        let outcome = try rig.change(
            #"{"op":"update","pos":1,"id":1,"v":5,"old":{"id":null,"v":3}}"#,
            #"{"op":"delete","pos":2,"id":2,"old":{"id":null}}"#
        )
        #expect(outcome.failure == nil)
        #expect(try rig.rows() == ["1,5,NULL"])
        try rig.expectSame()
    }

    @Test func deleteMayTellItsKeyOnlyInWhatWas() throws {
        let rig = try TableRig(TableRig.car + "\n    before: old")
        try rig.change(Self.good, #"{"op":"delete","pos":10,"old":{"id":9}}"#)
        #expect(try rig.rows() == [])
        try rig.change(Self.good, #"{"op":"delete","pos":11,"id":null,"old":{"id":9}}"#)
        #expect(try rig.reasons() == [])
    }

    @Test func goodElementsOfAnArrayAreApplied() throws {
        let rig = try TableRig()
        try rig.change(#"[\#(Self.good),{"op":"x"},{"op":"insert","pos":1,"id":1},{"op":"y"}]"#)
        #expect(try rig.rows() == ["1,NULL,NULL", "9,90,NULL"])
        let reason = "element 1: unknown operation 'x' (and 1 more elements)"
        #expect(try rig.reasons() == [reason])
    }

    @Test func rowThatSQLiteCannotHoldIsADeadLetter() throws {
        var configuration = try TableRig.configuration(TableRig.car)
        configuration.limits.payloadBytesMax = 4 << 20
        let gateway = try LoggedGateway(configuration)
        let long = String(repeating: "x", count: 1_100_000)
        let outcome = try gateway.process([
            TestMessage(
                "cdc/car",
                #"{"op":"insert","pos":1,"id":1,"w":"\#(long)"}"#,
                arrival: .seconds(0),
                source: 1
            )
        ])
        #expect(outcome.failure == nil)
        #expect(outcome.deadLetter.count == 1)
        #expect(try gateway.count("car") == 0)
    }

    // Debezium's placeholder for a value that was not logged.
    @Test func valueThatIsNotToldStaysAlsoWhenTheKeyChanges() throws {
        let rig = try TableRig(
            TableRig.table(
                "car",
                "columns: {id: int, v: int, w: text}",
                "format: debezium",
                "operation: none",
                "position: none"
            )
        )
        func change(_ position: Int, _ old: Int, _ id: Int, _ value: String) -> String {
            #"{"op":"u","ts_ms":1,"before":{"id":\#(old)},"after":{"id":\#(id),"v":\#(position),"#
                + #""w":"\#(value)"},"source":{"name":"pg","table":"car","lsn":\#(position)}}"#
        }
        let untold = "__debezium_unavailable_value"
        try rig.changes([change(1, 1, 1, "long"), change(2, 1, 1, untold), change(3, 1, 2, untold)])
        #expect(try rig.rows() == ["2,3,'long'"])
        try rig.expectSame()
    }
}
