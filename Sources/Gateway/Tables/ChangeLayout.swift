// SPDX-License-Identifier: Apache-2.0

/// Where change events of one shape have what.
struct ChangeLayout {
    /// Leaves and the column each fills.
    private(set) var row: [(leaf: Int, column: Int)] = []
    private(set) var before: [(leaf: Int, column: Int)] = []
    /// Columns that the table does not have.
    private(set) var unknown: [(leaf: Int, name: String)] = []
    /// All leaves, by path; of two with one path the later one counts, as in most readers of JSON.
    private(set) var leaves: [String: Int] = [:]
    let paths: ChangePaths

    /// `columns`: the table's columns by name.
    init(_ list: [String], format: any ChangeFormat, columns: [String: Int]) {
        paths = ChangePaths(list)
        let places = format.places(in: paths)
        for (leaf, path) in list.enumerated() {
            leaves[path] = leaf
            let name = places.row.flatMap { Self.name(path, in: $0) }
            if let name, let column = columns[name] {
                row.append((leaf, column))
            } else if let old = places.before.flatMap({ Self.name(path, in: $0) }),
                let column = columns[old]
            {
                before.append((leaf, column))
            } else if let name, places.isColumn(name) {
                unknown.append((leaf, name))
            }
        }
    }

    private static func name(_ path: String, in place: String) -> String? {
        guard path.count > place.count, path.hasPrefix(place) else { return nil }
        return String(path.dropFirst(place.count))
    }
}
