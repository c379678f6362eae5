// SPDX-License-Identifier: Apache-2.0

/// The names of an event's signals as a tree, level by level; what they are made of stays in the event.
struct SignalTree {
    private struct Node {
        /// Its level of the name.
        var segment: Range<Int>
        /// The signal that ends here: its whole name and its value.
        var signal: JSONScanner.Member?
        var children: [Int] = []
    }

    /// A child by its parent and its level of the name.
    private struct Place: Hashable {
        var parent: Int
        var segment: ArraySlice<UInt8>

        func hash(into hasher: inout Hasher) {
            hasher.combine(parent)
            unsafe segment.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
    }

    private static let dot = UInt8(ascii: ".")

    private let bytes: [UInt8]
    private var nodes = [Node(segment: 0..<0)]
    private var places: [Place: Int] = [:]
    private var json: [UInt8] = []

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Takes a signal; of two with one name the later counts.
    mutating func insert(_ signal: JSONScanner.Member) {
        var node = 0
        var start = signal.key.lowerBound
        for level in 1... {
            let rest = start..<signal.key.upperBound
            let dot = level < SignalNesting.levelsMax ? bytes[rest].firstIndex(of: Self.dot) : nil
            node = child(of: node, start..<(dot ?? rest.upperBound))
            guard let dot else { break }
            start = dot + 1
        }
        nodes[node].signal = signal
    }

    private mutating func child(of parent: Int, _ segment: Range<Int>) -> Int {
        // Names come in groups, so it is mostly the last one.
        if let last = nodes[parent].children.last, bytes[nodes[last].segment] == bytes[segment] {
            return last
        }
        let place = Place(parent: parent, segment: bytes[segment])
        if let known = places[place] { return known }
        let child = nodes.count
        nodes.append(Node(segment: segment))
        nodes[parent].children.append(child)
        places[place] = child
        return child
    }

    /// The tree as one object.
    mutating func encoded() -> [UInt8] {
        json.removeAll()
        writeObject(0)
        return json
    }

    private mutating func write(_ node: Int) {
        if let signal = nodes[node].signal {
            json.append(contentsOf: bytes[signal.value])
        } else if let order = arrayOrder(of: node) {
            json.append(UInt8(ascii: "["))
            for (index, child) in order.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                write(child)
            }
            json.append(UInt8(ascii: "]"))
        } else {
            writeObject(node)
        }
    }

    private mutating func writeObject(_ node: Int) {
        json.append(UInt8(ascii: "{"))
        for child in nodes[node].children {
            writeKey(nodes[child].segment)
            write(child)
            // A name that is a value and a container: what is below keeps its dots, at this level.
            if nodes[child].signal != nil {
                for inner in nodes[child].children {
                    writeDotted(inner, dropping: prefixCount(of: child))
                }
            }
        }
        json.append(UInt8(ascii: "}"))
    }

    /// How many bytes of its name stand before the level of a node that is a signal.
    private func prefixCount(of node: Int) -> Int {
        (nodes[node].signal?.key.count ?? 0) - nodes[node].segment.count
    }

    private mutating func writeDotted(_ node: Int, dropping prefix: Int) {
        if let signal = nodes[node].signal {
            writeKey(signal.key.lowerBound + prefix..<signal.key.upperBound)
            json.append(contentsOf: bytes[signal.value])
        }
        for child in nodes[node].children { writeDotted(child, dropping: prefix) }
    }

    private mutating func writeKey(_ key: Range<Int>) {
        if json.last != UInt8(ascii: "{") { json.append(UInt8(ascii: ",")) }
        json.append(UInt8(ascii: "\""))
        json.append(contentsOf: bytes[key])
        json.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
    }

    /// The children in the order of their indices, when their names are 0, 1, 2 and so on.
    private func arrayOrder(of node: Int) -> [Int]? {
        let children = nodes[node].children
        var order = [Int](repeating: -1, count: children.count)
        for child in children {
            let isBoth = nodes[child].signal != nil && !nodes[child].children.isEmpty
            guard !isBoth, let index = index(bytes[nodes[child].segment]), index < order.count
            else { return nil }
            order[index] = child
        }
        // Names differ, so that as many indices below their number are all of them.
        return order.isEmpty ? nil : order
    }

    /// A number as an index is written: without zeros before it.
    private func index(_ segment: ArraySlice<UInt8>) -> Int? {
        guard (1...9).contains(segment.count), segment.allSatisfy({ (48...57).contains($0) }),
            segment.count == 1 || segment.first != 48
        else { return nil }
        return segment.reduce(0) { $0 * 10 + Int($1 - 48) }
    }
}
