// SPDX-License-Identifier: Apache-2.0
// Dotted paths, folded back into what they were flattened from. Dots inside keys can't be told from nesting.

/// A place in messages: what stood there, and what stood below.
final class SchemaTree {
    /// Deeper than messages are; a key that is nothing but dots must not cost a level each.
    private static let depthMax = 200

    let path: String
    /// What was seen here itself; empty objects and lists are among it.
    private(set) var seen: [StoredSchemaPath] = []
    /// Members in the order of their paths.
    private(set) var members: [(name: String, node: SchemaTree)] = []
    private var places: [String: Int] = [:]
    /// What the elements of a list have in common.
    private(set) var items: SchemaTree?

    private init(path: String) {
        self.path = path
    }

    /// The root of a version's messages.
    init(_ paths: [StoredSchemaPath]) {
        path = ""
        // The rows of lists are made from patterns; what was seen in lists tells that they are some.
        for path in paths where !path.isOfPattern { insert(path) }
        for path in paths where path.isOfPattern { insert(path) }
        sort()
    }

    private func insert(_ path: StoredSchemaPath) {
        func parts(_ text: String) -> [Substring] {
            text.split(separator: ".", maxSplits: Self.depthMax, omittingEmptySubsequences: false)
        }
        let first = parts(path.firstPath)
        var node = self
        for (level, name) in parts(path.key.path).enumerated() {
            // A key that is a star stood as one in the first message; the index of a list did not.
            let isIndex =
                name == "*" && level > 0
                && (node.items != nil && path.isOfPattern
                    || level < first.count && first[level] != "*")
            let place = level > 0 ? "\(node.path).\(name)" : String(name)
            node = isIndex ? node.item(place) : node.member(String(name), place)
        }
        node.seen.append(path)
    }

    /// Puts members into the order of their names' bytes, whatever was inserted first.
    private func sort() {
        members.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        places = [:]
        for (place, member) in members.enumerated() {
            places[member.name] = place
            member.node.sort()
        }
        seen.sort { $0.key.type < $1.key.type }
        items?.sort()
    }

    private func item(_ path: String) -> SchemaTree {
        if let items { return items }
        let node = SchemaTree(path: path)
        items = node
        return node
    }

    private func member(_ name: String, _ path: String) -> SchemaTree {
        if let place = places[name] { return members[place].node }
        let node = SchemaTree(path: path)
        places[name] = members.count
        members.append((name, node))
        return node
    }

    /// Whether so many messages, which are all of them, had something here.
    func isEverywhere(_ counts: [String: Int64], messages: Int64) -> Bool {
        messages > 0
            && (!seen.isEmpty && counts[path] == messages
                || members.contains { $0.node.isEverywhere(counts, messages: messages) })
    }
}

extension StoredSchemaPath {
    /// The row of a list, which no message had at this very place.
    fileprivate var isOfPattern: Bool { key.type == .array && firstPath == key.path }
}
