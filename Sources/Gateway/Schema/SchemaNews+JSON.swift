// SPDX-License-Identifier: Apache-2.0
// The events of the `schema` stream that tell of vehicles: one line, the most important first.

extension SchemaNews {
    /// Changes that one event lists; the others are counted.
    static let changesMax = 500

    var severity: SchemaSeverity { changes.map(\.severity).max() ?? .none }

    /// What a person reads first.
    var summary: String {
        let place = group.name.isEmpty ? group.topic : "\(group.topic) (\(group.name))"
        switch kind {
        case .learned: return "\(place): version 1 is known, \(pathCount) paths"
        case .continued:
            let former =
                group.parent.map { "'\($0.name)' version \($0.version)" } ?? "another group"
            return "\(place): goes on from \(former)"
        case .changed: break
        }
        let told = changes.filter { $0.severity > .none }
        var parts: [String] = []
        // What matters most stands first; among equals what is said about one path in full.
        for kind in SchemaChange.Kind.allCases.sorted(by: { rank($0) > rank($1) }) {
            let same = told.filter { $0.kind == kind }
            switch same.count {
            case 0: continue
            case 1...2: parts += same.map(\.sentence)
            default: parts.append("\(same.count) paths \(kind.words)")
            }
        }
        let alerts = Set(told.flatMap(\.alerts)).count
        if alerts > 0 {
            parts.append(alerts == 1 ? "1 alert reads this" : "\(alerts) alerts read this")
        }
        return "\(place): " + parts.joined(separator: "; ")
    }

    private func rank(_ kind: SchemaChange.Kind) -> Int {
        let severity = changes.filter { $0.kind == kind }.map(\.severity).max() ?? .none
        let order = SchemaChange.Kind.allCases.firstIndex(of: kind) ?? 0
        return (SchemaSeverity.allCases.firstIndex(of: severity) ?? 0) * 100 - order
    }
}

extension SchemaChange.Kind {
    /// What has happened to the paths.
    fileprivate var words: String {
        switch self {
        case .pathAdded: "added"
        case .pathGone: "gone"
        case .typeChanged: "of another type"
        case .typeWidened: "widened to float"
        case .typeGone: "lost a type"
        case .nullability: "null or empty, or not any more"
        case .arrayGrown: "longer"
        case .likelyRename: "probably renamed"
        case .unitJump: "probably in another unit"
        }
    }
}

extension SchemaChange {
    fileprivate var sentence: String {
        func names(_ types: [SchemaType]) -> String {
            types.map(\.rawValue).joined(separator: " or ")
        }
        return switch kind {
        case .pathAdded: "\(path) added (\(names(after)))"
        case .pathGone: "\(path) gone"
        case .typeChanged: "\(path) changed from \(names(before)) to \(names(after))"
        case .typeWidened: "\(path) widened from int to float"
        case .typeGone: "\(path) is only \(names(after)) since"
        case .nullability: "\(path) is \(names(after)) since"
        case .arrayGrown:
            "\(path) grew from \(exampleBefore?.text ?? "?") to \(exampleAfter?.text ?? "?")"
        case .likelyRename: "\(formerPath ?? "?") is probably called \(path) since"
        case .unitJump: "\(path) is probably told in another unit (\(evidence.first ?? ""))"
        }
    }
}

extension JSONWriter {
    /// An event of the `schema` stream.
    mutating func schema(_ news: SchemaNews, gateway: String) {
        raw("{")
        texts([
            ("time", news.time.iso8601), ("change", news.kind.rawValue),
            ("severity", (news.kind == .changed ? news.severity : .info).rawValue),
            ("summary", news.summary), ("gateway", gateway), ("source", news.group.source),
            ("topic", news.group.topic), ("group", news.group.name),
        ])
        if let parent = news.group.parent, news.kind == .continued {
            member("former_group")
            string(parent.name)
            member("former_version")
            int(Int64(parent.version))
        }
        member("from")
        int(Int64(news.from))
        member("to")
        int(Int64(news.to))
        if news.kind == .changed {
            texts("vehicles", news.vehicles)
            if news.vehicleCount > news.vehicles.count {
                member("vehicle_count")
                int(Int64(news.vehicleCount))
            }
            changes(news.changes.filter { $0.severity > .none })
        } else {
            member("paths")
            int(Int64(news.pathCount))
        }
        raw("}")
    }

    private mutating func changes(_ changes: [SchemaChange]) {
        member("changes")
        raw("[")
        for change in changes.prefix(SchemaNews.changesMax) {
            separate()
            self.change(change)
        }
        raw("]")
        guard changes.count > SchemaNews.changesMax else { return }
        member("more_changes")
        int(Int64(changes.count - SchemaNews.changesMax))
    }

    private mutating func change(_ change: SchemaChange) {
        raw("{")
        texts([("change", change.kind.rawValue), ("path", change.path)])
        if let former = change.formerPath { texts([("former_path", former)]) }
        for (name, types) in [("before", change.before), ("after", change.after)]
        where !types.isEmpty {
            texts(name, types.map(\.rawValue))
        }
        for (name, example) in [
            ("example_before", change.exampleBefore), ("example_after", change.exampleAfter),
        ] {
            guard let example else { continue }
            member(name)
            value(example)
        }
        if !change.evidence.isEmpty { texts("evidence", change.evidence) }
        if let unit = change.unit { texts([("unit", unit)]) }
        texts([("severity", change.severity.rawValue)])
        if !change.alerts.isEmpty { texts("alerts", change.alerts) }
        raw("}")
    }
}
