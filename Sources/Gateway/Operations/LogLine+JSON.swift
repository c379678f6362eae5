// SPDX-License-Identifier: Apache-2.0

import Logging

extension LogLine {
    /// The record's own fields; metadata of the same name is kept under `metadata.<name>`.
    private static let reservedKeys: Set<String> = ["time", "level", "logger", "message"]

    /// The record as one line of JSON, for machines.
    ///
    /// `{"time":"2026-03-01T12:03:04.123Z","level":"info","logger":"intake","message":"session up"}`
    var json: String {
        var text = "{\"time\":\"\(time.iso8601)\",\"level\":\"\(level.rawValue)\""
        text += ",\"logger\":"
        text.appendJSONString(label)
        text += ",\"message\":"
        text.appendJSONString(message)
        for (key, value) in fields {
            text += ","
            text.appendJSONString(Self.reservedKeys.contains(key) ? "metadata.\(key)" : key)
            text += ":"
            switch value {
            case .text(let string): text.appendJSONString(string)
            case .literal(let literal): text += literal
            }
        }
        text += "}\n"
        return text
    }
}
