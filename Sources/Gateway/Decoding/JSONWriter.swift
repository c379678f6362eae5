// SPDX-License-Identifier: Apache-2.0
import JSONShim

/// Writes JSON straight into bytes: the hot path makes no intermediate strings.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Appends text that is JSON already.
    @inline(__always)
    mutating func raw(_ text: StaticString) {
        unsafe bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    /// Appends bytes that are JSON already.
    @inline(__always)
    mutating func raw(_ encoded: [UInt8]) {
        bytes.append(contentsOf: encoded)
    }

    /// Appends `"name":`.
    mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Appends `,"name":`, or without the comma at the start of an object.
    mutating func member(_ name: String) {
        separate()
        key(name)
    }

    /// Appends members that are texts.
    mutating func texts(_ members: [(String, String)]) {
        for (name, text) in members {
            member(name)
            string(text)
        }
    }

    /// Appends a member that is an array of texts.
    mutating func texts(_ name: String, _ list: [String]) {
        member(name)
        raw("[")
        for text in list {
            separate()
            string(text)
        }
        raw("]")
    }

    /// A comma, unless a bracket or nothing stands before.
    mutating func separate() {
        guard let last = bytes.last, last != UInt8(ascii: "{"), last != UInt8(ascii: "[") else {
            return
        }
        bytes.append(UInt8(ascii: ","))
    }

    mutating func value(_ value: SignalValue) {
        switch value {
        case .null: raw("null")
        case .bool(let flag): flag ? raw("true") : raw("false")
        case .int(let number): int(number)
        case .unsigned(let number): raw(Array(String(number).utf8))
        case .double(let number): double(number)
        case .text(let text): string(text)
        }
    }

    mutating func int(_ number: Int64) {
        guard number < 0 || number > 9 else {
            bytes.append(UInt8(ascii: "0") + UInt8(number))
            return
        }
        var rest = number.magnitude
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            while rest > 0 {
                start -= 1
                unsafe digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            if number < 0 { bytes.append(UInt8(ascii: "-")) }
            unsafe bytes.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start...]))
        }
    }

    /// The shortest decimal that reads back as the same number; `null` when it is none.
    mutating func double(_ number: Double) {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            guard let start = buffer.baseAddress else { return }
            let length = unsafe json_shim_write_double(number, start)
            unsafe UnsafeRawBufferPointer(start: start, count: length)
                .withMemoryRebound(
                    to: UInt8.self
                ) { text in
                    unsafe bytes.append(contentsOf: text)
                }
        }
    }

    /// A quoted string (RFC 8259, section 7).
    mutating func string(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            if unsafe utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) {
                for index in utf8.indices { unsafe escape(utf8[index]) }
            } else {
                unsafe bytes.append(contentsOf: utf8)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends one byte of a string's text, escaped if it must be.
    mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw(#"\""#)
        case UInt8(ascii: "\\"): raw(#"\\"#)
        case UInt8(ascii: "\n"): raw(#"\n"#)
        case UInt8(ascii: "\r"): raw(#"\r"#)
        case UInt8(ascii: "\t"): raw(#"\t"#)
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            raw(#"\u00"#)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }
}
