// SPDX-License-Identifier: Apache-2.0

import Logging

/// Writes each log record as one line of JSON, for machines.
///
/// `{"time":"2026-03-01T12:03:04.123Z","level":"info","logger":"intake","message":"session up"}`
struct JSONLogHandler: LogHandler {
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

    /// The record's own fields; metadata of the same name is kept under `metadata.<name>`.
    private static let reservedKeys: Set<String> = ["time", "level", "logger", "message"]

    private static func text(of line: LogLine) -> String {
        var text = "{\"time\":\"\(line.time.iso8601)\",\"level\":\"\(line.level.rawValue)\""
        text += ",\"logger\":"
        text.appendJSONString(line.label)
        text += ",\"message\":"
        text.appendJSONString(line.message)
        for (key, value) in line.fields {
            text += ","
            text.appendJSONString(reservedKeys.contains(key) ? "metadata.\(key)" : key)
            text += ":"
            switch value {
            case .text(let string): text.appendJSONString(string)
            case .literal(let literal): text += literal
            }
        }
        text += "}\n"
        return text
    }
}
