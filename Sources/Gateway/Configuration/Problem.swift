// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong with a file the user wrote: where, what, and what to do.
struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
    var file: String
    /// 1-based; 0 when the problem is the file as a whole.
    var line: Int
    /// The dotted key, such as `sources[0].url`; empty when there is none.
    var key: String
    var message: String

    var description: String {
        let place = line > 0 ? "\(file):\(line)" : file
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

/// All that is wrong, told at once.
struct Problems: Error, Sendable, CustomStringConvertible {
    var all: [Problem]

    var description: String {
        all.map(\.description).joined(separator: "\n")
    }
}

/// Where decoding gathers what it finds wrong.
final class ProblemCollector {
    private(set) var all: [Problem] = []

    func report(_ problem: Problem) {
        all.append(problem)
    }

    func throwIfAny() throws(Problems) {
        guard all.isEmpty else { throw Problems(all: all) }
    }
}
