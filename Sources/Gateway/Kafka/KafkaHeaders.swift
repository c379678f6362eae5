// SPDX-License-Identifier: Apache-2.0
import Foundation
import KafkaShim

/// A record's headers: made once, sent with every event; only values change between two sends, and
/// they are written in place.
@safe final class KafkaHeaders {
    let count: Int
    let list: UnsafeMutablePointer<kafka_shim_header>
    private var capacities: [Int]

    init(_ headers: [(name: String, value: String)]) {
        count = headers.count
        capacities = headers.map { max(24, $0.value.utf8.count) }
        unsafe list = .allocate(capacity: headers.count)
        for (index, header) in headers.enumerated() {
            let value = UnsafeMutablePointer<CChar>.allocate(capacity: capacities[index])
            guard let name = unsafe strdup(header.name) else { preconditionFailure("no memory") }
            unsafe (list + index)
                .initialize(
                    to: kafka_shim_header(name: name, value: value, length: 0)
                )
            var text = header.value
            text.withUTF8 { unsafe set(index, UnsafeRawBufferPointer($0)) }
        }
    }

    deinit {
        for index in 0..<count {
            unsafe free(UnsafeMutablePointer(mutating: list[index].name))
            unsafe list[index].value.deallocate()
        }
        unsafe list.deallocate()
    }

    func set(_ index: Int, _ bytes: UnsafeRawBufferPointer) {
        if bytes.count > capacities[index] {
            unsafe list[index].value.deallocate()
            capacities[index] = bytes.count
            let value = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            unsafe list[index].value = unsafe UnsafePointer(value)
        }
        let target = unsafe UnsafeMutableRawPointer(mutating: list[index].value)
        if let start = bytes.baseAddress {
            unsafe target.copyMemory(from: start, byteCount: bytes.count)
        }
        unsafe list[index].length = bytes.count
    }

    /// Changes the value of a header to a number, in decimal digits.
    func set(_ index: Int, _ number: Int64) {
        unsafe withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { buffer in
            var position = 20
            var rest = number.magnitude
            repeat {
                position -= 1
                unsafe buffer[position] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 {
                position -= 1
                unsafe buffer[position] = UInt8(ascii: "-")
            }
            unsafe set(index, UnsafeRawBufferPointer(rebasing: buffer[position...]))
        }
    }
}
