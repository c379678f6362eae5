// SPDX-License-Identifier: Apache-2.0
// What a Sparkplug message says about vehicles, as the JSON that every other format is read from: an
// array with one object for each reading.
import SparkplugProtocol

/// A metric with the name and the type that its birth has given it.
struct SparkplugNamedMetric {
    var name: String
    var type: SparkplugType
    var metric: SparkplugMetric
}

/// Writes readings as JSON text; bounded, because an alias of two bytes stands for a long name.
struct SparkplugReadingWriter {
    /// Members of every reading that are not metrics.
    static let reserved: Set<String> = ["vehicle", "timestamp", "online", "seq_gap"]

    private let bytesMax: Int
    private(set) var json = JSONWriter()

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    mutating func begin() {
        json.removeAll()
        json.raw("[")
    }

    mutating func end() {
        json.raw("]")
    }

    /// The readings of a birth or of data: one for each time in the past that its metrics tell, the
    /// oldest first, and one for the metrics of its own time.
    mutating func readings(
        of vehicle: String,
        _ payload: SparkplugPayload,
        _ metrics: [SparkplugNamedMetric],
        hasGap: Bool
    ) throws(DecodingFailure) {
        let past = Dictionary(grouping: metrics.filter(\.isOfThePast)) { $0.metric.timestamp }
        for time in past.keys.sorted() {
            open(vehicle, at: time)
            try write(past[time] ?? [])
            json.raw("}")
        }
        let present = metrics.filter { !$0.isOfThePast }
        guard !present.isEmpty || past.isEmpty else { return }
        let time =
            payload.hasTimestamp
            ? payload.timestamp
            : present.filter(\.metric.hasTimestamp).map(\.metric.timestamp).max()
        open(vehicle, at: time)
        state(isOnline: true, hasGap: hasGap)
        try write(present)
        json.raw("}")
    }

    /// A vehicle is offline.
    ///
    /// Nothing tells when: a will was written when its session began.
    mutating func death(of vehicle: String) {
        open(vehicle, at: nil)
        json.member("online")
        json.raw("false}")
    }

    private mutating func open(_ vehicle: String, at time: UInt64?) {
        json.separate()
        json.raw("{")
        json.member("vehicle")
        json.string(vehicle)
        guard let time = time.flatMap(Int64.init(exactly:)) else { return }
        json.member("timestamp")
        json.int(time)
    }

    private mutating func state(isOnline: Bool, hasGap: Bool) {
        json.member("online")
        json.value(.bool(isOnline))
        json.member("seq_gap")
        json.value(.bool(hasGap))
    }

    private mutating func write(_ metrics: [SparkplugNamedMetric]) throws(DecodingFailure) {
        for metric in metrics {
            let name = Self.reserved.contains(metric.name) ? "metric.\(metric.name)" : metric.name
            try write(metric.metric, name: name, metric.type)
        }
    }

    private mutating func write(
        _ metric: SparkplugMetric,
        name: String,
        _ type: SparkplugType
    ) throws(DecodingFailure) {
        if !metric.isNull, case .templateValue(let template)? = metric.value {
            guard !template.isDefinition else { return }
            for member in template.metrics where !member.name.isEmpty {
                let path = "\(name).\(SparkplugDefinition.path(member.name))"
                try write(member, name: path, SparkplugType(rawValue: member.datatype) ?? .unknown)
            }
            return
        }
        json.member(name)
        if !metric.isNull, case .datasetValue(let set)? = metric.value {
            try write(set)
        } else {
            _ = json.metric(metric, type)
        }
        try checkSize()
    }

    /// An array of rows, each an object of its columns.
    private mutating func write(_ set: SparkplugDataSet) throws(DecodingFailure) {
        let types = set.types.map { SparkplugType(rawValue: $0) ?? .unknown }
        json.raw("[")
        for row in set.rows {
            json.separate()
            json.raw("{")
            for (column, name) in set.columns.enumerated() {
                json.member(name)
                let cell = column < row.elements.count ? row.elements[column] : nil
                json.cell(cell, column < types.count ? types[column] : .unknown)
                try checkSize()
            }
            json.raw("}")
        }
        json.raw("]")
    }

    private func checkSize() throws(DecodingFailure) {
        guard json.count <= bytesMax else {
            throw DecodingFailure(
                kind: .overLimit,
                reason: "the payload is longer than limits.unpacked when it is written as JSON"
            )
        }
    }

    /// Room for the parser to read past the end; gives the length of the text before it.
    mutating func pad() -> Int {
        let length = json.count
        json.raw([UInt8](repeating: 0, count: JSONParser.padding))
        return length
    }
}

extension SparkplugNamedMetric {
    /// It tells what was so at a time of its own.
    fileprivate var isOfThePast: Bool { metric.isHistorical && metric.hasTimestamp }
}

extension SparkplugDefinition {
    /// The path of a signal: Sparkplug has slashes where we have dots.
    static func path(_ name: String) -> String { name.replacing("/", with: ".") }
}
