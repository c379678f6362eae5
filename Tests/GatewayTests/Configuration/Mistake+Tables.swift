// SPDX-License-Identifier: Apache-2.0

extension Mistake {
    /// The smallest table with columns; it begins in line 9 of the configuration.
    static let table = """
        tables:
          - name: car
            key: [id]
            columns: {id: int, starts: time, ends: time}
            source: {type: file, path: cars.csv}
        """

    /// Further keys of that table, from line 13 on.
    init(_ name: String, table lines: String, _ problem: String) {
        self.init(name, append: "\(Self.table)\n    \(lines)", problem)
    }

    /// A change to that table.
    init(_ name: String, inTable old: String, with new: String, _ problem: String) {
        self.init(name, append: Self.table.replacing(old, with: new), problem)
    }
}
