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
    let contract: TopicContract?
    private let arrays: JSONArrays?
    private var shapes: [ShapeKey: Shape] = [:]
    /// Looks at `shapes` so far; tells which were used last.
    private var uses: UInt64 = 0
    private var document: JSONDocument?
    private var text: SignalValue?
    /// Which element the current reading is, and its shape.
    private var current: (element: Int, shape: Shape)?

    /// The values of the current reading, by column; `nil` where the payload has no scalar.
    private(set) var values: [SignalValue?] = []

    /// A shape of JSON, and what outside the JSON decides the names: the topic or a name field.
    private struct ShapeKey: Hashable {
        var hash: UInt64
        var name: ExactText?
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
        contract = configuration.contract.map { TopicContract($0, depthMax: limits.depthMax) }
        arrays = JSONArrays(configuration.arrays, explodedBytesMax: limits.explodedBytesMax)
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
            let document = try parser.parse(payload.bytes, in: payload.range, arrays: arrays)
            self.document = document
            contract?.read(payload.bytes, in: payload.range)
            return document.count
        } catch  where error.isOverLimit {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "\(error.message): more than limits.exploded"
            )
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
        current = (element, shape)
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

    /// Which part of the message a contract judges for a reading: several may have exploded from one.
    func contractElement(of element: Int) -> Int { document?.root(of: element) ?? 0 }

    // What the schema history looks at of the current reading.

    private var readsText: Bool { configuration.format == .text }

    /// Which of its numbers have a fraction: as long as it is the same, no type has changed.
    var numberHash: UInt64 {
        guard let document, let current else {
            return text.map { SchemaType($0) == .float ? 1 : 0 } ?? 0
        }
        return document.numberHash(of: current.element)
    }

    /// The JSON type of a column, before the catalogue converts its value.
    func schemaType(at column: Int) -> SchemaType {
        guard let current else { return .null }
        guard let document, !readsText else {
            return rawValue(at: column).map { SchemaType($0) } ?? .null
        }
        let leaf = current.shape.columns[column].leaf
        return SchemaType(document.kind(at: document.leaves(of: current.element).lowerBound + leaf))
    }

    /// The value of a column as it came.
    func rawValue(at column: Int) -> SignalValue? {
        guard !readsText else { return text }
        guard let document, let current else { return nil }
        let leaf = current.shape.columns[column].leaf
        return document.value(at: document.leaves(of: current.element).lowerBound + leaf)
    }

    private func objectShape(_ element: Int) throws(DecodingFailure) -> Shape {
        guard let document, document.isObject(element) else {
            throw DecodingFailure(
                kind: .wrongForm,
                reason: "must be a JSON object or an array of objects"
            )
        }
        let key = ShapeKey(hash: document.hash(of: element), name: nil)
        let shape = try remembered(key, element) { places in
            places.enumerated().map { Shape.Column($1, leaf: $0, signals: signals) }
        }
        copyValues(shape, from: document, document.leaves(of: element))
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
        let hash = document.hash(of: element)
        let layout = try remembered(ShapeKey(hash: hash, name: nil), element) { places in
            places.enumerated().map { Shape.Column(unnamed: $1, leaf: $0) }
        }
        let first = document.leaves(of: element).lowerBound
        func value(_ path: String) -> SignalValue? {
            layout.columns.last { $0.name == path }.flatMap { document.value(at: first + $0.leaf) }
        }
        guard case .text(let name)? = value("name") else {
            throw DecodingFailure(kind: .wrongForm, reason: "'name' is missing or no text")
        }
        let hasEvent = layout.columns.contains { $0.name == "event" }
        let stem = hasEvent ? "\(name).\(value("value")?.text ?? "")" : name
        let field = hasEvent ? "event" : "value"
        let key = ShapeKey(hash: hash, name: ExactText(stem))
        let shape = try remembered(key, element) { places in
            places.enumerated()
                .compactMap { leaf, place in
                    place.renamed(from: field, to: stem)
                        .map { Shape.Column($0, leaf: leaf, signals: signals) }
                }
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
        let leaves = document.leaves(of: element)
        let key = ShapeKey(hash: document.hash(of: element), name: ExactText(name))
        let shape = try remembered(key, element) { places in
            places.enumerated()
                .map { leaf, place in
                    // {"": 1} has a path that is empty, and yet a level below the name.
                    let isBelow = place.path.isEmpty && document.isObject(element)
                    let place =
                        isBelow && place.hasValue
                        ? place.at("\(name).") : place.below(name)
                    return Shape.Column(place, leaf: leaf, signals: signals)
                }
        }
        copyValues(shape, from: document, leaves)
        return shape
    }

    private func textShape(topic: Topic) throws(DecodingFailure) -> Shape {
        guard let name = topic.signal, let text else {
            throw DecodingFailure(kind: .wrongForm, reason: "the topic names no signal")
        }
        // As in JSON: another type is another shape, but for numbers with and without a fraction.
        let kind = SchemaType(text) == .float ? .int : SchemaType(text)
        let key = ShapeKey(hash: UInt64(kind.place), name: ExactText(name))
        let shape = try remembered(key, nil) { _ in
            [Shape.Column(LeafPlace(name), leaf: 0, signals: signals)]
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
        _ element: Int?,
        columns: ([LeafPlace]) -> [Shape.Column]
    ) throws(DecodingFailure) -> Shape {
        uses &+= 1
        if let shape = shapes[key] {
            shape.lastUse = uses
            return shape
        }
        if shapes.count >= limits.shapesMax { forgetShapes() }
        let places = try element.map { element throws(DecodingFailure) in try paths(element) } ?? []
        // Of two leaves with one path the later counts, here as everywhere.
        func leaf(_ path: String) -> Int? {
            places.lastIndex { $0.hasValue && ExactText($0.path) == ExactText(path) }
        }
        let shape = Shape(
            id: signals.takeShapeID(),
            columns: columns(places),
            vehicleLeaf: configuration.vehiclePath.flatMap(leaf),
            timeLeaves: configuration.eventTime?.paths.compactMap(leaf) ?? []
        )
        shape.lastUse = uses
        shapes[key] = shape
        return shape
    }

    /// Forgets the half of the shapes that was not used for longest.
    private func forgetShapes() {
        let order = shapes.values.map(\.lastUse).sorted()
        guard !order.isEmpty else { return }
        let last = order[(order.count - 1) / 2]
        shapes = shapes.filter { $0.value.lastUse > last }
    }

    private func paths(_ element: Int) throws(DecodingFailure) -> [LeafPlace] {
        guard let document else { return [] }
        // Every leaf repeats its path: a small payload must not become a huge event.
        guard parser.pathBytes(of: element) <= limits.eventBytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "flattened, its names are longer than limits.event"
            )
        }
        return document.leaves(of: element)
            .map { leaf in
                LeafPlace(
                    path: parser.path(element: element, leaf: leaf),
                    pattern: parser.pattern(element: element, leaf: leaf),
                    hasValue: !document.kind(at: leaf).isEmpty
                )
            }
    }
}
