// SPDX-License-Identifier: Apache-2.0
// What the log has of a group, as JSON Schema.
import Foundation
import Testing

@testable import Gateway

@Suite struct SchemaDocumentTests {
    private func property(_ schema: [String: Any], _ path: String) throws -> [String: Any] {
        var node = schema
        for name in path.split(separator: ".") {
            let members = node["properties"] as? [String: Any] ?? [:]
            node = try #require(members[String(name)] as? [String: Any])
        }
        return node
    }

    private func exported(_ payloads: String...) throws -> [String: Any] {
        let rig = try SchemaRig()
        for _ in 0..<15 { try rig.send(payloads) }
        try rig.settle()
        try rig.saveCounts()
        return try rig.export(hasRanges: true)
    }

    @Test func nullStandsBesideWhatIsNoValue() throws {
        let schema = try exported(#"{"a":null,"b":null}"#, #"{"a":5,"b":{"c":1}}"#)
        #expect(try property(schema, "a")["type"] as? [String] == ["integer", "null"])
        #expect(try property(schema, "b")["type"] as? [String] == ["object", "null"])
        #expect(schema["required"] as? [String] == ["a"])
    }

    @Test func messagesFitTheirExportAfterEveryKindOfChange() throws {
        let rig = try SchemaRig {
            $0.shapesMax = 4
            // What has gone is part of former versions only.
            $0.goneMessages = 1_000
        }
        let kinds = [
            #"{"speed":5,"body":{"doors":"closed","lock":true}}"#, #"{"speed":5,"fuel":null}"#,
            #"{"speed":5.5,"body":{}}"#, #"{"speed":6,"fuel":{"level":0.5}}"#,
            #"{"speed":null,"body":{"doors":1}}"#, #"{"speed":7,"note":"ice"}"#,
        ]
        var sent: [String] = []
        for (number, kind) in kinds.enumerated() {
            let payloads = (0..<20).map { kinds[$0 % 3 == 0 ? number : 0] } + [kind]
            try rig.send(payloads)
            if number == 2 { try rig.restart() }
            if number == 3 {
                try rig.saveCounts()
                try rig.restart()
            }
            try rig.settle()
            // What was counted behind the last saved count is lost with the restart, the schema is not.
            sent += payloads
            let schema = try rig.export()
            for payload in sent {
                let problems = try SchemaChecker.problems(of: payload, by: schema)
                #expect(problems == [], "\(payload)")
            }
            let required = number == 0 ? ["body", "speed"] : ["speed"]
            #expect(schema["required"] as? [String] == required)
        }
        #expect(try rig.content().version > 3)
    }

    @Test func maskedNumberIsNoExampleOfANumber() throws {
        let rig = try SchemaRig { $0.masks = [PathGlob("*")] }
        try rig.send(#"{"n":123,"s":"HH-AB 1"}"#, times: 15)
        try rig.saveCounts()
        let schema = try rig.export()
        #expect(try property(schema, "n")["examples"] == nil)
        #expect(try property(schema, "s")["examples"] as? [String] == ["xx-xx 9"])
    }

    @Test func formerVersionIsWhatItWas() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"speed":5}"#, times: 15)
        try rig.send(#"{"speed":5.5,"fuel":1}"#, times: 15)
        try rig.settle()
        try rig.saveCounts()
        let former = try rig.export(version: 1)
        #expect(try property(former, "speed")["type"] as? String == "integer")
        #expect((former["properties"] as? [String: Any])?.count == 1)
        let latest = try rig.export()
        #expect(try property(latest, "speed")["type"] as? String == "number")
        for schema in [former, latest] { #expect(schema["required"] as? [String] == ["speed"]) }
    }

    @Test func keyOfDotsCostsNoLevelEach() throws {
        let key = String(repeating: ".", count: 20_000)
        let schema = try exported("{\"a\(key)\":1}")
        #expect(schema["type"] as? String == "object")
    }

    @Test func whatTheLogHasIsOfOneMomentAlsoBeforeCountsAreSaved() throws {
        let rig = try SchemaRig()
        for _ in 0..<3 { try rig.send(#"{"speed":5}"#, times: 7) }
        #expect(try rig.export()["required"] as? [String] == ["speed"], "learned")
        try rig.send([#"{"speed":5}"#, #"{"speed":5,"fuel":1}"#, #"{"speed":5}"#])
        try rig.restart()
        #expect(try rig.export()["required"] as? [String] == ["speed"], "killed within a burst")
        try rig.send(#"{"speed":5,"fuel":1}"#, times: 3)
        try rig.settle()
        #expect(try rig.export()["required"] as? [String] == ["speed"])
        #expect(try rig.content().version == 2)
    }

    @Test func indentKeepsTheContent() throws {
        let json = #"{"a":[],"b":{},"c":["x, [y]",1],"d":[{"e":"\"}"}],"f":{"g":[[1]]}}"#
        let text = JSONIndent.text(of: Array(json.utf8))
        #expect(text.contains("\"c\": [\"x, [y]\", 1],\n"))
        let left = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        let right = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
        #expect(left == right)
    }
}
