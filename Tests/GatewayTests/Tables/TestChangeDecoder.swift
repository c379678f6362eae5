// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

/// A change and its columns by name.
struct DecodedChange {
    var change: Change
    /// Columns that are told, null included.
    var row: [String: SignalValue]
    var before: [String: SignalValue]

    var kind: Change.Kind { change.kind }
}

/// The decoder of one table.
struct TestChangeDecoder {
    private let decoder: ChangeDecoder
    private let columns: [ColumnConfiguration]

    init(
        _ format: ChangeFormatConfiguration,
        key: [String] = ["id"],
        columns: KeyValuePairs<String, ColumnType?> = ["id": .int, "name": .text],
        from: String? = nil,
        ignoresUnknownColumns: Bool = false
    ) {
        var table = TableConfiguration(
            name: "car",
            key: key,
            format: format,
            feed: .file(FileFeedConfiguration(path: "/car.jsonl", format: .jsonl))
        )
        table.from = from
        table.ignoresUnknownColumns = ignoresUnknownColumns
        self.columns = columns.map { ColumnConfiguration(name: $0.key, type: $0.value) }
        let limits = LimitsConfiguration()
        decoder = ChangeDecoder(
            configuration: table,
            limits: limits,
            parser: JSONParser(depthMax: limits.depthMax)
        )
        decoder.setColumns(self.columns)
    }

    /// All changes of a payload.
    func decode(
        _ payload: String,
        arrival: Timestamp = .seconds(0),
        record: RecordPlace? = nil
    ) throws -> [DecodedChange] {
        var batch = MessageBatch()
        batch.append(TestMessage("table/car", payload, arrival: arrival), patterns: [])
        let message = batch.messages[0]
        return try (0..<decoder.parse(message.payload, in: batch.bytes))
            .map { element in
                let change = try decoder.change(element, of: message, record: record)
                return DecodedChange(
                    change: change,
                    row: named(change.row),
                    before: named(change.before)
                )
            }
    }

    /// The only change of a payload.
    func one(
        _ payload: String,
        arrival: Timestamp = .seconds(0),
        record: RecordPlace? = nil
    ) throws -> DecodedChange {
        let changes = try decode(payload, arrival: arrival, record: record)
        try #require(changes.count == 1)
        return changes[0]
    }

    func position(_ payload: String) throws -> ChangePosition { try one(payload).change.position }

    /// Why a payload is refused; `nil` when it is not.
    func failure(_ payload: String) -> DecodingFailure? {
        do {
            _ = try decode(payload)
            return nil
        } catch {
            return error as? DecodingFailure
        }
    }

    /// The columns of a record's key.
    func key(_ text: String) throws -> [String: SignalValue] {
        let (bytes, range) = Self.padded(text)
        return named(try decoder.key(range, in: bytes))
    }

    func discoveries(_ payload: String) throws -> [ColumnConfiguration] {
        let (bytes, range) = Self.padded(payload)
        _ = try decoder.parse(range, in: bytes)
        let message = Message(
            source: 0,
            topic: Topic(name: "cdc", patterns: []),
            payload: range,
            qos: 1,
            packetID: 1,
            arrival: .seconds(0)
        )
        return try decoder.discoveries(0, of: message)
    }

    private func named(_ row: [SignalValue?]) -> [String: SignalValue] {
        Dictionary(
            zip(columns, row).compactMap { column, value in value.map { (column.name, $0) } }
        ) { $1 }
    }

    private static func padded(_ text: String) -> ([UInt8], Range<Int>) {
        let bytes = Array(text.utf8)
        return (bytes + [UInt8](repeating: 0, count: JSONParser.padding), 0..<bytes.count)
    }
}

/// The documented examples of change events in the shared data.
enum ChangeExamples {
    static let folder = "cdc"

    /// The messages of a file by line, from 1 on; `nil` where an example is no JSON, or several.
    static func messages(_ name: String) throws -> [String?] {
        let file = SharedData.folder.appendingPathComponent("\(folder)/\(name).jsonl")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .map { line in
                let root = try JSONSerialization.jsonObject(with: Data(line.utf8))
                guard let message = (root as? [String: Any])?["message"] else { return nil }
                let data = try JSONSerialization.data(withJSONObject: message)
                return String(data: data, encoding: .utf8)
            }
    }
}

extension SignalValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    init(integerLiteral value: Int64) { self = .int(value) }
    init(stringLiteral value: String) { self = .text(value) }
}

extension ColumnType {
    /// A time in a format as the configuration writes it.
    static func time(written text: String) -> ColumnType {
        guard let format = EventTimeFormat(text) else { preconditionFailure("no format: \(text)") }
        return .time(format)
    }
}
