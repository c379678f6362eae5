// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDBSQLite

/// A value of a result.
enum SQLValue: Equatable {
    case null
    case int(Int64)
    case double(Double)
    case text(String)
    case blob([UInt8])

    /// The current row of a statement.
    static func row(of statement: SQLiteStatement) -> [SQLValue] {
        (0..<Int32(statement.columnCount)).map { SQLValue(statement, $0) }
    }

    private init(_ statement: SQLiteStatement, _ column: Int32) {
        switch statement.type(column) {
        case SQLITE_INTEGER: self = .int(statement.int(column))
        case SQLITE_FLOAT: self = .double(statement.double(column))
        case SQLITE_TEXT: self = .text(statement.text(column))
        case SQLITE_BLOB:
            self = .blob(unsafe statement.withBytes(column) { unsafe [UInt8]($0) })
        default: self = .null
        }
    }

    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    var int: Int64? {
        if case .int(let number) = self { number } else { nil }
    }

    var isNumber: Bool {
        switch self {
        case .int, .double: true
        case .null, .text, .blob: false
        }
    }

    /// The value without quotes; `nil` is NULL.
    ///
    /// A blob is base64, here and in every format.
    var plain: String? {
        switch self {
        case .null: return nil
        case .int(let number): return String(number)
        case .double(let number):
            var json = JSONWriter()
            json.double(number)
            // JSON knows no infinity, and SQLite has no other number that is none.
            return number.isFinite
                ? String(decoding: json.bytes, as: UTF8.self) : number > 0 ? "Inf" : "-Inf"
        case .text(let text): return text
        case .blob(let bytes): return Data(bytes).base64EncodedString()
        }
    }
}
