// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

/// A change to the smallest configuration, and the problem that it makes.
struct Mistake: Sendable, CustomTestStringConvertible {
    static let minimal = """
        gateway:
          id: depot
        sources:
          - name: vehicles
            url: mqtt://localhost
            topics:
              - pattern: fleet/{vehicle}/state
        """

    let name: String
    let text: String
    /// How the problem reads; the file's name and a colon stand before it.
    let problem: String

    var testDescription: String { name }

    init(_ name: String, replace old: String, with new: String, _ problem: String) {
        self.init(name, text: Self.minimal.replacing(old, with: new), problem)
    }

    init(_ name: String, append text: String, _ problem: String) {
        self.init(name, text: "\(Self.minimal)\n\(text)", problem)
    }

    /// A key of the source.
    init(_ name: String, source line: String, _ problem: String) {
        let url = "    url: mqtt://localhost\n"
        self.init(name, replace: url, with: "\(url)    \(line)\n", problem)
    }

    init(_ name: String, text: String, _ problem: String) {
        self.name = name
        self.text = text
        self.problem = problem
    }

    /// All problems of a configuration, one a line; empty when it has none.
    static func problems(
        _ text: String,
        file: String = "/etc/gateway.yaml",
        environment: [String: String] = [:]
    ) -> [String] {
        do throws(Problems) {
            _ = try Configuration.decode(text: text, file: file, environment: environment)
            return []
        } catch {
            return error.all.map {
                $0.description.replacing("/etc/gateway.yaml", with: "gateway.yaml")
            }
        }
    }

    var problems: [String] { Self.problems(text) }
}
