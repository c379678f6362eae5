// SPDX-License-Identifier: Apache-2.0
// Values of Sparkplug as JSON. What a number means is its data type's: the wire has no negative integers.
import Foundation
import SparkplugProtocol

/// Sparkplug's data types, as far as they decide how a value is read (Sparkplug 3.0, section 6.4.16).
enum SparkplugType: UInt32 {
    case unknown = 0
    case int8, int16, int32, int64, uint8, uint16, uint32, uint64
    case float, double, boolean, string, dateTime, text
    case uuid, dataSet, bytes, file, template
    case propertySet, propertySetList
    case int8Array, int16Array, int32Array, int64Array
    case uint8Array, uint16Array, uint32Array, uint64Array
    case floatArray, doubleArray, booleanArray, stringArray, dateTimeArray
}

/// A number as JSON has it.
enum SparkplugScalar {
    case int(Int64)
    case unsigned(UInt64)
    case float(Float)
    case double(Double)
}

extension SparkplugType {
    /// A number of four bytes on the wire.
    func scalar(_ number: UInt32) -> SignalValue {
        switch self {
        case .int8: .int(Int64(Int8(truncatingIfNeeded: number)))
        case .int16: .int(Int64(Int16(truncatingIfNeeded: number)))
        case .int32, .int64: .int(Int64(Int32(bitPattern: number)))
        case .boolean: .bool(number != 0)
        default: .int(Int64(number))
        }
    }

    /// A number of eight bytes on the wire.
    func scalar(_ number: UInt64) -> SparkplugScalar {
        switch self {
        case .int8, .int16, .int32, .int64: .int(Int64(bitPattern: number))
        default: .unsigned(number)
        }
    }
}

extension JSONWriter {
    mutating func scalar(_ scalar: SparkplugScalar) {
        switch scalar {
        case .int(let number): int(number)
        case .unsigned(let number):
            if let small = Int64(exactly: number) {
                int(small)
            } else {
                raw(Array(String(number).utf8))
            }
        case .double(let number): double(number)
        case .float(let number):
            // The shortest decimal of its own width: 0.1, not 0.10000000149.
            number.isFinite ? raw(Array("\(number)".utf8)) : raw("null")
        }
    }

    /// A cell of a data set; null where it has no value.
    mutating func cell(_ cell: SparkplugCell?, _ type: SparkplugType) {
        switch cell?.value {
        case .intValue(let number)?: value(type.scalar(number))
        case .longValue(let number)?: scalar(type.scalar(number))
        case .floatValue(let number)?: scalar(.float(number))
        case .doubleValue(let number)?: double(number)
        case .booleanValue(let flag)?: value(.bool(flag))
        case .stringValue(let text)?: string(text)
        case nil: raw("null")
        }
    }

    /// The scalar of a metric, or its bytes; false for what is neither.
    mutating func metric(_ metric: SparkplugMetric, _ type: SparkplugType) -> Bool {
        guard !metric.isNull, let value = metric.value else {
            raw("null")
            return true
        }
        switch value {
        case .intValue(let number): self.value(type.scalar(number))
        case .longValue(let number): scalar(type.scalar(number))
        case .floatValue(let number): scalar(.float(number))
        case .doubleValue(let number): double(number)
        case .booleanValue(let flag): self.value(.bool(flag))
        case .stringValue(let text): string(text)
        case .bytesValue(let bytes):
            if !type.array(bytes, into: &self) { string(bytes.base64EncodedString()) }
        case .datasetValue, .templateValue: return false
        }
        return true
    }
}
