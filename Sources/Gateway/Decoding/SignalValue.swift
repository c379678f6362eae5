// SPDX-License-Identifier: Apache-2.0

/// The value of one signal: one scalar of JSON.
enum SignalValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    /// A whole number above `Int64.max`, and no other: each number has one case.
    ///
    /// SQL knows no such integers and sees it as a REAL.
    case unsigned(UInt64)
    case double(Double)
    case text(String)

    /// The value as a person reads it; text stands without quotes.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): String(value)
        case .int(let value): String(value)
        case .unsigned(let value): String(value)
        case .double(let value): String(value)
        case .text(let value): value
        }
    }
}

extension SignalValue {
    /// A whole number of up to 64 bits from its digits.
    init?(integer text: String) {
        if let number = Int64(text) {
            self = .int(number)
        } else if let number = UInt64(text) {
            self = .unsigned(number)
        } else {
            return nil
        }
    }
}

/// What the catalogue says a signal is.
enum SignalType: String, Sendable, CaseIterable {
    case bool
    case int
    case float
    case text

    /// The value as this type; null when it can't be read as one.
    ///
    /// In SQL any text is greater than any number: as it came, `"fast"` would be above every limit.
    func convert(_ value: SignalValue) -> SignalValue {
        switch (self, value) {
        case (.bool, .bool), (.int, .int), (.int, .unsigned), (.float, .double), (.text, .text):
            value
        case (.bool, .int(let number)) where number == 0 || number == 1: .bool(number == 1)
        case (.bool, .text(let text)): Self.boolWords[text.lowercased()].map { .bool($0) } ?? .null
        case (.int, .double(let number)): Int64(exactly: number.rounded()).map { .int($0) } ?? .null
        case (.int, .text(let text)): SignalValue(integer: text) ?? .null
        case (.int, .bool(let flag)): .int(flag ? 1 : 0)
        case (.float, .int(let number)): .double(Double(number))
        case (.float, .unsigned(let number)): .double(Double(number))
        case (.float, .text(let text)): Self.decimal(text).map { .double($0) } ?? .null
        case (.text, .int), (.text, .unsigned), (.text, .double), (.text, .bool):
            .text(value.text)
        default: .null
        }
    }

    /// A finite decimal; Swift would also read "nan" and hexadecimal.
    static func decimal(_ text: String) -> Double? {
        guard text.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }) else { return nil }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }

    private static let boolWords = [
        "true": true, "false": false, "on": true, "off": false, "yes": true, "no": false,
        "1": true, "0": false, "open": true, "closed": false,
    ]
}
