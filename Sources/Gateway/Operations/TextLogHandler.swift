// SPDX-License-Identifier: Apache-2.0

import Logging

/// Writes each log record as one line of text, for people at a terminal.
///
/// `12:03:04.123 INFO  intake   session up source=vehicles`
struct TextLogHandler: LogHandler {
    /// Loggers with names up to this length line up.
    private static let labelWidth = 8

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> Timestamp

    /// Creates a handler for one logger.
    init(
        label: String,
        level: Logger.Level,
        write: @escaping @Sendable (String) -> Void = LogLine.writeToStandardError,
        now: @escaping @Sendable () -> Timestamp = WallClock.now
    ) {
        self.label = label
        logLevel = level
        self.write = write
        self.now = now
    }

    /// One entry of the logger's own metadata.
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one record.
    func log(event: LogEvent) {
        let line = LogLine(
            event: event,
            label: label,
            base: metadata,
            provider: metadataProvider,
            time: now()
        )
        write(Self.text(of: line))
    }

    private static func text(of line: LogLine) -> String {
        var text = "\(line.time.localTime) \(name(of: line.level)) "
        text += line.label
        text += String(repeating: " ", count: max(0, labelWidth - line.label.count) + 1)
        text += printable(line.message)
        for (key, value) in line.fields {
            text += " \(printable(key))=\(quotedIfNeeded(value.text))"
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
