// SPDX-License-Identifier: Apache-2.0

import Logging

extension LogLine {
    /// Loggers with names up to this length line up.
    private static let labelWidth = 8

    /// The record as one line of text, for people at a terminal.
    ///
    /// `12:03:04.123 INFO  intake   session up source=vehicles`
    var text: String {
        var text = "\(time.localTime) \(Self.name(of: level)) "
        text += label
        text += String(repeating: " ", count: max(0, Self.labelWidth - label.count) + 1)
        text += Self.printable(message)
        for (key, value) in fields {
            text += " \(Self.printable(key))=\(Self.quotedIfNeeded(value.text))"
        }
        text += "\n"
        return text
    }

    /// Five letters for each level, so that what follows lines up.
    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO "
        case .notice: "NOTE "
        case .warning: "WARN "
        case .error: "ERROR"
        case .critical: "CRIT "
        }
    }

    /// Quotes what a reader could not otherwise tell from the next field.
    private static func quotedIfNeeded(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0 != "\"" && $0 != "=" && !(0x7F...0x9F).contains($0.value)
            }
        guard !isPlain else { return value }
        var quoted = ""
        quoted.appendJSONString(value)
        return quoted
    }

    /// Escapes control characters, which could end the line or control the terminal.
    private static func printable(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)
        }
        guard !isPlain else { return text }
        var escaped = ""
        escaped.appendJSONString(text)
        return String(escaped.dropFirst().dropLast())
    }
}
