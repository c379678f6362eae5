// SPDX-License-Identifier: Apache-2.0
// Bytes to changes of one table. As with readings, the layout of a message whose shape was seen
// before is remembered: which leaf is which column.
//
// Objects and arrays inside a row are flattened as readings are: `{"place": {"lat": 1}}` fills the
// column `place.lat`, and `{"tags": ["a"]}` the column `tags.0`. An empty one is null. A JSON column
// that the source sends as text stays text.

/// Decodes one table's change events; belongs to the intake thread.
final class ChangeDecoder {
    private let configuration: TableConfiguration
    private let limits: LimitsConfiguration
    private let format: any ChangeFormat
    private let parser: JSONParser
    private var columns: [ColumnConfiguration] = []
    private var readers: [ColumnReader] = []
    private var positions: [String: Int] = [:]
    private var keyColumns: [Int] = []
    private var layouts: [UInt64: ChangeLayout] = [:]
    private var document: JSONDocument?

    /// A document, the layout of one of its elements and where the leaves of that begin.
    private struct Place {
        var document: JSONDocument
        var layout: ChangeLayout
        var first: Int

        func value(_ leaf: Int) -> SignalValue? { document.value(at: first + leaf) }
    }

    init(
        configuration: TableConfiguration,
        limits: LimitsConfiguration,
        parser: JSONParser
    ) {
        self.configuration = configuration
        self.limits = limits
        self.parser = parser
        format = configuration.changeFormat
    }

    /// What the table's columns are from now on.
    func setColumns(_ columns: [ColumnConfiguration]) {
        self.columns = columns
        readers = columns.map { ColumnReader($0.type) }
        positions = Dictionary(columns.enumerated().map { ($1.name, $0) }) { first, _ in first }
        keyColumns = configuration.key.compactMap { positions[$0] }
        layouts.removeAll()
    }

