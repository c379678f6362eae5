// SPDX-License-Identifier: Apache-2.0
// Which groups and versions a person means, and what comes back.
import Foundation
import GRDB
import Testing

@testable import Gateway

@Suite struct SchemaReaderTests {
    @Test(arguments: [
        ("3", SchemaReference.version(3)), ("4.2", .group("4.2", version: nil)),
        ("4.2@7", .group("4.2", version: 7)), ("5@latest", .group("5", version: nil)),
        ("@2", .group("", version: 2)), ("a@b", .group("a@b", version: nil)),
        ("a@b@2", .group("a@b", version: 2)), ("", .group("", version: nil)),
        ("99999999999999999999", .group("99999999999999999999", version: nil)),
    ])
    func referenceIsRead(text: String, reference: SchemaReference) {
        #expect(SchemaReference(text) == reference)
    }

    @Test func groupsAreListedWithWhatTheyHave() throws {
        let rig = try SchemaRollout().rig
        let groups = try rig.ask { try $0.groups(SchemaSelection()) }
        #expect(groups.map(\.row.name) == ["4.1", "4.2"])
        #expect(groups.map(\.row.messages) == [12, 2])
        #expect(groups.map(\.row.version) == [1, 3])
        #expect(groups.map(\.pathCount) == [3, 7])
        let none = try rig.ask { try $0.groups(SchemaSelection(source: "x")) }
        #expect(none.isEmpty)
    }

    @Test func whatIsLearnedOrOpenIsCountedAsTheVersionHasIt() throws {
        let rig = try SchemaRig()
        try rig.send(#"{"a":1,"b":2}"#)
        let learning = try rig.ask { try $0.groups(SchemaSelection()) }
        #expect(learning.map(\.pathCount) == [2])
        #expect(learning.map(\.row.state) == ["learning"])
        try rig.send(#"{"a":1,"b":2}"#, times: 12)
        try rig.send(#"{"a":1.5,"b":2,"c":3}"#)
        // The burst is open: neither c nor the float is part of a version.
        #expect(try rig.content().paths.map(\.key.type) == [.int, .int])
        try rig.settle()
        #expect(try rig.content().paths.map(\.key.path) == ["a", "b", "c"])
        #expect(try rig.content(version: 1).paths.map(\.goneIn) == [2, nil])
    }

    @Test(arguments: [
        (
            SchemaSelection(),
            "2 groups match; say which with --group:\n  source vehicles, topic "
                + "fleet/{vehicle}/state, group 4.1\n"
        ),
        (
            SchemaSelection(group: "4.3"),
            "no group matches; did you mean '4.1'? Known are:\n  source"
        ),
        (SchemaSelection(source: "vehicle"), "no group matches; did you mean 'vehicles'?"),
        (SchemaSelection(source: "x", group: "4.1"), "no group matches; known are:\n  source"),
    ])
    func selectionThatIsNotOneGroupIsExplained(selection: SchemaSelection, message: String) throws {
        let rig = try SchemaRollout().rig
        let refusal = #expect(throws: SchemaRefusal.self) { try rig.content(selection) }
        #expect(refusal?.message.hasPrefix(message) == true, "\(refusal?.message ?? "")")
    }

    @Test func versionThatIsNotThereIsExplained() throws {
        let rig = try SchemaRollout().rig
        for (group, version, message) in [
            ("4.2", 4, "has versions 1 to 3, and no version 4"), ("4.2", 0, "no version 0"),
            ("4.1", 2, "has only version 1, and no version 2"),
        ] {
            let refusal = #expect(throws: SchemaRefusal.self) {
                try rig.content(SchemaSelection(group: group), version: version)
            }
            #expect(refusal?.message.hasSuffix(message) == true, "\(refusal?.message ?? "")")
        }
    }

    @Test func nothingSeenIsSaid() throws {
        let rig = try SchemaRig()
        let refusal = #expect(throws: SchemaRefusal.self) { try rig.content() }
        #expect(refusal?.message == "no schema was seen yet")
    }

    @Test func historyKeepsTheNewest() throws {
        let rig = try SchemaRollout().rig
        let two = try rig.ask {
            try $0.timeline(of: SchemaSelection(), count: 2, bytesMax: .max)
        }
        #expect(two.entries.map { "\($0.group.name) \($0.version.version)" } == ["4.2 2", "4.2 3"])
        #expect(two.olderCount == 2)
        // However few bytes there are, the newest is told.
        let one = try rig.ask { try $0.timeline(of: SchemaSelection(), count: 9, bytesMax: 1) }
        #expect(one.entries.map(\.version.version) == [3])
        #expect(one.olderCount == 3)
    }

    @Test func differencesGoBothWaysAndAreNoneToOneself() throws {
        let rollout = try SchemaRollout()
        func diff(_ first: String, _ second: String) throws -> [String] {
            try rollout.rig
                .ask {
                    try $0.diff(
                        SchemaReference(first),
                        SchemaReference(second),
                        SchemaSelection(),
                        units: rollout.units
                    )
                }
                .differences.map { "\($0.kind.rawValue) \($0.path)" }
        }
        #expect(try diff("4.2", "4.2@3") == [])
        // What 4.2 began with is what 4.1 has.
        #expect(try diff("4.1", "4.2@1") == [])
        #expect(try diff("4.2@2", "4.2@3") == ["path_added body", "path_added note"])
        #expect(try diff("4.2@3", "4.2@2") == ["path_gone body", "path_gone note"])
    }

    @Test func logOfAnOlderGatewayHasNoHistory() throws {
        let rig = try SchemaRig()
        try rig.gateway.log.pool.write { try $0.execute(sql: "DROP TABLE schema_group") }
        #expect(throws: QueryError.self) { try rig.content() }
    }

    @Test func snapshotSeesOneState() throws {
        let rig = try SchemaRollout().rig
        let counts = try rig.ask { reader in
            let before = try reader.groups(SchemaSelection()).count
            try rig.gateway.log.pool.write { try $0.execute(sql: "DELETE FROM schema_group") }
            return [before, try reader.groups(SchemaSelection()).count]
        }
        #expect(counts == [2, 2])
    }
}
