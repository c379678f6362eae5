// SPDX-License-Identifier: Apache-2.0

import Logging

/// How log records are written.
enum LogFormat: String, CaseIterable, Sendable {
    /// For people at a terminal.
    case text
    /// One JSON object per line, for machines.
    case json
}

/// Sets how the whole process logs; call it once, before the first `Logger` is made.
func bootstrapLogging(format: LogFormat, level: Logger.Level) {
    LoggingSystem.bootstrap(
        { label, provider in
            var handler = LineLogHandler(format: format, label: label, level: level)
            handler.metadataProvider = provider
            return handler
        },
        metadataProvider: nil
    )
}
