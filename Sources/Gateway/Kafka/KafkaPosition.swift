// SPDX-License-Identifier: Apache-2.0
import Foundation
import KafkaShim

/// Where a group stands in one topic.
struct KafkaPosition: Equatable, Sendable {
    var topic: String
    var partition: Int32 = 0
    /// The offset of the next record; `nil` when nothing was committed.
    var offset: Int64?
    /// What was committed beside it.
    var metadata = ""
}

extension KafkaPosition {
    init(topic: String, _ position: kafka_shim_position) {
        var position = unsafe position
        self.topic = topic
        partition = unsafe position.partition
        offset = unsafe position.offset < 0 ? nil : position.offset
        metadata = unsafe withUnsafeBytes(of: &position.metadata) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// Lends positions, of which there is at least one, in C's form.
func withShimPositions<Result>(
    _ positions: [KafkaPosition],
    _ body: (UnsafeMutablePointer<kafka_shim_position>, Int) -> Result
) -> Result {
    var list = unsafe positions.map { position in
        var shimPosition = unsafe kafka_shim_position()
        unsafe shimPosition.topic = unsafe UnsafePointer(copyCString(position.topic))
        unsafe shimPosition.partition = position.partition
        unsafe shimPosition.offset = position.offset ?? -1
        unsafe withUnsafeMutableBytes(of: &shimPosition.metadata) { bytes in
            unsafe bytes.copyBytes(from: position.metadata.utf8.prefix(bytes.count - 1))
        }
        return unsafe shimPosition
    }
    defer {
        for index in unsafe list.indices {
            unsafe free(UnsafeMutablePointer(mutating: list[index].topic))
        }
    }
    return unsafe list.withUnsafeMutableBufferPointer { buffer in
        guard let start = buffer.baseAddress else { preconditionFailure("a list of nothing") }
        return unsafe body(start, buffer.count)
    }
}
