// SPDX-License-Identifier: Apache-2.0
// Bytes to readings. One decoder serves one configured topic of one source; shapes that it has
// seen are remembered, so that a known one costs a parse, a look-up and the copy of its values.

/// Decodes the messages of one configured topic; belongs to the intake thread.
final class MessageDecoder {
    private let configuration: TopicConfiguration
    private let limits: LimitsConfiguration
    private let clock: ClockConfiguration
    private let opener: PayloadOpener
    private let sparkplug: SparkplugTranslator?
    private let parser: JSONParser
    private let signals: SignalTable
    private let timeReader: EventTimeReader?
    private var shapes: [ShapeKey: Shape] = [:]
    private var document: JSONDocument?
    private var text: SignalValue?

    /// The values of the current reading, by column; `nil` where the payload has no scalar.
    private(set) var values: [SignalValue?] = []

    /// A shape of JSON, and what outside the JSON decides the names: the topic or a name field.
    private struct ShapeKey: Hashable {
        var hash: UInt64
        var name: String?
    }

    init(
        configuration: TopicConfiguration,
        limits: LimitsConfiguration,
        clock: ClockConfiguration,
        parser: JSONParser,
        signals: SignalTable,
        sparkplug: SparkplugNodes = SparkplugNodes()
    ) {
        self.configuration = configuration
        self.limits = limits
        self.clock = clock
        opener = PayloadOpener(configuration, limits: limits)
        self.sparkplug =
            configuration.format == .sparkplugB
            ? SparkplugTranslator(limits: limits, nodes: sparkplug) : nil
        self.parser = parser
        self.signals = signals
        timeReader = configuration.eventTime.map { EventTimeReader($0) }
    }

    /// The message that was parsed last stands in its payload as it was read.
    var wasPlain: Bool { opener.wasPlain }

    /// Parses a message and tells how many readings it holds.
    func parse(_ message: Message, in batch: MessageBatch) throws(DecodingFailure) -> Int {
        var payload = try opener.open(batch.bytes, message.payload)
        if let sparkplug { payload = try sparkplug.translate(payload, of: message) }
        if configuration.format == .text {
            guard let word = String(validating: payload.bytes[payload.range], as: UTF8.self) else {
                throw DecodingFailure(kind: .notText, reason: "not valid UTF-8")
            }
            text = SignalValue(scalar: word)
            return 1
        }
        do {
            let document = try parser.parse(payload.bytes, in: payload.range)
            self.document = document
            return document.count
        } catch {
            throw DecodingFailure(
                kind: .notJSON,
                reason: opener.located(error.message),
                position: error.position
            )
        }
    }

    /// One of the readings of the message that was parsed last.
    func reading(_ element: Int, of message: Message) throws(DecodingFailure) -> Reading {
        let shape: Shape
        switch configuration.format {
        case .object, .sparkplugB: shape = try objectShape(element)
        case .nameValue: shape = try nameValueShape(element)
        case .scalar: shape = try scalarShape(element, topic: message.topic)
        case .text: shape = try textShape(topic: message.topic)
        }
        let vehicle = try vehicle(shape, element, topic: message.topic)
        let (eventTime, flag) = eventTime(shape, element, arrival: message.arrival)
        return Reading(
            vehicle: vehicle,
            eventTime: eventTime,
            arrival: message.arrival,
            clockFlag: flag,
            shape: shape
        )
    }

