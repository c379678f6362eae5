// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Timestamp {
    /// The form `12:03:04.123` in the time zone of the machine, for a person at a terminal.
    var localTime: String {
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        let shift = Int64(TimeZone.current.secondsFromGMT(for: date)) * 1_000
        return String((self + shift).iso8601.dropFirst(11).dropLast())
    }
}
