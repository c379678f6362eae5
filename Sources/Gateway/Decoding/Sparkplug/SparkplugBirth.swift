// SPDX-License-Identifier: Apache-2.0

/// A metric as a birth certificate introduces it.
struct SparkplugDefinition: Equatable, Sendable {
    /// With dots for the slashes of Sparkplug: the path of a signal.
    var name: String
    /// What later messages call it.
    var alias: UInt64?
    /// Of Sparkplug's data types; 0 where none is given.
    var type: UInt32
}

/// What the birth certificate of an edge node or a device has said about its metrics.
struct SparkplugBirth: Equatable, Sendable {
    let definitions: [SparkplugDefinition]
    private let aliases: [UInt64: Int]
    private let names: [String: Int]

    /// Of two metrics with the same alias or name the last counts.
    init(_ definitions: [SparkplugDefinition]) {
        self.definitions = definitions
        aliases = Dictionary(
            definitions.enumerated()
                .compactMap { index, metric in metric.alias.map { ($0, index) } }
        ) { $1 }
        names = Dictionary(definitions.enumerated().map { ($1.name, $0) }) { $1 }
    }

    func definition(alias: UInt64) -> SparkplugDefinition? {
        aliases[alias].map { definitions[$0] }
    }

    func definition(name: String) -> SparkplugDefinition? { names[name].map { definitions[$0] } }

    /// `[["engine.speed",7,9],["name",null,12]]`, for the log.
    var text: String {
        var json = JSONWriter()
        json.raw("[")
        for metric in definitions {
            json.separate()
            json.raw("[")
            json.string(metric.name)
            json.raw(",")
            json.value(metric.alias.map { .int(Int64(bitPattern: $0)) } ?? .null)
            json.raw(",")
            json.int(Int64(metric.type))
            json.raw("]")
        }
        json.raw("]")
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Reads what `text` gives.
    init(text: String, parser: JSONParser) throws(JSONError) {
        let document = try parser.parse(text)
        self.init(
            (0..<document.count)
                .compactMap { element in
                    let first = document.leaves(of: element).lowerBound
                    guard document.leaves(of: element).count == 3,
                        case .text(let name)? = document.value(at: first),
                        case .int(let type)? = document.value(at: first + 2)
                    else { return nil }
                    var alias: UInt64?
                    if case .int(let bits)? = document.value(at: first + 1) {
                        alias = UInt64(bitPattern: bits)
                    }
                    return SparkplugDefinition(
                        name: name,
                        alias: alias,
                        type: UInt32(truncatingIfNeeded: type)
                    )
                }
        )
    }
}