    private func objectShape(_ element: Int) throws(DecodingFailure) -> Shape {
        guard let document, document.isObject(element) else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "must be a JSON object or an array of objects"
            )
        }
        let leaves = document.leaves(of: element)
        let shape = try remembered(ShapeKey(hash: document.hash(of: element), name: nil)) {
            paths(element).enumerated()
                .map { leaf, path in
                    Shape.Column(path: path, leaf: leaf, signals: signals)
                }
        } paths: {
            paths(element)
        }
        copyValues(shape, from: document, leaves)
        return shape
    }

    /// `value` under the name that `name` gives; with an `event`, `value` is part of the name.
    private func nameValueShape(_ element: Int) throws(DecodingFailure) -> Shape {
        guard let document, document.isObject(element) else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "must be a JSON object with name and value"
            )
        }
        let layout = try remembered(ShapeKey(hash: document.hash(of: element), name: nil)) {
            paths(element).enumerated()
                .map { leaf, path in
                    Shape.Column(
                        leaf: leaf,
                        signal: nil,
                        name: path,
                        encodedKey: [],
                        type: nil,
                        values: [:]
                    )
                }
        } paths: {
            paths(element)
        }
        let first = document.leaves(of: element).lowerBound
        func value(_ path: String) -> SignalValue? {
            layout.columns.first { $0.name == path }.flatMap { document.value(at: first + $0.leaf) }
        }
        guard case .text(let name)? = value("name") else {
            throw DecodingFailure(kind: .wrongForm, reason: "'name' is missing or no text")
        }
        let hasEvent = layout.columns.contains { $0.name == "event" }
        let stem = hasEvent ? "\(name).\(value("value")?.text ?? "")" : name
        let field = hasEvent ? "event" : "value"
        let key = ShapeKey(hash: document.hash(of: element), name: stem)
        let shape = try remembered(key) {
            layout.columns.compactMap { column in
                guard let path = Self.rename(column.name, from: field, to: stem) else { return nil }
                return Shape.Column(path: path, leaf: column.leaf, signals: signals)
            }
        } paths: {
            layout.columns.map(\.name)
        }
        guard !shape.columns.isEmpty else {
            throw DecodingFailure(kind: .wrongForm, reason: "'value' is missing")
        }
        copyValues(shape, from: document, document.leaves(of: element))
        return shape
    }

    private func scalarShape(_ element: Int, topic: Topic) throws(DecodingFailure) -> Shape {
        guard let document, let name = topic.signal else {
            throw DecodingFailure(kind: .wrongForm, reason: "the topic names no signal")
        }
        let shape = try remembered(ShapeKey(hash: document.hash(of: element), name: name)) {
            paths(element).enumerated()
                .map { leaf, path in
                    let full = path.isEmpty ? name : "\(name).\(path)"
                    return Shape.Column(path: full, leaf: leaf, signals: signals)
                }
        } paths: {
            paths(element)
        }
        copyValues(shape, from: document, document.leaves(of: element))
        return shape
    }

    private func textShape(topic: Topic) throws(DecodingFailure) -> Shape {
        guard let name = topic.signal, let text else {
            throw DecodingFailure(kind: .wrongForm, reason: "the topic names no signal")
        }
        let shape = try remembered(ShapeKey(hash: 0, name: name)) {
            [Shape.Column(path: name, leaf: 0, signals: signals)]
        } paths: {
            []
        }
        values.removeAll(keepingCapacity: true)
        values.append(shape.columns[0].convert(text))
        return shape
    }

    private func vehicle(
        _ shape: Shape,
        _ element: Int,
        topic: Topic
    ) throws(DecodingFailure)
        -> String
    {
        guard let path = configuration.vehiclePath else {
            guard let vehicle = topic.vehicle, !vehicle.isEmpty else {
                throw DecodingFailure(kind: .noVehicle, reason: "the topic names no vehicle")
            }
            return try checked(vehicle)
        }
        guard let leaf = shape.vehicleLeaf, let document,
            let value = document.value(at: document.leaves(of: element).lowerBound + leaf),
            value != .null, !value.text.isEmpty
        else {
            throw DecodingFailure(kind: .noVehicle, reason: "no vehicle id at '\(path)'")
        }
        return try checked(value.text)
    }

    /// An id that the log and MQTT can carry.
    private func checked(_ vehicle: String) throws(DecodingFailure) -> String {
        guard !vehicle.utf8.contains(0), vehicle.utf8.count <= limits.vehicleIDBytesMax else {
            throw DecodingFailure(
                kind: .noVehicle,
                reason: "the vehicle id holds U+0000 or is longer than "
                    + "\(limits.vehicleIDBytesMax) bytes"
            )
        }
        return vehicle
    }

    /// The event time, bounded by what the clock configuration believes.
    private func eventTime(
        _ shape: Shape,
        _ element: Int,
        arrival: Timestamp
    )
        -> (Timestamp, ClockFlag?)
    {
        guard let timeReader, !shape.timeLeaves.isEmpty, let document else {
            return (arrival, configuration.format == .sparkplugB ? .absent : nil)
        }
        let first = document.leaves(of: element).lowerBound
        let parts = shape.timeLeaves.compactMap { document.value(at: first + $0) }
        guard let one = parts.first else { return (arrival, nil) }
        let whole =
            parts.count == 1 ? one : .text(parts.map(\.text).joined(separator: " "))
        guard let time = timeReader.read(whole) else { return (arrival, .unreadable) }
        if time - arrival > clock.futureToleranceMilliseconds { return (arrival, .future) }
        if time < clock.earliest { return (arrival, .past) }
        return (time, nil)
    }

    private func copyValues(_ shape: Shape, from document: JSONDocument, _ leaves: Range<Int>) {
        values.removeAll(keepingCapacity: true)
        for column in shape.columns {
            values.append(
                document.value(at: leaves.lowerBound + column.leaf).map { column.convert($0) }
            )
        }
    }

    /// The shape under a key, made from the element's paths when it is new.
    private func remembered(
        _ key: ShapeKey,
        columns: () -> [Shape.Column],
        paths: () -> [String]
    ) throws(DecodingFailure) -> Shape {
        if let shape = shapes[key] { return shape }
        if shapes.count >= limits.shapesMax { shapes.removeAll() }
        let paths = paths()
        // Every leaf repeats its path: a small payload must not become a huge event.
        let pathBytes = paths.reduce(0) { $0 + $1.utf8.count }
        guard pathBytes <= limits.eventBytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "flattened, its names are longer than limits.event"
            )
        }
        let shape = Shape(
            columns: columns(),
            vehicleLeaf: configuration.vehiclePath.flatMap { paths.firstIndex(of: $0) },
            timeLeaves: configuration.eventTime?.paths.compactMap { paths.firstIndex(of: $0) } ?? []
        )
        shapes[key] = shape
        return shape
    }

    private func paths(_ element: Int) -> [String] {
        guard let document else { return [] }
        return document.leaves(of: element).map { parser.path(element: element, leaf: $0) }
    }

    /// `value.x` as `stem.x`; `nil` when the path does not start with the field.
    private static func rename(_ path: String, from field: String, to stem: String) -> String? {
        if path == field { return stem }
        return path.hasPrefix("\(field).") ? stem + path.dropFirst(field.count) : nil
    }
}
