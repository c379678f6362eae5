// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import Gateway

/// A scrape of `/metrics`.
struct MetricsPage {
    /// Values by `name{labels}`, the labels sorted.
    private(set) var samples: [String: Double] = [:]
    /// Lines that are neither comments nor samples.
    private(set) var unreadable: [String] = []

    init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "),
                let value = Double(line[line.index(after: space)...])
            else {
                unreadable.append(String(line))
                continue
            }
            samples[String(line[..<space])] = value
        }
    }

    /// The sum of all series of a metric that carry these labels; `nil` when there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let wanted = labels.map { "\($0)=\"\($1)\"" }
        let found = samples.filter { identity, _ in
            identity.prefix { $0 != "{" } == name && wanted.allSatisfy { identity.contains($0) }
        }
        return found.isEmpty ? nil : found.values.reduce(0, +)
    }

    func count(_ name: String, _ labels: [String: String] = [:]) -> Int {
        Int(value(name, labels) ?? 0)
    }
}
