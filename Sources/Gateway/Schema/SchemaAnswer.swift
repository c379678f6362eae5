// SPDX-License-Identifier: Apache-2.0
// What `gateway schema --json` prints and `/api/schemas` answers: the same bytes.

/// Writes groups, versions and differences as JSON.
enum SchemaAnswer {
    static func list(_ groups: [StoredSchemaGroup]) -> [UInt8] {
        var json = JSONWriter()
        json.raw(#"{"groups":["#)
        for group in groups {
            json.separate()
            json.raw("{")
            json.group(group.row)
            json.member("version")
            json.int(Int64(group.row.version))
            json.member("paths")
            json.int(Int64(group.pathCount))
            json.counts(group.row)
            json.raw("}")
        }
        json.raw("]}\n")
        return json.bytes
    }

    static func history(_ timeline: SchemaTimeline) -> [UInt8] {
        var json = JSONWriter()
        json.raw(#"{"versions":["#)
        for entry in timeline.entries {
            json.separate()
            json.raw("{")
            json.group(entry.group)
            json.member("version")
            json.int(Int64(entry.version.version))
            json.texts([
                ("time", entry.version.time.iso8601), ("fingerprint", entry.version.fingerprint),
            ])
            json.member("paths")
            json.int(Int64(entry.version.pathCount))
            json.member("event")
            json.raw(Array(entry.version.event.utf8))
            json.raw("}")
        }
        json.raw(#"],"older":"#)
        json.int(Int64(timeline.olderCount))
        json.raw("}\n")
        return json.bytes
    }

    static func show(_ content: SchemaContent, units: SchemaUnits) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{")
        json.group(content.group)
        json.member("version")
        json.int(Int64(content.version))
        json.counts(content.group)
        json.member("paths")
        json.raw("[")
        for path in content.paths {
            json.separate()
            json.path(path, share: path.share(of: content.group), unit: units[path])
        }
        json.raw("]}\n")
        return json.bytes
    }

    static func diff(_ diff: SchemaDiff) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{")
        for (name, content) in [("a", diff.first), ("b", diff.second)] {
            json.member(name)
            json.raw("{")
            json.group(content.group)
            json.member("version")
            json.int(Int64(content.version))
            json.raw("}")
        }
        json.member("equal")
        json.value(.bool(diff.isEqual))
        json.member("changes")
        json.raw("[")
        for difference in diff.differences {
            json.separate()
            json.difference(difference)
        }
        json.raw("]}\n")
        return json.bytes
    }
}

extension StoredSchemaPath {
    /// How much of the group's messages have it, from 0 to 1.
    func share(of group: SchemaGroupRow) -> Double {
        group.messages > 0 ? min(1, Double(count) / Double(group.messages)) : 0
    }
}

extension SchemaGroupRow {
    /// Whether its first version is known.
    var state: String { isSettled ? "learned" : "learning" }
}

extension JSONWriter {
    fileprivate mutating func group(_ group: SchemaGroupRow) {
        texts([("source", group.source), ("topic", group.topic), ("group", group.name)])
    }

    fileprivate mutating func counts(_ group: SchemaGroupRow) {
        member("messages")
        int(group.messages)
        texts([
            ("first_seen", group.firstSeen.iso8601), ("last_seen", group.lastSeen.iso8601),
            ("state", group.state),
        ])
    }

    fileprivate mutating func path(_ path: StoredSchemaPath, share: Double, unit: String?) {
        raw("{")
        texts([("path", path.key.path), ("type", path.key.type.rawValue)])
        if let unit { texts([("unit", unit)]) }
        member("count")
        int(path.count)
        member("share")
        double((share * 10_000).rounded() / 10_000)
        texts([("first_seen", path.firstSeen.iso8601), ("last_seen", path.lastSeen.iso8601)])
        for (name, bound) in [("minimum", path.minimum), ("maximum", path.maximum)] {
            guard let bound else { continue }
            member(name)
            self.bound(bound)
        }
        if path.key.type == .array {
            member("longest")
            int(Int64(path.lengthMax))
        }
        member("examples")
        raw("[")
        for example in path.examples {
            separate()
            raw(Array(example.utf8))
        }
        raw("]")
        member("added_in")
        int(Int64(path.addedIn))
        if let end = path.goneIn {
            member("gone_in")
            int(Int64(end))
        }
        raw("}")
    }

    fileprivate mutating func difference(_ difference: SchemaDifference) {
        raw("{")
        texts([("change", difference.kind.rawValue), ("path", difference.path)])
        if let former = difference.formerPath { texts([("former_path", former)]) }
        texts("before", difference.before.map(\.rawValue))
        texts("after", difference.after.map(\.rawValue))
        for (name, example) in [
            ("example_before", difference.exampleBefore),
            ("example_after", difference.exampleAfter),
        ] {
            guard let example else { continue }
            member(name)
            raw(Array(example.utf8))
        }
        if !difference.evidence.isEmpty { texts("evidence", difference.evidence) }
        if let unit = difference.unit { texts([("unit", unit)]) }
        raw("}")
    }
}
