// SPDX-License-Identifier: Apache-2.0

extension ColumnType {
    /// The type as a person writes it.
    var name: String {
        switch self {
        case .text: "text"
        case .int: "int"
        case .float: "float"
        case .bool: "bool"
        case .time: "time"
        }
    }

    /// Reads what `name` gives.
    init?(name: String) {
        switch name {
        case "text": self = .text
        case "int": self = .int
        case "float": self = .float
        case "bool": self = .bool
        case "time": self = .time(.iso8601)
        default: return nil
        }
    }

    /// What SQLite compares it as (https://www.sqlite.org/datatype3.html#type_affinity).
    var affinity: String {
        switch self {
        case .text: "TEXT"
        case .int, .bool: "INTEGER"
        case .float, .time: "REAL"
        }
    }

    /// The type of a column whose first value this is; `nil` when it tells none.
    init?(of value: SignalValue) {
        switch value {
        case .null: return nil
        case .bool: self = .bool
        case .int: self = .int
        case .double, .unsigned: self = .float
        case .text: self = .text
        }
    }

    /// The type of a column that also holds this value; `nil` when the two don't go together.
    func widened(by value: SignalValue) -> ColumnType? {
        switch (self, value) {
        case (.int, .double), (.int, .unsigned): .float
        default: nil
        }
    }
}

/// Reads values of one column; owned by one thread.
struct ColumnReader {
    let type: ColumnType?
    private let time: EventTimeReader?

    init(_ type: ColumnType?) {
        self.type = type
        guard case .time(let format) = type else {
            time = nil
            return
        }
        time = EventTimeReader(EventTimeConfiguration(paths: [], format: format))
    }

    /// The value as the column keeps it; `nil` when that would change what it says.
    func read(_ value: SignalValue) -> SignalValue? {
        // SQLite's integers end at 2^63.
        if case .unsigned(let number) = value, type != .text {
            return read(.double(Double(number)))
        }
        guard let type, value != .null else { return value }
        switch (type, value) {
        case (.text, .text), (.int, .int), (.float, .double), (.bool, .bool): return value
        case (.text, _): return .text(value.text)
        case (.int, .double(let number)):
            return Self.whole(number).map { .int($0) }
        case (.int, .text(let text)): return Int64(text).map { .int($0) }
        case (.int, .bool(let flag)): return .int(flag ? 1 : 0)
        case (.float, .int(let number)): return .double(Double(number))
        case (.float, .text(let text)): return SignalType.decimal(text).map { .double($0) }
        case (.bool, .int), (.bool, .text):
            let flag = SignalType.bool.convert(value)
            return flag == .null ? nil : flag
        // How MySQL writes that there is no date.
        case (.time, .text(let text)) where text.hasPrefix("0000-00-00"): return .null
        case (.time, _):
            return time?.read(value).map { .double(Double($0.milliseconds) / 1_000) }
        default: return nil
        }
    }
    /// The whole number that a double stands for; `nil` when it may have lost digits.
    ///
    /// AWS DMS casts large integers to doubles and writes them as 1.2345E+17. Up to 2^53 a double
    /// holds every integer. Above it holds 15 digits for certain; one that prints with at most twelve
    /// had zeros at its end before the cast too, but for one number in thousands.
    static func whole(_ number: Double) -> Int64? {
        guard number.magnitude > 9_007_199_254_740_992 else { return Int64(exactly: number) }
        let parts = "\(number)".split(separator: "e")
        guard let mantissa = parts.first, let zeros = parts.last.flatMap({ Int($0) }) else {
            return nil
        }
        // 1.0e+16 has one digit that counts.
        let digits = mantissa.replacing(".0", with: "").filter { $0 != "." }
        let count = digits.filter(\.isNumber).count
        guard count <= 12, zeros >= count - 1, zeros <= 18 else { return nil }
        return Int64(digits + String(repeating: "0", count: zeros - count + 1))
    }
}
