// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDBSQLite

/// The functions that the prompt adds to SQLite's.
enum QueryFunctions {
    /// `iso(ms)`: a time of the log as `2026-01-05T08:00:00.123Z`; NULL of what is no number.
    static func installISO(on connection: OpaquePointer) -> Int32 {
        unsafe sqlite3_create_function_v2(
            connection,
            "iso",
            1,
            flags,
            nil,
            { context, _, arguments in
                let argument = unsafe arguments?[0]
                let type = unsafe sqlite3_value_numeric_type(argument)
                guard type == SQLITE_INTEGER || type == SQLITE_FLOAT else {
                    unsafe sqlite3_result_null(context)
                    return
                }
                // Years of more than four digits are no times of this log, and have no such text.
                let milliseconds = unsafe sqlite3_value_int64(argument)
                guard abs(Double(milliseconds)) < 62_135_596_800_000 else {
                    unsafe sqlite3_result_null(context)
                    return
                }
                let text = Timestamp(milliseconds: milliseconds).iso8601
                let transient = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
                unsafe sqlite3_result_text(context, text, -1, transient)
            },
            nil,
            nil,
            nil
        )
    }

    /// `follow_after(stream)` and `follow_upto(stream)`: the bounds of one evaluation.
    ///
    /// They are deterministic as SQLite means it: within one execution they give the same, so they
    /// are computed once and bound the scan of the table. The bounds must outlive the connection.
    static func install(_ bounds: StreamBounds, on connection: OpaquePointer) -> Int32 {
        let context = unsafe Unmanaged.passUnretained(bounds).toOpaque()
        let after = unsafe sqlite3_create_function_v2(
            connection,
            "follow_after",
            1,
            flags,
            context,
            { unsafe QueryFunctions.answer($0, $2) { $0.after($1) } },
            nil,
            nil,
            nil
        )
        guard after == SQLITE_OK else { return after }
        return unsafe sqlite3_create_function_v2(
            connection,
            "follow_upto",
            1,
            flags,
            context,
            { unsafe QueryFunctions.answer($0, $2) { $0.upto($1) } },
            nil,
            nil,
            nil
        )
    }

    private static let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS

    private static func answer(
        _ context: OpaquePointer?,
        _ arguments: UnsafeMutablePointer<OpaquePointer?>?,
        _ offset: (StreamBounds, String) -> Int64
    ) {
        guard let data = unsafe sqlite3_user_data(context),
            let name = unsafe sqlite3_value_text(arguments?[0])
        else { return }
        let bounds = unsafe Unmanaged<StreamBounds>.fromOpaque(data).takeUnretainedValue()
        unsafe sqlite3_result_int64(context, offset(bounds, String(cString: name)))
    }
}
