// SPDX-License-Identifier: Apache-2.0
// From dotted names to nested objects and back, on the bytes of JSON. docs/flattening.md has the
// rules; both ways together change nothing but the order of members.

/// Nests and flattens the signals of events.
enum SignalNesting {
    /// A name with more levels keeps the dots behind the last: readers have limits of their own.
    static let levelsMax = 64
    /// A nested object that is deeper is not flattened.
    static let depthMax = 1_000

    /// An event whose `signals` are nested; one that has none stays as it is.
    static func unflatten(event: [UInt8]) -> [UInt8] {
        replaceSignals(in: event) { scanner, members in
            var tree = SignalTree(bytes: scanner.bytes)
            for member in members { tree.insert(member) }
            return tree.encoded()
        }
    }

    /// An event whose `signals` are flat; one that has none stays as it is.
    static func flatten(event: [UInt8]) -> [UInt8] {
        replaceSignals(in: event) { scanner, members in
            var flattening = Flattening(scanner: scanner)
            let isWhole = members.allSatisfy {
                flattening.add($0.value, under: Array(scanner.bytes[$0.key]), depth: 1)
            }
            return isWhole ? flattening.encoded() : nil
        }
    }

    private static func replaceSignals(
        in event: [UInt8],
        by change: (JSONScanner, [JSONScanner.Member]) -> [UInt8]?
    ) -> [UInt8] {
        let scanner = JSONScanner(bytes: event)
        let name = "signals".utf8
        guard
            let signals = scanner.members(of: scanner.content)?
                .last(where: { event[$0.key].elementsEqual(name) })?
                .value,
            let members = scanner.members(of: signals),
            let changed = change(scanner, members)
        else { return event }
        return event[..<signals.lowerBound] + changed + event[signals.upperBound...]
    }
}

/// What has been flattened of an object.
private struct Flattening {
    let scanner: JSONScanner
    private var json: [UInt8] = [UInt8(ascii: "{")]

    init(scanner: JSONScanner) {
        self.scanner = scanner
    }

    /// Adds a value under a name, or what is in it under longer ones; false when it is too deep.
    mutating func add(_ value: Range<Int>, under name: [UInt8], depth: Int) -> Bool {
        guard depth <= SignalNesting.depthMax else { return false }
        let dot = [UInt8(ascii: ".")]
        if scanner.isObject(value), let members = scanner.members(of: value), !members.isEmpty {
            return members.allSatisfy {
                add($0.value, under: name + dot + scanner.bytes[$0.key], depth: depth + 1)
            }
        }
        if scanner.isArray(value), let items = scanner.items(of: value), !items.isEmpty {
            return items.enumerated()
                .allSatisfy { index, item in
                    add(item, under: name + dot + Array(String(index).utf8), depth: depth + 1)
                }
        }
        if json.count > 1 { json.append(UInt8(ascii: ",")) }
        json.append(UInt8(ascii: "\""))
        json.append(contentsOf: name)
        json.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
        json.append(contentsOf: scanner.bytes[value])
        return true
    }

    func encoded() -> [UInt8] { json + [UInt8(ascii: "}")] }
}
