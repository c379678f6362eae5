// SPDX-License-Identifier: Apache-2.0
// Which fields a record has, and how a line leaves the process.
//
// Metadata often holds text from outside (topics, vehicle ids, reasons given by a broker). So a
// value is bounded, and neither format lets one end the line or control the terminal.

import Glibc
import Logging

/// One log record, reduced to what is printed.
struct LogLine {
    /// Longer metadata values are cut; a whole payload doesn't belong in a log.
    static let valueCharactersMax = 2_000

    let time: Timestamp
    let level: Logger.Level
    let label: String
    let message: String
    /// Metadata without nesting, sorted by key.
    let fields: [(key: String, value: LogValue)]

    /// Creates the line of an event; the event's metadata wins over the handler's.
    init(
        event: LogEvent,
        label: String,
        base: Logger.Metadata,
        provider: Logger.MetadataProvider?,
        time: Timestamp
    ) {
        self.time = time
        level = event.level
        self.label = label
        message = event.message.description

        var metadata = base
        if let provided = provider?.get() { metadata.merge(provided) { $1 } }
        if let explicit = event.metadata { metadata.merge(explicit) { $1 } }
        var fields: [(key: String, value: LogValue)] = []
        for (key, value) in metadata { Self.flatten(value, key, into: &fields) }
        if let error = event.error {
            fields.append((LogKeys.error, .text(Self.bounded("\(error)"))))
            fields.append((LogKeys.errorType, .text("\(type(of: error))")))
        }
        self.fields = fields.sorted { $0.key < $1.key }
    }

    /// Writes a line to standard error with one write(2), so that the lines of threads don't mix.
    ///
    /// What can't be written is lost: a closed pipe must not stop the gateway.
    static func writeToStandardError(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            var sent = 0
            // Only a signal or a partial write (a full disk, a pipe) makes a second round.
            while sent < bytes.count {
                let rest = unsafe UnsafeBufferPointer(rebasing: bytes[sent...])
                let written = unsafe write(STDERR_FILENO, rest.baseAddress, rest.count)
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { return }
                sent += written
            }
        }
    }

    /// `lights.head` for what is nested in a dictionary, `topics.0` for what is in an array.
    private static func flatten(
        _ value: Logger.MetadataValue,
        _ key: String,
        into fields: inout [(key: String, value: LogValue)]
    ) {
        switch value {
        case .string(let text):
            fields.append((key, .text(bounded(text))))
        case .stringConvertible(let convertible):
            fields.append((key, LogValue(convertible)))
        case .dictionary(let nested):
            for (name, value) in nested { flatten(value, "\(key).\(name)", into: &fields) }
        case .array(let values):
            for (index, value) in values.enumerated() {
                flatten(value, "\(key).\(index)", into: &fields)
            }
        }
    }

    /// Cuts a text that is too long, and shows that it was cut.
    static func bounded(_ text: String) -> String {
        guard text.utf8.count > valueCharactersMax else { return text }
        return String(text.unicodeScalars.prefix(valueCharactersMax)) + "…"
    }
}

/// One metadata value.
enum LogValue: Equatable {
    /// Text, which JSON puts in quotes.
    case text(String)
    /// A number or truth value, which JSON writes as it is.
    case literal(String)

    /// Creates the value of something printable; JSON knows no infinity and no NaN.
    init(_ convertible: any CustomStringConvertible) {
        switch convertible {
        case let number as any BinaryInteger: self = .literal("\(number)")
        case let truth as Bool: self = .literal("\(truth)")
        case let number as Double where number.isFinite: self = .literal("\(number)")
        default: self = .text(LogLine.bounded(convertible.description))
        }
    }

    /// The value without quotes.
    var text: String {
        switch self {
        case .text(let text), .literal(let text): text
        }
    }
}
