// SPDX-License-Identifier: Apache-2.0
// What a firmware can do to its messages, and what the gateway says of it.
import Testing

@testable import Gateway

@Suite struct SchemaChangeTests {
    @Test func firstVersionIsLearnedAndTold() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"speed":5,"body":{"doors":"closed"}}"#, times: 10)
        #expect(try rig.events().isEmpty)
        try rig.send(#"{"speed":5,"body":{"doors":"closed"}}"#)
        let event = try #require(try rig.events().first)
        #expect(event["change"] as? String == "schema_learned")
        #expect(event["summary"] as? String == "fleet/{vehicle}/state: version 1 is known, 2 paths")
        #expect(try rig.paths(version: 1) == ["body.doors text", "speed int"])
    }

    @Test func addedPathIsToldWithItsVehicleAndAnExample() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"speed":5}"#, times: 12)
        try rig.send(#"{"speed":6,"fuel":{"level":0.5}}"#, vehicle: "updated")
        #expect(try rig.changes().isEmpty, "told when the burst is over")
        try rig.settle()
        #expect(try rig.changes() == [["path_added fuel.level"]])
        let event = try #require(try rig.events().last)
        #expect(event["from"] as? Int == 1)
        #expect(event["to"] as? Int == 2)
        #expect(event["vehicles"] as? [String] == ["updated"])
        #expect(event["severity"] as? String == "info")
        #expect(try rig.change()["example_after"] as? Double == 0.5)
        #expect(try rig.paths(version: 1) == ["speed int"])
        #expect(try rig.paths(version: 2) == ["fuel.level float", "speed int"])
    }

    @Test func aKnownShapeIsNotToldAgain() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"speed":5}"#, times: 12)
        for vehicle in ["a", "b", "c"] {
            try rig.send(#"{"speed":6,"fuel":1}"#, vehicle: vehicle)
            try rig.settle()
        }
        #expect(try rig.changes().count == 1)
    }

    @Test func typeChangeNamesTheAlertsThatReadThePath() throws {
        let rig = try SchemaRig(
            rules: """
                groups:
                  - name: g
                    rules:
                      - alert: too_fast
                        expr: speed > 130
                      - alert: parked
                        expr: speed = 0
                      - alert: cold
                        expr: temperature < 0
                """,
            signals: [
                SignalConfiguration(name: "speed", paths: ["v.speed"], type: .float, unit: "km/h"),
                SignalConfiguration(name: "temperature", paths: ["temperature"]),
            ]
        )
        try rig.send(#"{"v":{"speed":5}}"#, times: 12)
        try rig.send(#"{"v":{"speed":"6 km/h"}}"#)
        try rig.settle()
        #expect(try rig.changes() == [["type_changed v.speed"]])
        let change = try rig.change()
        #expect(change["alerts"] as? [String] == ["too_fast", "parked"])
        #expect(change["before"] as? [String] == ["int"])
        #expect(change["after"] as? [String] == ["int", "text"])
        #expect(change["example_before"] as? Int == 5)
        #expect(change["example_after"] as? String == "6 km/h")
        #expect(change["unit"] as? String == "km/h")
        #expect(change["severity"] as? String == "critical")
        let summary = try #require(try rig.events().last?["summary"] as? String)
        #expect(summary.hasSuffix("v.speed changed from int to int or text; 2 alerts read this"))
    }

    @Test func fractionWidensAnInteger() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"speed":5,"n":1}"#, times: 12)
        try rig.send(#"{"speed":5.5,"n":1}"#, times: 3)
        try rig.send(#"{"speed":5,"n":1}"#, times: 3)
        try rig.settle()
        #expect(try rig.changes() == [["type_widened speed"]])
        #expect(try rig.change()["severity"] as? String == "info")
        #expect(try rig.paths(version: 1) == ["n int", "speed int"])
        #expect(try rig.paths(version: 2) == ["n int", "speed float"])
    }

    @Test func fractionsWhileLearningAreNoChange() throws {
        let rig = try SchemaRig()
        try rig.send((0..<30).map { "{\"speed\":\($0.isMultiple(of: 2) ? "5" : "5.5")}" })
        try rig.settle()
        #expect(try rig.changes().isEmpty)
        #expect(try rig.paths(version: 1) == ["speed float"])
    }

    @Test(arguments: [
        (#"{"a":{"b":1}}"#, #"{"a":{"b":null}}"#, "nullability a.b"),
        (#"{"a":null}"#, #"{"a":1}"#, "nullability a"),
        (#"{"a":{"b":1}}"#, #"{"a":{}}"#, "nullability a"),
    ])
    func nullsAndEmptinessAreTheirOwnKind(before: String, after: String, change: String) throws {
        let rig = try SchemaRig()
        try rig.send(before, times: 12)
        try rig.send(after)
        try rig.settle()
        #expect(try rig.changes() == [[change]])
    }

    @Test(arguments: [
        // The same value says it.
        (#"{"odometer":48211,"n":1}"#, #"{"mileage":48211,"n":2}"#, "odometer", "mileage"),
        // The same last name does.
        (#"{"speed":71.5,"n":1}"#, #"{"motion":{"speed":74.2},"n":2}"#, "speed", "motion.speed"),
        // It has moved into itself.
        (#"{"fuel":40,"n":1}"#, #"{"fuel":{"litres":38},"n":2}"#, "fuel", "fuel.litres"),
        // Both a similar name and a value in range.
        (
            #"{"doorState":"open","n":1}"#, #"{"body":{"doorState":"closed"},"n":2}"#, "doorState",
            "body.doorState"
        ),
    ])
    func renameIsGuessed(before: String, after: String, from: String, to: String) throws {
        let rig = try SchemaRig()
        try rig.send(before, times: 12)
        try rig.send(after)
        try rig.settle()
        #expect(try rig.changes() == [["likely_rename \(to)"]])
        let change = try rig.change()
        #expect(change["former_path"] as? String == from)
        #expect(try #require(change["evidence"] as? [String]).count >= 2)
    }

    @Test func anotherTypeOrNoEvidenceIsNoRename() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"a":1,"n":1}"#, times: 12)
        try rig.send(#"{"zulu":"x","n":1}"#)
        try rig.settle()
        #expect(try rig.changes() == [["path_added zulu"]])
        try rig.send(#"{"victor":77,"n":1}"#)
        try rig.settle()
        #expect(try rig.changes().last == ["path_added victor"])
    }

    @Test func whatOtherMessagesStillHaveIsNotMissing() throws {
        let rig = try SchemaRig()
        // `fuel` comes with one message in three, so that its absence says nothing.
        for _ in 0..<10 {
            try rig.send([#"{"n":1,"fuel":40}"#, #"{"n":1}"#, #"{"n":1}"#])
        }
        try rig.send(#"{"n":1,"tank":40}"#)
        try rig.settle()
        #expect(try rig.changes() == [["path_added tank"]])
    }

    @Test func rarePathIsNotTakenForTheFormerName() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1}"#, times: 100)
        for code in ["P0420", "P0171", "U0100"] {
            try rig.send("{\"n\":1,\"dtc\":{\"\(code)\":12345}}")
            try rig.settle()
        }
        #expect(
            try rig.changes() == [
                ["path_added dtc.P0420"], ["path_added dtc.P0171"], ["path_added dtc.U0100"],
            ]
        )
    }

    @Test func anotherKindOfMessageIsNoRename() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"soc":5120,"gear":3,"status":"charging"}"#, times: 100)
        try rig.send(#"{"heap":5120,"resets":3,"state":"charging"}"#)
        try rig.settle()
        #expect(
            try rig.changes() == [["path_added heap", "path_added resets", "path_added state"]]
        )
    }

    @Test func whatMattersMostStandsFirst() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"z":1}"#, times: 12)
        try rig.send(#"{"a":1,"z":"x"}"#)
        try rig.settle()
        #expect(try rig.changes() == [["type_changed z", "path_added a"]])
    }

    @Test func openBurstIsToldAtAnOrderlyEnd() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"odometer":48211}"#, times: 12)
        try rig.send(#"{"n":1,"mileage":48211}"#)
        let outcome = rig.gateway.processor.endBursts()
        #expect(outcome.schema.count == 1)
        #expect(String(decoding: outcome.bytes.bytes, as: UTF8.self).contains("likely_rename"))
        #expect(rig.gateway.processor.endBursts().isEmpty)
    }

    @Test func manyPathsAreOneEvent() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1}"#, times: 12)
        let paths = (0..<500).map { "\"p\($0)\":\"text\"" }.joined(separator: ",")
        // In two messages, some milliseconds apart.
        try rig.send(#"{"n":1,"early":true}"#)
        try rig.send("{\"n\":1,\(paths)}")
        try rig.settle()
        let events = try rig.events().filter { $0["change"] as? String == "schema_changed" }
        #expect(events.count == 1)
        #expect((events.first?["changes"] as? [Any])?.count == 500)
        #expect(events.first?["more_changes"] as? Int == 1)
        #expect(events.first?["summary"] as? String == "fleet/{vehicle}/state: 501 paths added")
    }

    @Test func pathThatNobodySendsAnyMoreIsGone() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"fuel":40,"extra":true}"#, times: 12)
        try rig.send(#"{"n":1}"#, times: 30)
        try rig.settle()
        #expect(try rig.changes().isEmpty, "30 messages are fewer than schema.gone.messages")
        try rig.send(#"{"n":1}"#, times: 20)
        try rig.settle()
        #expect(try rig.changes() == [["path_gone extra", "path_gone fuel"]])
        #expect(try rig.paths(version: 2) == ["n int"])
        // It may come again.
        try rig.send(#"{"n":1,"fuel":40}"#)
        try rig.settle()
        #expect(try rig.changes().last == ["path_added fuel"])
        #expect(try rig.paths(version: 3) == ["fuel int", "n int"])
    }

    @Test func rarePathIsNotGoneAfterItsUsualSilence() throws {
        let rig = try SchemaRig { $0.learnMessages = 100 }
        // Once in 60 messages: a silence of 60 is longer than schema.gone.messages, and usual.
        for _ in 0..<12 {
            try rig.send(#"{"n":1,"error":"none"}"#)
            try rig.send(#"{"n":1}"#, times: 59)
        }
        try rig.settle()
        #expect(try rig.changes().isEmpty)
        try rig.send(#"{"n":1}"#, times: 300)
        try rig.settle()
        #expect(try rig.changes() == [["path_gone error"]])
    }

    @Test func silenceInTimeCountsWhileTheGroupSpeaks() throws {
        let rig = try SchemaRig {
            $0.goneMessages = 1_000_000
            $0.goneMilliseconds = 60_000
        }
        try rig.send(#"{"n":1,"fuel":40}"#, times: 12)
        // Each settling takes ten seconds.
        for _ in 0..<30 {
            try rig.send(#"{"n":1}"#)
            try rig.settle()
        }
        #expect(try rig.changes() == [["path_gone fuel"]])
    }

    @Test func oneOfTwoTypesCanGo() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"gear":3}"#, times: 12)
        for _ in 0..<2 {
            try rig.send(#"{"n":1,"gear":"D"}"#, times: 30)
            try rig.settle()
        }
        #expect(try rig.changes() == [["type_changed gear"], ["type_gone gear"]])
        #expect(try rig.paths(version: 3) == ["gear text", "n int"])
    }

    @Test func numberInAnotherUnitIsGuessed() throws {
        let rig = try SchemaRig()
        func drive(_ factor: Double) throws {
            try rig.send(
                (0..<2_000).map { "{\"speed\":\((80.0 + Double($0 % 37) / 4) * factor)}" }
            )
            try rig.settle()
        }
        try drive(1)
        #expect(try rig.changes().isEmpty)
        try drive(1 / 1.609344)
        #expect(try rig.changes() == [["unit_jump speed"]])
        let change = try rig.change()
        #expect(
            change["evidence"] as? [String] == [
                "/ 1.609344: the inverse of mi to km, or mph to km/h"
            ]
        )
        #expect(try rig.versions().count == 1, "a guess makes no version")
    }

    @Test func aCounterOrACodeIsNoUnit() throws {
        let rig = try SchemaRig()
        try rig.send((0..<4_000).map { "{\"odometer\":\(40_000 + $0),\"gear\":\($0 / 700)}" })
        try rig.settle()
        #expect(try rig.changes().isEmpty)
    }

    @Test func aCounterThatAKillHidesForAWhileIsNoUnit() throws {
        let rig = try SchemaRig()
        // Of two vehicles, one a little ahead: seen together it does not only rise.
        func trip(_ numbers: Range<Int>) throws {
            try rig.send(numbers.map { "{\"trip\":\(100 + $0 + ($0 % 3) * 40)}" })
        }
        try trip(0..<2_000)
        let counts = rig.gateway.processor.schemas?.takeCounts(pathsMax: .max) ?? []
        try rig.gateway.writer.saveSchemaCounts(counts)
        try rig.restart()
        try trip(6_000..<8_000)
        try rig.settle()
        #expect(try rig.changes().isEmpty)
    }

    @Test func numberInAnotherUnitIsGuessedOverARestart() throws {
        let rig = try SchemaRig()
        func drive(_ factor: Double) throws {
            try rig.send(
                (0..<2_000).map { "{\"speed\":\((80.0 + Double($0 % 37) / 4) * factor)}" }
            )
        }
        try drive(1)
        let counts = rig.gateway.processor.schemas?.takeCounts(pathsMax: .max) ?? []
        try rig.gateway.writer.saveSchemaCounts(counts)
        try rig.restart()
        try drive(3.6)
        try rig.settle()
        #expect(try rig.changes() == [["unit_jump speed"]])
    }
}
