// SPDX-License-Identifier: Apache-2.0
// AWS Database Migration Service with Kafka or Kinesis as its target ("Message format for Apache
// Kafka" in the DMS user guide): `data` and `metadata`, and `control` for the table itself.

struct DMSFormat: ChangeFormat {
    let filter: TableFilter

    func places(in paths: [String]) -> ChangePlaces {
        let before = ["before-image.", "before."]
            .first { place in paths.contains { $0.hasPrefix(place) } }
        return ChangePlaces(row: "data.", before: before)
    }

    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change {
        guard let operation = fields.text("metadata.operation") else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "not of format dms: 'metadata.operation' is missing"
            )
        }
        let table = fields.text("metadata.table-name")
        let isOurs = filter.takes(schema: fields.text("metadata.schema-name"), table: table)
        // The service's own tables come through the same topic.
        guard isOurs, table?.hasPrefix("awsdms_") != true else {
            return Change(kind: .nothing, position: position(fields))
        }
        if fields.text("metadata.record-type") == "control" || fields.has("control") {
            return try control(operation, fields)
        }
        let kinds: [String: Change.Kind] = [
            "load": .load, "insert": .upsert, "update": .upsert, "delete": .delete,
        ]
        guard let kind = kinds[operation] else {
            throw DecodingFailure(kind: .wrongForm, reason: "unknown operation '\(operation)'")
        }
        guard fields.has("data") else {
            throw DecodingFailure(kind: .wrongForm, reason: "'data' is missing")
        }
        return Change(kind: kind, position: position(fields))
    }

    private func control(
        _ operation: String,
        _ fields: ChangeFields
    )
        throws(DecodingFailure) -> Change
    {
        var change = Change(kind: .nothing, position: position(fields))
        change.note = operation
        switch operation {
        // A task that loads anew drops and creates its target first; the rows follow.
        case "create-table", "drop-table": change.kind = .loadBegins
        case "truncate-table": change.kind = .truncate
        case "rename-table", "change-columns", "add-column", "drop-column", "rename-column",
            "column-type-change":
            break
        default:
            throw DecodingFailure(kind: .wrongForm, reason: "unknown operation '\(operation)'")
        }
        return change
    }

    /// `stream-position` orders transactions, `transaction-record-id` the changes of one; what a full
    /// load brings has neither.
    private func position(_ fields: ChangeFields) -> ChangePosition {
        let transport = fields.transportPosition
        let time = fields.text("metadata.timestamp").flatMap { Self.microseconds($0) }
        guard let place = fields.text("metadata.stream-position") else {
            return ChangePosition(time: time ?? transport.time)
        }
        let record = fields.text("metadata.transaction-record-id") ?? "0"
        return ChangePosition(
            time: time ?? transport.time,
            lineage: "dms",
            sequence: "\(place)/\(record)"
        )
    }

    /// RFC 3339 with a fraction of up to six digits.
    static func microseconds(_ text: String) -> Int64? {
        guard let time = Timestamp(iso8601: text) else { return nil }
        let fraction = text.drop { $0 != "." }.dropFirst().prefix { $0.isASCII && $0.isNumber }
        let rest = fraction.dropFirst(3).prefix(3)
        let digits = rest + String(repeating: "0", count: 3 - rest.count)
        return time.milliseconds * 1_000 + (Int64(digits) ?? 0)
    }
}
