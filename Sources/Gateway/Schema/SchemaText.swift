// SPDX-License-Identifier: Apache-2.0
// The schema history for a person at a terminal.

/// Writes histories and differences as text, and the rows of tables.
enum SchemaText {
    static let listColumns = [
        "source", "topic", "group", "version", "paths", "messages", "first seen", "last seen",
        "state",
    ]

    static func row(_ group: StoredSchemaGroup) -> [SQLValue] {
        [
            .text(group.row.source), .text(group.row.topic), .text(group.row.name),
            .int(Int64(group.row.version)), .int(Int64(group.pathCount)),
            .int(group.row.messages), .text(group.row.firstSeen.iso8601),
            .text(group.row.lastSeen.iso8601), .text(group.row.state),
        ]
    }

    static let pathColumns = [
        "path", "type", "unit", "count", "share %", "first seen", "last seen", "range", "examples",
    ]

    static func row(
        _ path: StoredSchemaPath,
        of group: SchemaGroupRow,
        units: SchemaUnits
    ) -> [SQLValue] {
        [
            .text(path.key.path), .text(path.key.type.rawValue), .text(units[path] ?? ""),
            .int(path.count), .double((path.share(of: group) * 1_000).rounded() / 10),
            .text(path.firstSeen.iso8601), .text(path.lastSeen.iso8601), .text(range(path)),
            .text(path.examples.joined(separator: ", ")),
        ]
    }

    private static func range(_ path: StoredSchemaPath) -> String {
        if path.key.type == .array { return "longest \(path.lengthMax)" }
        guard let minimum = path.minimum, let maximum = path.maximum else { return "" }
        return minimum == maximum ? brief(minimum) : "\(brief(minimum)) to \(brief(maximum))"
    }

    private static func brief(_ number: Double) -> String {
        var json = JSONWriter()
        json.bound(number)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// What the table of a version's paths stands under.
    static func heading(_ content: SchemaContent) -> String {
        visible(
            "\(content.group.place), version \(content.version)"
                + (content.version == content.group.version ? "" : " of \(content.group.version)")
                + ", \(content.group.messages) messages"
        ) + (content.group.isSettled ? "" : ", still learning") + "\n\n"
    }

    // History.

    static func history(_ timeline: SchemaTimeline) -> String {
        var text = ""
        var last: Int64?
        for entry in timeline.entries {
            if entry.group.id != last {
                text += (last == nil ? "" : "\n") + visible(entry.group.place) + "\n"
                last = entry.group.id
            }
            text += "\n" + version(entry.version)
        }
        if timeline.olderCount > 0 {
            text += "\n\(timeline.olderCount) older not shown; --limit shows more.\n"
        }
        return text
    }

    private static func paths(_ count: Int) -> String { "\(count) path\(count == 1 ? "" : "s")" }

    private static func version(_ version: SchemaVersionRow) -> String {
        let event = SchemaEvent(json: version.event)
        var head = [
            "version \(version.version)", version.time.iso8601, paths(version.pathCount),
        ]
        switch event?.change {
        case SchemaNews.Kind.learned.rawValue: head.append("learned")
        case SchemaNews.Kind.continued.rawValue:
            let former = event?.formerGroup.flatMap { $0.isEmpty ? nil : " \($0)" } ?? ""
            let number = event?.formerVersion.map { ", version \($0)" } ?? ""
            head.append("goes on from group\(former)\(number)")
        default: head.append(event?.severity ?? "")
        }
        let vehicles = event?.vehicles ?? []
        if !vehicles.isEmpty {
            let rest = (event?.vehicleCount ?? 0) - vehicles.count
            head.append(
                "first from \(vehicles.joined(separator: ", "))"
                    + (rest > 0 ? " and \(rest) more" : "")
            )
        }
        var text = "  " + visible(head.filter { !$0.isEmpty }.joined(separator: "   ")) + "\n"
        text += lines((event?.changes ?? []).map { Line($0) })
        if let more = event?.moreChanges {
            text += "    and \(more) more; gateway schema diff lists them\n"
        }
        return text
    }

    // Differences.

    static func diff(_ diff: SchemaDiff) -> String {
        var text = ""
        for (sign, content) in [("from", diff.first), ("to  ", diff.second)] {
            text += "\(sign)  \(visible(content.group.place)), version \(content.version)\n"
        }
        guard !diff.isEqual else {
            return text + "\nequal: \(paths(diff.second.paths.count))\n"
        }
        text += "\n" + lines(diff.differences.map { Line($0) })
        let count = diff.differences.count
        return text + "\n\(count) difference\(count == 1 ? "" : "s")\n"
    }

    // Lines.

    /// What has changed at one path: cells that stand under each other, and remarks below them.
    private struct Line {
        var cells: [String]
        var remarks: [String] = []

        init(_ change: SchemaEvent.Change) {
            cells = Self.cells(
                change.change,
                (change.formerPath, change.path),
                (change.before ?? [], change.after ?? []),
                (change.exampleBefore?.json, change.exampleAfter?.json),
                change.unit
            )
            cells.append(change.severity ?? "")
            if let evidence = change.evidence, !evidence.isEmpty {
                remarks.append(evidence.joined(separator: "; "))
            }
            if let alerts = change.alerts, !alerts.isEmpty {
                remarks.append("alerts read this: " + alerts.joined(separator: ", "))
            }
        }

        init(_ difference: SchemaDifference) {
            cells = Self.cells(
                difference.kind.rawValue,
                (difference.formerPath, difference.path),
                (difference.before.map(\.rawValue), difference.after.map(\.rawValue)),
                (difference.exampleBefore, difference.exampleAfter),
                difference.unit
            )
            if !difference.evidence.isEmpty {
                remarks.append(difference.evidence.joined(separator: "; "))
            }
        }

        private static func cells(
            _ kind: String,
            _ path: (former: String?, now: String),
            _ types: (before: [String], after: [String]),
            _ examples: (before: String?, after: String?),
            _ unit: String?
        ) -> [String] {
            let old = types.before.joined(separator: " or ")
            let new = types.after.joined(separator: " or ")
            let unit = unit.map { " (\($0))" } ?? ""
            return [
                kind, step(path.former, path.now) + unit,
                old == new ? new : step(old.isEmpty ? nil : old, new.isEmpty ? nil : new),
                step(examples.before, examples.after),
            ]
        }

        private static func step(_ before: String?, _ after: String?) -> String {
            switch (before, after) {
            case (let before?, let after?): "\(before) → \(after)"
            case (nil, let after?): after
            case (let before?, nil): before
            case (nil, nil): ""
            }
        }
    }

    /// A cell that is longer pushes its line to the right, and no other.
    private static let widthMax = 40

    private static func lines(_ lines: [Line]) -> String {
        let rows = lines.map { $0.cells.map(visible) }
        let widths = (0..<(rows.map(\.count).max() ?? 0))
            .map { column in
                rows.map { $0[column].count }.filter { $0 <= widthMax }.max() ?? 0
            }
        var text = ""
        for (line, row) in zip(lines, rows) {
            var cells = ""
            for (column, cell) in row.enumerated() where widths[column] > 0 || !cell.isEmpty {
                cells += (column > 0 ? "   " : "") + cell
                cells += String(repeating: " ", count: max(0, widths[column] - cell.count))
            }
            while cells.last == " " { cells.removeLast() }
            text += "    \(cells)\n"
            for remark in line.remarks { text += "        \(visible(remark))\n" }
        }
        return text
    }

    /// What vehicles have sent must not steer the terminal.
    private static func visible(_ text: String) -> String { TableWriter.visible(text) }
}
