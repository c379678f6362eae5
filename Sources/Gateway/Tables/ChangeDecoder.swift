// SPDX-License-Identifier: Apache-2.0
// Bytes to changes of one table. As with readings, the layout of a message whose shape was seen
// before is remembered: which leaf is which column.

/// Decodes one table's change events; belongs to the intake thread.
final class ChangeDecoder {
    /// Where a message of one shape has what.
    private struct Layout {
        /// Leaves and the column each fills.
        var row: [(leaf: Int, column: Int)] = []
        var before: [(leaf: Int, column: Int)] = []
        /// Columns that the table does not have.
        var unknown: [(leaf: Int, name: String)] = []
        /// All other leaves, by path.
        var leaves: [String: Int] = [:]
        /// Every path, and every path above one.
        var prefixes: Set<String> = []
    }

    private let configuration: TableConfiguration
    private let limits: LimitsConfiguration
    private let format: any ChangeFormat
    private let parser: JSONParser
    private var columns: [ColumnConfiguration] = []
    private var readers: [ColumnReader] = []
    private var positions: [String: Int] = [:]
    private var layouts: [UInt64: Layout] = [:]
    private var document: JSONDocument?

    init(
        configuration: TableConfiguration,
        limits: LimitsConfiguration,
        parser: JSONParser
    ) {
        self.configuration = configuration
        self.limits = limits
        self.parser = parser
        format = configuration.format.make(from: configuration.from)
    }

    /// What the table's columns are from now on.
    func setColumns(_ columns: [ColumnConfiguration]) {
        self.columns = columns
        readers = columns.map { ColumnReader($0.type) }
        positions = Dictionary(
            uniqueKeysWithValues: columns.enumerated().map { ($1.name, $0) }
        )
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
        let (document, layout, first) = try layout(of: element)
        var change = try interpret(layout, document, first, message, record)
        switch change.kind {
        case .upsert, .load:
            try refuseUnknown(layout)
            change.row = try row(layout, document, first)
            change.before = try values(layout.before, document, first, else: nil)
        case .delete:
            // A delete names its row in what it was, or in what it is; the rest does not matter.
            change.row = try keys(layout.row, document, first)
            change.before = try keys(layout.before, document, first)
        case .truncate, .loadBegins, .loadEnds, .nothing: break
        }
        return change
    }

    /// A key by itself, as of a Kafka tombstone: an object, with or without an envelope, or a scalar.
    func key(_ range: Range<Int>, in bytes: [UInt8]) throws(DecodingFailure) -> [SignalValue?] {
        guard try parse(range, in: bytes) == 1, let document else {
            throw DecodingFailure(kind: .noKey, reason: "the record's key is no object")
        }
        var row = [SignalValue?](repeating: nil, count: columns.count)
        for leaf in document.leaves(of: 0) {
            let path = parser.path(element: 0, leaf: leaf)
            let name = path.hasPrefix("payload.") ? String(path.dropFirst(8)) : path
            let isBare = path.isEmpty && configuration.key.count == 1
            guard let column = positions[isBare ? configuration.key[0] : name],
                let value = document.value(at: leaf)
            else { continue }
            row[column] = try read(value, column)
        }
        return row
    }

    // Inferring.

    /// What a change tells about columns that the table does not have yet, or not with a type.
    func discoveries(_ element: Int) throws(DecodingFailure) -> [ColumnConfiguration] {
        let (document, layout, first) = try layout(of: element)
        var found = layout.unknown.map { place in
            ColumnConfiguration(
                name: place.name,
                type: document.value(at: first + place.leaf).flatMap { ColumnType(of: $0) }
            )
        }
        for (leaf, column) in layout.row {
            guard let value = document.value(at: first + leaf), value != .null,
                value != .text(DebeziumFormat.unavailable)
            else { continue }
            guard let type = columns[column].type else {
                found.append(
                    ColumnConfiguration(name: columns[column].name, type: ColumnType(of: value))
                )
                continue
            }
            guard readers[column].read(value) == nil, let wider = type.widened(by: value) else {
                continue
            }
            found.append(ColumnConfiguration(name: columns[column].name, type: wider))
        }
        return found
    }

    // The parts of a change.

