// SPDX-License-Identifier: Apache-2.0
// Sparkplug packs arrays into bytes, little-endian (Sparkplug 3.0, section 6.4.16).
import Foundation

extension SparkplugType {
    /// Writes packed bytes as a JSON array; false when they are not such an array.
    func array(_ bytes: Data, into json: inout JSONWriter) -> Bool {
        switch self {
        case .int8Array: fixed(bytes, 1, &json) { .int(Int64(Int8(truncatingIfNeeded: $0))) }
        case .int16Array: fixed(bytes, 2, &json) { .int(Int64(Int16(truncatingIfNeeded: $0))) }
        case .int32Array: fixed(bytes, 4, &json) { .int(Int64(Int32(truncatingIfNeeded: $0))) }
        case .int64Array: fixed(bytes, 8, &json) { .int(Int64(bitPattern: $0)) }
        case .uint8Array: fixed(bytes, 1, &json) { .int(Int64($0)) }
        case .uint16Array: fixed(bytes, 2, &json) { .int(Int64($0)) }
        case .uint32Array: fixed(bytes, 4, &json) { .int(Int64($0)) }
        case .uint64Array, .dateTimeArray: fixed(bytes, 8, &json) { .unsigned($0) }
        case .floatArray:
            fixed(bytes, 4, &json) { .float(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) }
        case .doubleArray: fixed(bytes, 8, &json) { .double(Double(bitPattern: $0)) }
        case .booleanArray: booleans(bytes, &json)
        case .stringArray: strings(bytes, &json)
        default: false
        }
    }

    private func fixed(
        _ bytes: Data,
        _ width: Int,
        _ json: inout JSONWriter,
        _ scalar: (UInt64) -> SparkplugScalar
    ) -> Bool {
        guard bytes.count.isMultiple(of: width) else { return false }
        json.raw("[")
        for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: width) {
            let value = bytes[start..<start + width].reversed()
                .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            json.separate()
            json.scalar(scalar(value))
        }
        json.raw("]")
        return true
    }

    /// How many there are, in four bytes, then a bit for each, the highest first.
    private func booleans(_ bytes: Data, _ json: inout JSONWriter) -> Bool {
        guard bytes.count >= 4 else { return false }
        let count = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        let bits = Array(bytes.dropFirst(4))
        guard count <= bits.count * 8 else { return false }
        json.raw("[")
        for index in 0..<count {
            json.separate()
            json.value(.bool(bits[index / 8] >> (7 - index % 8) & 1 == 1))
        }
        json.raw("]")
        return true
    }

    /// Each ends with a zero byte.
    private func strings(_ bytes: Data, _ json: inout JSONWriter) -> Bool {
        guard bytes.last ?? 0 == 0, let text = String(validating: bytes, as: UTF8.self) else {
            return false
        }
        json.raw("[")
        for word in text.split(separator: "\0", omittingEmptySubsequences: false).dropLast() {
            json.separate()
            json.string(String(word))
        }
        json.raw("]")
        return true
    }
}
