// SPDX-License-Identifier: Apache-2.0
// Which vehicles a schema is of, what the user decides about it, and what survives an end.
import Testing

@testable import Gateway

@Suite struct SchemaGroupTests {
    private func grouped(_ expression: String) throws -> SchemaRig {
        try SchemaRig(signals: [
            SignalConfiguration(name: "firmware", paths: ["fw"]),
            SignalConfiguration(name: "model", paths: ["model"]),
        ]) { $0.grouping = .expression(expression, file: "f", line: 1, key: "schema.group") }
    }

    @Test func newFirmwareGoesOnFromTheFormerAndTellsTheDifference() throws {
        let rig = try grouped("firmware")
        try rig.send(#"{"fw":"4.1","odometer":1200,"speed":5}"#, times: 12, vehicle: "a")
        try rig.send(#"{"fw":"4.1","odometer":900,"speed":5}"#, times: 12, vehicle: "b")
        try rig.send(#"{"fw":"4.2","mileage":1200,"speed":"5"}"#, vehicle: "a")
        try rig.settle()
        let events = try rig.events().map { "\($0["change"] ?? "") \($0["group"] ?? "")" }
        #expect(events == ["schema_learned 4.1", "schema_continued 4.2", "schema_changed 4.2"])
        let continued = try rig.events()[1]
        #expect(continued["former_group"] as? String == "4.1")
        #expect(continued["former_version"] as? Int == 1)
        #expect(try rig.changes() == [["likely_rename mileage", "type_changed speed"]])
        // The former firmware goes on as it was.
        try rig.send(#"{"fw":"4.1","odometer":900,"speed":5}"#, times: 12, vehicle: "b")
        // The other vehicle is updated to what is known.
        try rig.send(#"{"fw":"4.2","mileage":900,"speed":"6"}"#, vehicle: "b")
        try rig.settle()
        #expect(try rig.changes().count == 1)
        // In the new group the former paths go when it has spoken without them for long enough.
        try rig.send(#"{"fw":"4.2","mileage":901,"speed":"6"}"#, times: 60, vehicle: "b")
        try rig.settle()
        #expect(try rig.changes().last == ["path_gone odometer", "type_gone speed"])
    }

    @Test func groupsOfAnExpressionDoNotDisturbEachOther() throws {
        let rig = try grouped("model || ' ' || firmware")
        for _ in 0..<15 {
            try rig.send(#"{"model":"A","fw":1,"a":1}"#, vehicle: "a")
            try rig.send(#"{"model":"B","fw":1,"b":"x"}"#, vehicle: "b")
            try rig.send(#"{"c":true}"#, vehicle: "c")
        }
        try rig.settle()
        #expect(try rig.changes().isEmpty)
        let groups = try #require(rig.gateway.processor.schemas).groups.map(\.name)
        #expect(groups == ["A 1", "B 1", ""])
    }

    @Test func wrongExpressionIsAProblemWithItsPlace() throws {
        let error = #expect(throws: Problems.self) { try grouped("firmwear") }
        let problem = try #require(error?.all.first)
        #expect(problem.key == "schema.group")
        #expect(problem.message.contains("firmware"), "\(problem)")
    }

    @Test func keySetsThatVaryAreLearnedAndNotTold() throws {
        let rig = try SchemaRig()
        var random = SplitMix64(seed: 5)
        // As a bus logger sends: a few of forty names each time.
        let payloads = (0..<2_000)
            .map { _ in
                let names = Set((0..<random.int(1...3)).map { _ in random.int(0...39) })
                return "{" + names.map { "\"s\($0)\":1" }.joined(separator: ",") + "}"
            }
        try rig.send(payloads)
        try rig.settle()
        #expect(try rig.changes().isEmpty)
        #expect(try rig.paths(version: 1).count == 40)
    }

    @Test func severityIsWhatTheUserSays() throws {
        let rig = try SchemaRig {
            $0.severities = [
                .init(kind: nil, path: PathGlob("debug.*"), severity: .none),
                .init(kind: .pathAdded, path: PathGlob("engine.*"), severity: .critical),
            ]
        }
        try rig.send(#"{"n":1}"#, times: 12)
        try rig.send(#"{"n":1,"debug":{"x":1}}"#)
        try rig.settle()
        #expect(try rig.changes().isEmpty)
        #expect(try rig.paths(version: 2) == ["debug.x int", "n int"])
        try rig.send(#"{"n":1,"engine":{"rpm":1},"debug":{"y":1}}"#)
        try rig.settle()
        #expect(try rig.changes() == [["path_added engine.rpm"]])
        #expect(try rig.events().last?["severity"] as? String == "critical")
    }

    @Test func examplesAreMasked() throws {
        let rig = try SchemaRig { $0.masks = [PathGlob("*vin")] }
        try rig.send(#"{"n":1}"#, times: 12)
        try rig.send(#"{"n":1,"vin":"WVW-ZZZ 1J","plate":"B-XY 12"}"#)
        try rig.settle()
        let changes = try #require(try rig.events().last?["changes"] as? [[String: Any]])
        #expect(changes.map { $0["example_after"] as? String } == ["B-XY 12", "xxx-xxx 9x"])
        // A private value stays private under another name.
        try rig.send(#"{"n":1,"vin":"WVW-ZZZ 1J","plate":"B-XY 12"}"#, times: 12)
        try rig.send(#"{"n":1,"chassis":"WVW-ZZZ 1J","plate":"B-XY 12"}"#)
        try rig.settle()
        #expect(try rig.changes().last == ["likely_rename chassis"])
        #expect(try rig.change()["example_before"] as? String == "xxx-xxx 9x")
        #expect(try rig.change()["example_after"] as? String == "xxx-xxx 9x")
        let none = try SchemaRig { $0.keepsExamples = false }
        try none.send(#"{"n":1}"#, times: 12)
        try none.send(#"{"n":1,"vin":"WVW"}"#)
        try none.settle()
        #expect(try none.change()["example_after"] == nil)
    }

    @Test func listsAreOnePathAndTheirLengthIsTold() throws {
        let topic = try TopicConfiguration.testing()
        let rig = try SchemaRig(topics: [topic])
        try rig.send(#"{"cells":[{"v":1},{"v":2}]}"#, times: 12)
        #expect(try rig.paths(version: 1) == ["cells array", "cells.*.v int"])
        try rig.send(#"{"cells":[{"v":1},{"v":2},{"v":3}]}"#)
        try rig.settle()
        #expect(try rig.changes() == [["array_grown cells"]])
        #expect(try rig.change()["example_after"] as? Int == 3)
        try rig.send(#"{"cells":[]}"#)
        try rig.settle()
        #expect(try rig.changes().count == 1)
    }

    @Test func plainTextsHaveTypesToo() throws {
        let topic = try TopicConfiguration.testing(
            "fleet/{vehicle}/{signal}",
            format: .text,
            eventTime: nil
        )
        let rig = try SchemaRig(topics: [topic])
        try rig.send("5", times: 12)
        try rig.send("5.5")
        try rig.send("off")
        try rig.settle()
        #expect(try rig.changes() == [["type_changed state", "type_widened state"]])
        #expect(try rig.paths(version: 2) == ["state float", "state text"])
    }

    @Test func pathsAndShapesAreBounded() throws {
        let rig = try SchemaRig {
            $0.pathsMax = 20
            $0.goneMessages = 1_000
            $0.shapesMax = 16
        }
        try rig.send((0..<200).map { "{\"n\":1,\"p\($0)\":1}" })
        let history = try #require(rig.gateway.processor.schemas)
        #expect(history.pathCount == 20)
        #expect(history.pathOverflowCount == 181)
        #expect(history.groups[0].shapes.count <= 16)
        // The counts of shapes that were forgotten are not.
        history.groups[0].settle()
        #expect(history.groups[0].paths[SchemaKey(path: "n", type: .int)]?.count == 200)
    }

    // Ends.

    @Test func burstThatWasOpenIsToldAfterARestart() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"speed":5,"gear":1}"#, times: 12)
        try rig.send(#"{"n":1,"speed":5.5,"gear":"D","fuel":1}"#, vehicle: "updated")
        try rig.restart()
        #expect(try rig.changes().isEmpty)
        try rig.settle()
        #expect(
            try rig.changes() == [["type_changed gear", "path_added fuel", "type_widened speed"]]
        )
        #expect(try rig.events().last?["vehicles"] as? [String] == ["updated"])
        #expect(
            try rig.paths(version: 2)
                == ["fuel int", "gear int", "gear text", "n int", "speed float"]
        )
    }

    @Test func versionsGoOnAfterARestart() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1}"#, times: 12)
        try rig.restart()
        try rig.send(#"{"n":1}"#, times: 12)
        try rig.send(#"{"n":1,"a":1}"#)
        try rig.settle()
        try rig.restart()
        try rig.send(#"{"n":1,"a":1}"#)
        // Of another type, or it would look like a new name of `a`.
        try rig.send(#"{"n":1,"b":"x"}"#)
        try rig.settle()
        #expect(try rig.changes() == [["path_added a"], ["path_added b"]])
        #expect(try rig.versions().count == 3)
        #expect(try rig.events().last?["from"] as? Int == 2)
    }

    @Test func listThatGrowsRightAfterAKillIsTold() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"cells":[1,2]}"#, times: 12)
        try rig.restart()
        try rig.send(#"{"n":1,"cells":[1,2,3]}"#)
        try rig.settle()
        #expect(try rig.changes() == [["array_grown cells"]])
        // Told is told, also after another kill.
        try rig.restart()
        try rig.send(#"{"n":1,"cells":[1,2,3]}"#)
        try rig.settle()
        #expect(try rig.changes().count == 1)
    }

    @Test func renameRightAfterAKillIsSeen() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"odometer":48210}"#, times: 12)
        try rig.restart()
        try rig.send(#"{"n":1,"mileage":48210}"#)
        try rig.settle()
        #expect(try rig.changes() == [["likely_rename mileage"]])
    }

    @Test("counts that a kill has cost are not taken for a silence")
    func killIsNoSilence() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"n":1,"t":1}"#, times: 100)
        // The version that this makes is committed; the counts of messages and paths are not.
        try rig.send(#"{"n":1,"t":1,"a":1}"#)
        try rig.settle()
        try rig.restart()
        try rig.send(#"{"n":1,"t":1,"a":1}"#)
        try rig.send(#"{"n":1,"a":1}"#, times: 60)
        try rig.settle()
        #expect(try rig.changes() == [["path_added a"], ["path_gone t"]])
    }

    @Test func whatIsNotWatchedCostsAndTellsNothing() throws {
        let rig = try SchemaRig { $0.isEnabled = false }
        try rig.send(#"{"n":1}"#, times: 120)
        try rig.settle()
        #expect(rig.gateway.processor.schemas == nil)
        #expect(try rig.events().isEmpty)
    }
}
