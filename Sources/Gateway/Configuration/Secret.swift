// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value that no log line, error or dump may show.
struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    init(_ value: String) {
        self.value = value
    }

    /// Hands the value to the one place that needs it.
    func reveal() -> String { value }

    var description: String { "***" }
    var debugDescription: String { "***" }
    var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Reads a secret from a file; the newline that editors add at its end does not count.
    static func read(file path: String) throws -> Secret {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        // "\r\n" is one character of Swift.
        return Secret(text.last?.isNewline == true ? String(text.dropLast()) : text)
    }
}
