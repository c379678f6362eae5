// SPDX-License-Identifier: Apache-2.0

import Logging

/// Writes each log record as one line, in either format.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let label: String
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> Timestamp

    /// Creates a handler for one logger.
    init(
        format: LogFormat,
        label: String,
        level: Logger.Level,
        write: @escaping @Sendable (String) -> Void = LogLine.writeToStandardError,
        now: @escaping @Sendable () -> Timestamp = WallClock.now
    ) {
        self.format = format
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
        switch format {
        case .text: write(line.text)
        case .json: write(line.json)
        }
    }
}
