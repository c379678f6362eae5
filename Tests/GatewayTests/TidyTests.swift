// SPDX-License-Identifier: Apache-2.0
// Goal: the tree keeps the shape that lets it be read. Method: look at it as text.
import Foundation
import Testing

@Suite struct TidyTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Swift files below a folder of the package, with their lines; not those that a generator wrote.
    private static func files(_ folder: String) throws -> [(name: String, lines: [Substring])] {
        let base = root.appendingPathComponent(folder)
        let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String }
        return try (names ?? []).filter { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }
            .map { name in
                let text = try String(
                    contentsOf: base.appendingPathComponent(name),
                    encoding: .utf8
                )
                return (name, text.split(separator: "\n", omittingEmptySubsequences: false))
            }
    }

    @Test(arguments: [("Sources", 500), ("Tests", 500)])
    func noFileIsTooLongToRead(folder: String, linesMax: Int) throws {
        for file in try Self.files(folder) {
            #expect(file.lines.count <= linesMax, "\(file.name) has \(file.lines.count) lines")
        }
    }

    @Test func noFunctionIsLongerThanAScreenAndAHalf() throws {
        for file in try Self.files("Sources") {
            var start: (line: Int, indent: Int)?
            for (number, line) in file.lines.enumerated() {
                let indent = line.prefix { $0 == " " }.count
                let word = line.dropFirst(indent)
                if word.contains("func "), word.hasSuffix("{"), start == nil {
                    start = (number, indent)
                } else if let opened = start, word == "}", indent == opened.indent {
                    let length = number - opened.line
                    #expect(length <= 70, "\(file.name): the function at line \(opened.line + 1)")
                    start = nil
                }
            }
        }
    }

    @Test func everySourceFileNamesItsLicence() throws {
        for file in try Self.files("Sources") {
            #expect(file.lines.first == "// SPDX-License-Identifier: Apache-2.0", "\(file.name)")
        }
    }

    @Test func nothingIsNamedAfterNothing() throws {
        let banned = ["Utils", "Helpers", "Common", "Manager"]
        for file in try Self.files("Sources") {
            #expect(!banned.contains { file.name.contains($0) }, "\(file.name)")
        }
    }
}
