// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How a payload writes its event time.
enum EventTimeFormat: Sendable, Hashable {
    /// A number of units since 1970; the factor turns it into milliseconds.
    case epoch(unitsPerMillisecond: Double)
    /// RFC 3339, with or without a fraction.
    case iso8601
    /// A Unicode date pattern (UTS 35), such as `EEE MMM dd HH:mm:ss z yyyy`.
    case pattern(String)

    init?(_ text: String) {
        switch text {
        case "epoch_d": self = .epoch(unitsPerMillisecond: 1 / 86_400_000)
        case "epoch_s": self = .epoch(unitsPerMillisecond: 0.001)
        case "epoch_ms": self = .epoch(unitsPerMillisecond: 1)
        case "epoch_us": self = .epoch(unitsPerMillisecond: 1_000)
        case "epoch_ns": self = .epoch(unitsPerMillisecond: 1_000_000)
        case "iso8601": self = .iso8601
        default:
            guard text.contains("y"), text.contains("d") else { return nil }
            self = .pattern(text)
        }
    }
}

/// Reads event times of one topic; owned by one thread, because `DateFormatter` is.
struct EventTimeReader {
    private let format: EventTimeFormat
    private let formatter: DateFormatter?

    init(_ configuration: EventTimeConfiguration) {
        format = configuration.format
        guard case .pattern(let pattern) = configuration.format else {
            formatter = nil
            return
        }
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: configuration.timeZone)
        formatter.dateFormat = pattern
        self.formatter = formatter
    }

    /// The time that a value tells, or `nil` when it tells none.
    func read(_ value: SignalValue) -> Timestamp? {
        switch (format, value) {
        case (.epoch(let units), .int(let number)):
            return Self.timestamp(Double(number) / units)
        case (.epoch(let units), .unsigned(let number)):
            return Self.timestamp(Double(number) / units)
        case (.epoch(let units), .double(let number)):
            return Self.timestamp(number / units)
        case (.epoch(let units), .text(let text)):
            return SignalType.decimal(text).flatMap { Self.timestamp($0 / units) }
        case (.iso8601, .text(let text)):
            return Timestamp(iso8601: text)
        case (.pattern, .text(let text)):
            let date = formatter?.date(from: text) ?? formatter?.date(from: Self.numeric(text))
            return date.flatMap { Self.timestamp($0.timeIntervalSince1970 * 1_000) }
        default:
            return nil
        }
    }

    /// European zone names, which the locale of all the other names (English, for java.util.Date)
    /// does not know, with their hours ahead of GMT.
    private static let zones = [
        "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2,
        "EEST": 3, "MSK": 3,
    ]

    /// The text with such a name written as an offset.
    private static func numeric(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false)
            .map { word in zones[String(word)].map { "GMT+0\($0):00" } ?? String(word) }
            .joined(separator: " ")
    }

    private static func timestamp(_ milliseconds: Double) -> Timestamp? {
        // Beyond the year 10,000 a number is no time in this unit.
        guard milliseconds.magnitude < 253_402_300_800_000 else { return nil }
        return Timestamp(milliseconds: Int64(milliseconds.rounded()))
    }
}
