// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Appends text as a JSON string, quotes included (RFC 8259, section 7).
    mutating func appendJSONString(_ text: some StringProtocol) {
        append("\"")
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            // U+007F and the C1 controls are legal in JSON, but a terminal obeys them.
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                append("\\u")
                let digits = String(scalar.value, radix: 16)
                append(String(repeating: "0", count: 4 - digits.count))
                append(digits)
            default: unicodeScalars.append(scalar)
            }
        }
        append("\"")
    }
}