    /// Parses a message and tells how many changes it holds.
    func parse(_ range: Range<Int>, in bytes: [UInt8]) throws(DecodingFailure) -> Int {
        guard range.count <= limits.payloadBytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "the payload is larger than limits.payload"
            )
        }
        do throws(JSONError) {
            let document = try parser.parse(bytes, in: range)
            self.document = document
            return document.count
        } catch {
            throw DecodingFailure(kind: .notJSON, reason: error.message, position: error.position)
        }
    }

    /// One of the changes of the message that was parsed last.
    func change(
        _ element: Int,
        of message: Message,
        record: RecordPlace?
    )
        throws(DecodingFailure) -> Change
    {
        let place = try place(of: element)
        var change = try interpret(place, message, record)
        switch change.kind {
        case .upsert, .load:
            try refuseUnknown(place.layout)
            // Columns that are not told are null: AWS DMS leaves those out.
            change.row = try values(place.layout.row, place, else: .null)
            change.before = try values(place.layout.before, place, else: nil)
            try requireKey(change.row)
        case .delete:
            // A delete names its row in what it was, or in what it is; the rest does not matter.
            change.row = try keys(place.layout.row, place)
            change.before = try keys(place.layout.before, place)
            try requireKey(isComplete(change.row) ? change.row : change.before)
        case .truncate, .loadBegins, .loadEnds, .nothing: break
        }
        return change
    }

    private func interpret(
        _ place: Place,
        _ message: Message,
        _ record: RecordPlace?
    ) throws(DecodingFailure) -> Change {
        try format.interpret(
            ChangeFields(
                value: { path in place.layout.leaves[path].flatMap { place.value($0) } },
                paths: place.layout.paths,
                arrival: message.arrival,
                record: record,
                topic: message.topic.name
            )
        )
    }

    // Inferring.

    /// What a change tells about columns that the table does not have yet, or not with a type.
    func discoveries(
        _ element: Int,
        of message: Message
    ) throws(DecodingFailure) -> [ColumnConfiguration] {
        let place = try place(of: element)
        let kind = try interpret(place, message, nil).kind
        guard kind == .upsert || kind == .load else { return [] }
        var found: [ColumnConfiguration] = []
        // SQL does not tell names apart by case; a second one is an unknown column.
        var names = Set(columns.map { $0.name.lowercased() })
        for unknown in place.layout.unknown
        where names.insert(unknown.name.lowercased()).inserted {
            let type = place.value(unknown.leaf).flatMap { ColumnType(of: $0) }
            found.append(ColumnConfiguration(name: unknown.name, type: type))
        }
        for (leaf, column) in place.layout.row {
            guard let value = place.value(leaf), value != .null,
                !DebeziumFormat.isUnavailable(value)
            else { continue }
            let known = columns[column]
            guard let type = known.type else {
                found.append(ColumnConfiguration(name: known.name, type: ColumnType(of: value)))
                continue
            }
            guard readers[column].read(value) == nil, let wider = type.widened(by: value) else {
                continue
            }
            found.append(ColumnConfiguration(name: known.name, type: wider))
        }
        return found
    }

    // The parts of a change.

    private func refuseUnknown(_ layout: ChangeLayout) throws(DecodingFailure) {
        guard !configuration.ignoresUnknownColumns, !layout.unknown.isEmpty else { return }
        let names = layout.unknown.prefix(10).map { "'\($0.name.prefix(100))'" }
        throw DecodingFailure(
            kind: .unknownColumn,
            reason: "table \(configuration.name) has no column \(names.joined(separator: ", ")); "
                + "name it under 'columns', or set 'unknown_columns: ignore'"
        )
    }

    private func values(
        _ places: [(leaf: Int, column: Int)],
        _ place: Place,
        else standard: SignalValue?
    ) throws(DecodingFailure) -> [SignalValue?] {
        var row = [SignalValue?](repeating: standard, count: columns.count)
        for (leaf, column) in places {
            let value = place.value(leaf) ?? .null
            guard DebeziumFormat.isUnavailable(value) else {
                row[column] = try read(value, column)
                continue
            }
            row[column] = nil
            // Of an array that is not told there is one element; the others stay as they are too.
            guard columns[column].name.hasSuffix(".0") else { continue }
            let array = columns[column].name.dropLast()
            for other in columns.indices where columns[other].name.hasPrefix(array) {
                row[other] = nil
            }
        }
        return row
    }

    private func keys(
        _ places: [(leaf: Int, column: Int)],
        _ place: Place
    ) throws(DecodingFailure) -> [SignalValue?] {
        try values(places.filter { keyColumns.contains($0.column) }, place, else: nil)
    }

    private func isComplete(_ row: [SignalValue?]) -> Bool {
        keyColumns.allSatisfy { row[$0] != nil && row[$0] != .null }
    }

    private func requireKey(_ row: [SignalValue?]) throws(DecodingFailure) {
        guard !isComplete(row) else { return }
        let absent = keyColumns.filter { row[$0] == nil || row[$0] == .null }
        let names = absent.map { "'\(columns[$0].name)'" }.joined(separator: ", ")
        throw DecodingFailure(
            kind: .noKey,
            reason: "the key of table \(configuration.name) is missing: \(names)"
        )
    }

    private func read(_ value: SignalValue, _ column: Int) throws(DecodingFailure) -> SignalValue {
        guard let read = readers[column].read(value) else {
            let name = columns[column].name
            throw DecodingFailure(
                kind: .wrongType,
                reason: "column '\(name)' of table \(configuration.name) is of type "
                    + "\(readers[column].type?.name ?? "text"), but its value is "
                    + "\(value.kind) \(value.text.prefix(100))\(hint(value, readers[column].type))"
            )
        }
        return read
    }

    /// What to do about a value of another type; empty when nothing is known.
    private func hint(_ value: SignalValue, _ type: ColumnType?) -> String {
        switch (configuration.format, type, value) {
        case (.dms, .int, .double):
            "; digits may be lost: set the endpoint's UseLargeIntegerValue"
        case (.debezium, .int, .text), (.debezium, .float, .text):
            "; if it is a decimal, set the connector's decimal.handling.mode to string or double"
        default: ""
        }
    }

    // Layouts.

    private func place(of element: Int) throws(DecodingFailure) -> Place {
        guard let document, document.isObject(element) else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "must be a JSON object or an array of objects"
            )
        }
        let leaves = document.leaves(of: element)
        let first = leaves.lowerBound
        let hash = document.hash(of: element)
        if let known = layouts[hash] {
            return Place(document: document, layout: known, first: first)
        }
        if layouts.count >= limits.shapesMax { layouts.removeAll() }
        let layout = ChangeLayout(
            leaves.map { parser.path(element: element, leaf: $0) },
            format: format,
            columns: positions
        )
        layouts[hash] = layout
        return Place(document: document, layout: layout, first: first)
    }

    // Keys.

    /// A key by itself, as of a Kafka tombstone: an object, with or without an envelope, or a scalar.
    func key(_ range: Range<Int>, in bytes: [UInt8]) throws(DecodingFailure) -> [SignalValue?] {
        var row = [SignalValue?](repeating: nil, count: columns.count)
        if let text = plainKey(range, in: bytes) {
            row[keyColumns[0]] = try read(.text(text), keyColumns[0])
            return row
        }
        guard try parse(range, in: bytes) == 1, let document else {
            throw DecodingFailure(kind: .noKey, reason: "the record's key is no object")
        }
        let leaves = document.leaves(of: 0)
        let list = leaves.map { parser.path(element: 0, leaf: $0) }
        let members = ChangePaths(list).members
        let hasEnvelope = members == ["schema", "payload"] && positions["schema"] == nil
        for (path, leaf) in zip(list, leaves) {
            let isBare = (path.isEmpty || hasEnvelope && path == "payload") && keyColumns.count == 1
            let name =
                hasEnvelope && path.hasPrefix("payload.") ? String(path.dropFirst(8)) : path
            guard let column = isBare ? keyColumns[0] : positions[name],
                let value = document.value(at: leaf)
            else { continue }
            row[column] = try read(value, column)
        }
        try requireKey(row)
        return row
    }

    /// A key of one column that is not JSON: what Kafka's StringSerializer writes.
    ///
    /// A text column takes it to the letter, so that 0012 and 1e5 stay what they are.
    private func plainKey(_ range: Range<Int>, in bytes: [UInt8]) -> String? {
        guard keyColumns.count == 1, columns[keyColumns[0]].type == .text,
            let first = bytes[range].first, !"\"{[ \t\r\n".utf8.contains(first)
        else { return nil }
        return String(validating: bytes[range], as: UTF8.self)
    }
}

extension SignalValue {
    /// What kind of value it is, for a message.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "the bool"
        case .int, .unsigned: "the whole number"
        case .double: "the number"
        case .text: "the text"
        }
    }
}