    private func interpret(
        _ layout: Layout,
        _ document: JSONDocument,
        _ first: Int,
        _ message: Message,
        _ record: RecordPlace?
    ) throws(DecodingFailure) -> Change {
        try format.interpret(
            ChangeFields(
                value: { path in layout.leaves[path].flatMap { document.value(at: first + $0) } },
                has: { layout.prefixes.contains($0) },
                arrival: message.arrival,
                record: record
            )
        )
    }

    private func refuseUnknown(_ layout: Layout) throws(DecodingFailure) {
        guard !configuration.ignoresUnknownColumns, !layout.unknown.isEmpty else { return }
        let names = layout.unknown.map { "'\($0.name)'" }.joined(separator: ", ")
        throw DecodingFailure(
            kind: .unknownColumn,
            reason: "table \(configuration.name) has no column \(names); name it under 'columns', "
                + "or set 'unknown_columns: ignore'"
        )
    }

    /// A row in which columns that are not told are null.
    private func row(
        _ layout: Layout,
        _ document: JSONDocument,
        _ first: Int
    ) throws(DecodingFailure) -> [SignalValue?] {
        try values(layout.row, document, first, else: .null)
    }

    private func values(
        _ places: [(leaf: Int, column: Int)],
        _ document: JSONDocument,
        _ first: Int,
        else standard: SignalValue?
    ) throws(DecodingFailure) -> [SignalValue?] {
        var row = [SignalValue?](repeating: standard, count: columns.count)
        for (leaf, column) in places {
            let value = document.value(at: first + leaf) ?? .null
            row[column] =
                value == .text(DebeziumFormat.unavailable) ? nil : try read(value, column)
        }
        return row
    }

    private func keys(
        _ places: [(leaf: Int, column: Int)],
        _ document: JSONDocument,
        _ first: Int
    ) throws(DecodingFailure) -> [SignalValue?] {
        let wanted = places.filter { configuration.key.contains(columns[$0.column].name) }
        return try values(wanted, document, first, else: nil)
    }

    private func read(_ value: SignalValue, _ column: Int) throws(DecodingFailure) -> SignalValue {
        guard let read = readers[column].read(value) else {
            let name = columns[column].name
            throw DecodingFailure(
                kind: .wrongType,
                reason: "column '\(name)' of table \(configuration.name) is of type "
                    + "\(readers[column].type?.name ?? "text"), but its value is "
                    + "\(value.kind) \(value.text.prefix(100))"
            )
        }
        return read
    }

    // Layouts.

    private func layout(
        of element: Int
    )
        throws(DecodingFailure) -> (JSONDocument, Layout, first: Int)
    {
        guard let document, document.isObject(element) else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "must be a JSON object or an array of objects"
            )
        }
        let first = document.leaves(of: element).lowerBound
        let hash = document.hash(of: element)
        if let known = layouts[hash] { return (document, known, first) }
        if layouts.count >= limits.shapesMax { layouts.removeAll() }
        let layout = makeLayout(
            document.leaves(of: element).map { parser.path(element: element, leaf: $0) }
        )
        layouts[hash] = layout
        return (document, layout, first)
    }

    private func makeLayout(_ paths: [String]) -> Layout {
        let places = format.places(in: paths)
        var layout = Layout()
        for (leaf, path) in paths.enumerated() {
            for prefix in Self.prefixes(of: path) { layout.prefixes.insert(prefix) }
            if let before = places.before, path.hasPrefix(before) {
                let name = String(path.dropFirst(before.count))
                if let column = positions[name] { layout.before.append((leaf, column)) }
                continue
            }
            layout.leaves[path] = leaf
            guard let row = places.row, path.hasPrefix(row) else { continue }
            let name = String(path.dropFirst(row.count))
            guard !name.isEmpty, places.isColumn(name) else { continue }
            if let column = positions[name] {
                layout.row.append((leaf, column))
            } else {
                layout.unknown.append((leaf, name))
            }
        }
        return layout
    }

    /// `a`, `a.b` and `a.b.c` of `a.b.c`.
    private static func prefixes(of path: String) -> [String] {
        path.indices.filter { path[$0] == "." }.map { String(path[..<$0]) } + [path]
    }
}

extension SignalValue {
    /// What kind of value it is, for a message.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "the bool"
        case .int: "the whole number"
        case .double: "the number"
        case .text: "the text"
        }
    }
}
