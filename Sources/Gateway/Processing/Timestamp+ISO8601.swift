// SPDX-License-Identifier: Apache-2.0

extension Timestamp {
    /// `2026-01-05T08:00:00.123Z` (RFC 3339).
    var iso8601: String {
        let days = Int64((Double(milliseconds) / 86_400_000).rounded(.down))
        let inDay = milliseconds - days * 86_400_000
        let (year, month, day) = Self.civil(fromDays: days)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
            + "\(padded(inDay / 3_600_000, 2)):\(padded(inDay / 60_000 % 60, 2)):"
            + "\(padded(inDay / 1_000 % 60, 2)).\(padded(inDay % 1_000, 3))Z"
    }

    /// Reads the form of RFC 3339, section 5.6, with or without a fraction; `nil` for all else.
    ///
    /// Digits behind the millisecond are cut off. A leap second is the second before it.
    init?(iso8601 text: String) {
        var rest = Substring(text).utf8[...]
        func number(_ width: Int, _ range: ClosedRange<Int64>) -> Int64? {
            let digits = rest.prefix(width)
            guard digits.count == width, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                return nil
            }
            rest = rest.dropFirst(width)
            let number = digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
            return range.contains(number) ? number : nil
        }
        func skip(_ words: String) -> Bool {
            guard let byte = rest.first, words.utf8.contains(byte) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4, 0...9_999), skip("-"), let month = number(2, 1...12), skip("-"),
            let day = number(2, 1...31), skip("Tt "), let hour = number(2, 0...23), skip(":"),
            let minute = number(2, 0...59), skip(":"), let second = number(2, 0...60)
        else { return nil }
        let days = Self.days(fromYear: year, month: month, day: day)
        // 30 February would come back as 2 March.
        guard Self.civil(fromDays: days) == (year, month, day) else { return nil }
        var milliseconds: Int64 = 0
        if skip(".") {
            let digits = rest.prefix { 0x30...0x39 ~= $0 }
            guard !digits.isEmpty else { return nil }
            for place in 0..<3 {
                let digit = digits.dropFirst(place).first.map { Int64($0 - 0x30) } ?? 0
                milliseconds = milliseconds * 10 + digit
            }
            rest = rest.dropFirst(digits.count)
        }
        var offset: Int64 = 0
        let sign: Int64 = rest.first == UInt8(ascii: "-") ? -1 : 1
        if skip("+-") {
            guard let hours = number(2, 0...23) else { return nil }
            _ = skip(":")
            guard let minutes = number(2, 0...59) else { return nil }
            offset = sign * (hours * 60 + minutes)
        } else if !skip("Zz") {
            return nil
        }
        guard rest.isEmpty else { return nil }
        let inDay = (hour * 60 + minute - offset) * 60 + min(second, 59)
        self.init(milliseconds: days * 86_400_000 + inDay * 1_000 + milliseconds)
    }

    /// The day count of a proleptic Gregorian date (Howard Hinnant, `days_from_civil`).
    private static func days(fromYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The proleptic Gregorian date of a day count (Howard Hinnant, `civil_from_days`).
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
