// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Bytes as specifications print them, two hexadecimal digits each; spaces do not count.
    init(hex: String) {
        let digits = hex.filter { !$0.isWhitespace }
        precondition(digits.count.isMultiple(of: 2), "half a byte in '\(hex)'")
        var start = digits.startIndex
        self = []
        while start < digits.endIndex {
            let end = digits.index(start, offsetBy: 2)
            guard let byte = UInt8(digits[start..<end], radix: 16) else {
                preconditionFailure("no byte: '\(digits[start..<end])'")
            }
            append(byte)
            start = end
        }
    }
}
