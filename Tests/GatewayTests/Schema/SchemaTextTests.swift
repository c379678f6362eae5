// SPDX-License-Identifier: Apache-2.0
// What a person reads of a roll-out, to the letter.
import Foundation
import Testing

@testable import Gateway

@Suite struct SchemaTextTests {
    /// What a table writes.
    private func table(_ columns: [String], _ rows: [[SQLValue]]) throws -> String {
        let folder = try TemporaryFolder()
        let path = try folder.write("", to: "out")
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let output = ResultOutput(
            descriptor: file.fileDescriptor,
            budget: QueryBudget(milliseconds: 30_000)
        )
        let table = TableWriter(output, columns: columns)
        for row in rows { try table.write(row) }
        try table.finish()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.replacing(" \n", with: "\n")
    }

    @Test func listIsGoodReading() throws {
        let rig = try SchemaRollout().rig
        let groups = try rig.ask { try $0.groups(SchemaSelection()) }
        let text = try table(SchemaText.listColumns, groups.map { SchemaText.row($0) })
        #expect(
            text == #"""
                source   | topic                 | group | version | paths | messages | first seen               | last seen                | state
                ---------+-----------------------+-------+---------+-------+----------+--------------------------+--------------------------+--------
                vehicles | fleet/{vehicle}/state | 4.1   |       1 |     3 |       12 | 2026-01-05T08:00:00.010Z | 2026-01-05T08:00:00.120Z | learned
                vehicles | fleet/{vehicle}/state | 4.2   |       3 |     7 |        2 | 2026-01-05T08:00:00.130Z | 2026-01-05T08:00:10.140Z | learned

                """#
        )
    }

    @Test func showIsGoodReading() throws {
        let rollout = try SchemaRollout()
        let content = try rollout.rig.content(SchemaSelection(group: "4.2"))
        let rows = content.paths.map {
            SchemaText.row($0, of: content.group, units: rollout.units)
        }
        let text = SchemaText.heading(content) + (try table(SchemaText.pathColumns, rows))
        #expect(
            text == #"""
                source vehicles, topic fleet/{vehicle}/state, group 4.2, version 3, 2 messages

                path       | type  | unit | count | share % | first seen               | last seen                | range        | examples
                -----------+-------+------+-------+---------+--------------------------+--------------------------+--------------+-------------
                body       | null  |      |     1 |    50.0 | 2026-01-05T08:00:10.140Z | 2026-01-05T08:00:10.140Z |              |
                body.doors | text  |      |     1 |    50.0 | 2026-01-05T08:00:00.130Z | 2026-01-05T08:00:00.130Z |              | "open"
                fw         | text  |      |     2 |   100.0 | 2026-01-05T08:00:00.130Z | 2026-01-05T08:00:10.140Z |              | "4.1", "4.2"
                mileage    | int   |      |     2 |   100.0 | 2026-01-05T08:00:00.130Z | 2026-01-05T08:00:10.140Z | 1211 to 1212 | 1211, 1212
                note       | text  |      |     1 |    50.0 | 2026-01-05T08:00:10.140Z | 2026-01-05T08:00:10.140Z |              | "ice"
                odometer   | int   |      |     0 |     0.0 | 2026-01-05T08:00:00.130Z | 2026-01-05T08:00:00.130Z | 1200 to 1203 | 1200, 1203
                speed      | float | km/h |     2 |   100.0 | 2026-01-05T08:00:00.130Z | 2026-01-05T08:00:10.140Z | 0 to 6       | 0, 6

                """#
        )
    }

    /// A vehicle must not steer the terminal of who looks at it.
    @Test func controlCharactersAreShown() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"a":1}"#, times: 15)
        try rig.send("{\"b\u{9B}2J\":\"\u{9B}31m\"}", vehicle: "c\u{1B}[0m")
        try rig.settle()
        let timeline = try rig.ask {
            try $0.timeline(of: SchemaSelection(), count: 100, bytesMax: .max)
        }
        let text = SchemaText.history(timeline)
        #expect(text.contains("b\\u{9b}2J"), "\(text)")
        let controls = text.unicodeScalars.filter { $0.properties.generalCategory == .control }
        #expect(controls.allSatisfy { $0 == "\n" })
    }

    @Test func historyIsGoodReading() throws {
        let rig = try SchemaRollout().rig
        let timeline = try rig.ask {
            try $0.timeline(of: SchemaSelection(), count: 100, bytesMax: .max)
        }
        #expect(
            SchemaText.history(timeline) == #"""
                source vehicles, topic fleet/{vehicle}/state, group 4.1

                  version 1   2026-01-05T08:00:00.110Z   3 paths   learned

                source vehicles, topic fleet/{vehicle}/state, group 4.2

                  version 1   2026-01-05T08:00:00.130Z   3 paths   goes on from group 4.1, version 1

                  version 2   2026-01-05T08:00:00.130Z   5 paths   warning   first from a
                    likely_rename   odometer → mileage   int           1211 → 1211   warning
                        same type; same value as the vehicle's last
                    path_added      body.doors           text          "open"        info
                    type_widened    speed (km/h)         int → float   5.5           info

                  version 3   2026-01-05T08:00:10.140Z   7 paths   info   first from a
                    path_added   body   null           info
                    path_added   note   text   "ice"   info

                """#
        )
    }

    @Test func diffIsGoodReading() throws {
        let rollout = try SchemaRollout()
        let diff = try rollout.rig.ask {
            try $0.diff(
                SchemaReference("4.1"),
                SchemaReference("4.2@2"),
                SchemaSelection(),
                units: rollout.units
            )
        }
        #expect(
            SchemaText.diff(diff) == #"""
                from  source vehicles, topic fleet/{vehicle}/state, group 4.1, version 1
                to    source vehicles, topic fleet/{vehicle}/state, group 4.2, version 2

                    path_added      body.doors           text          "open"
                    likely_rename   odometer → mileage   int           1203 → 1212
                        same type; same value as the vehicle's last
                    type_widened    speed (km/h)         int → float   3 → 6

                3 differences

                """#
        )
    }

    @Test func exportIsGoodReading() throws {
        let rollout = try SchemaRollout()
        let content = try rollout.rig.content(SchemaSelection(group: "4.2"))
        let json = SchemaDocument.json(
            of: content,
            units: rollout.units,
            options: .init(hasRanges: true)
        )
        #expect(
            JSONIndent.text(of: json) == #"""
                {
                  "$schema": "http://json-schema.org/draft-07/schema#",
                  "title": "source vehicles, topic fleet/{vehicle}/state, group 4.2, version 3",
                  "$comment": "What 2 messages from 2026-01-05T08:00:00.130Z to 2026-01-05T08:00:10.140Z had. Dots inside keys look like nesting.",
                  "type": "object",
                  "required": ["fw", "mileage", "speed"],
                  "properties": {
                    "body": {
                      "description": "in 1 of 2 messages, first seen 2026-01-05T08:00:10.140Z, last seen 2026-01-05T08:00:10.140Z",
                      "type": ["object", "null"],
                      "properties": {
                        "doors": {
                          "description": "in 1 of 2 messages, first seen 2026-01-05T08:00:00.130Z, last seen 2026-01-05T08:00:00.130Z",
                          "type": "string",
                          "examples": ["open"]
                        }
                      }
                    },
                    "fw": {
                      "description": "in 2 of 2 messages, first seen 2026-01-05T08:00:00.130Z, last seen 2026-01-05T08:00:10.140Z",
                      "type": "string",
                      "examples": ["4.1", "4.2"]
                    },
                    "mileage": {
                      "description": "in 2 of 2 messages, first seen 2026-01-05T08:00:00.130Z, last seen 2026-01-05T08:00:10.140Z",
                      "type": "integer",
                      "minimum": 1211,
                      "maximum": 1212,
                      "examples": [1211, 1212]
                    },
                    "note": {
                      "description": "in 1 of 2 messages, first seen 2026-01-05T08:00:10.140Z, last seen 2026-01-05T08:00:10.140Z",
                      "type": "string",
                      "examples": ["ice"]
                    },
                    "odometer": {
                      "description": "in none of 2 messages; the vehicles' former group had it",
                      "type": "integer",
                      "minimum": 1200,
                      "maximum": 1203,
                      "examples": [1200, 1203]
                    },
                    "speed": {
                      "description": "in 2 of 2 messages, first seen 2026-01-05T08:00:00.130Z, last seen 2026-01-05T08:00:10.140Z",
                      "unit": "km/h",
                      "type": "number",
                      "minimum": 0,
                      "maximum": 6,
                      "examples": [0, 6]
                    }
                  }
                }

                """#
        )
    }
}
