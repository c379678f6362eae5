// SPDX-License-Identifier: Apache-2.0
// AWS Database Migration Service with Kafka or Kinesis as its target ("Message format for Apache
// Kafka" in the DMS user guide): `data` and `metadata`, and `control` for the table itself. By
// default `data` leaves out columns that are NULL.

struct DMSFormat: ChangeFormat {
    /// Members that a message has beside the image of the row before.
    private static let own: Set<Substring> = ["data", "metadata", "control"]
    /// What `add-before-image-columns` puts before a column's name.
    private static let beforeColumns = "data.BI_"

    let filter: TableFilter

    func places(in paths: ChangePaths) -> ChangePlaces {
        // The task's setting BeforeImageSettings.FieldName names the member.
        let member = paths.members.subtracting(Self.own).sorted()
            .first { paths.isNested(String($0)) }
        // `map-record-to-document` puts the row a level deeper.
        return ChangePlaces(
            row: paths.isNested("data._doc") ? "data._doc." : "data.",
            before: member.map { $0 + "." } ?? Self.beforeColumns
        )
    }

    func interpret(_ fields: ChangeFields) throws(DecodingFailure) -> Change {
        guard let operation = fields.text("metadata.operation") else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "not of format dms: 'metadata.operation' is missing"
            )
        }
        let table = fields.text("metadata.table-name")
        let isOurs = try filter.takes(
            schema: fields.text("metadata.schema-name"),
            table: table,
            at: "metadata.table-name"
        )
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

    /// A change of the table itself.
    ///
    /// A task that loads a table anew tells its target to drop and to create it, and the rows follow:
    /// both begin a load. The second of the two begins it again, which changes nothing, for between
    /// them there are no rows. A table that is dropped for good looks the same; then no row follows,
    /// and a load that ends without any must leave the table as it was. Columns that come, go or
    /// change their names show in the rows themselves; the note says so to people.
    private func control(
        _ operation: String,
        _ fields: ChangeFields
    )
        throws(DecodingFailure) -> Change
    {
        var change = Change(kind: .nothing, position: position(fields))
        change.note = operation
        switch operation {
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

    /// `stream-position` orders transactions, `transaction-record-id` the changes of one.
    ///
    /// What a full load brings has neither, nor has anything without the endpoint's setting
    /// IncludeTransactionDetails: then the time of its capture decides, to the microsecond.
    private func position(_ fields: ChangeFields) -> ChangePosition {
        let time =
            ["metadata.timestamp", "metadata.commit-timestamp"]
            .lazy.compactMap { fields.text($0).flatMap(Self.microseconds) }.first
            ?? fields.transportPosition.time
        guard let place = fields.text("metadata.stream-position") else {
            return ChangePosition(time: time)
        }
        let record = fields.text("metadata.transaction-record-id") ?? "0"
        return ChangePosition(time: time, lineage: "dms", sequence: "\(place)/\(record)")
    }

    /// RFC 3339, of whose fraction six digits count; without a zone it is UTC.
    static func microseconds(_ text: String) -> Int64? {
        guard let time = Timestamp(iso8601: text) ?? Timestamp(iso8601: text + "Z") else {
            return nil
        }
        let fraction = text.drop { $0 != "." }.dropFirst().prefix { $0.isASCII && $0.isNumber }
        let rest = fraction.dropFirst(3).prefix(3)
        let digits = rest + String(repeating: "0", count: 3 - rest.count)
        return time.microseconds + (Int64(digits) ?? 0)
    }
}
