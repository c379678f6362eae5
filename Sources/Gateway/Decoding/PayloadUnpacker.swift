// SPDX-License-Identifier: Apache-2.0
// Compressed payloads are known by their first bytes, so nobody configures them. What comes out is
// bounded while it comes: a bomb costs the bound, not its size.
import PayloadShim

/// Decompresses payloads one after the other; belongs to one thread.
@safe final class PayloadUnpacker {
    /// How much comes out before the room is looked at again.
    private static let roomMin = 64 << 10

    /// The payload that was unpacked last, with room behind it for the parser to read.
    private(set) var bytes: [UInt8] = []

    private let bytesMax: Int
    private let unpacker: OpaquePointer

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
        // 8 MiB is what RFC 8878, section 3.1.1.1.2, asks of every decoder.
        let logarithm = max(23, Int.bitWidth - bytesMax.leadingZeroBitCount)
        guard
            let unpacker = unsafe payload_shim_unpacker_create(Int32(min(logarithm, 27)))
        else { preconditionFailure("no memory for an unpacker") }
        unsafe self.unpacker = unpacker
    }

    deinit {
        unsafe payload_shim_unpacker_destroy(unpacker)
    }

    /// Unpacks a payload into `bytes` and tells how long it is there; `nil` when it is not compressed.
    ///
    /// `canBeginAsZlib` tells that a payload which is not compressed may begin with the two bytes of
    /// zlib's header. Then only what is zlib to its end, checksum and all, counts as compressed.
    func unpack(
        _ payload: ArraySlice<UInt8>,
        canBeginAsZlib: Bool
    ) throws(DecodingFailure) -> Int? {
        let result = unsafe payload.withUnsafeBufferPointer { buffer in
            Result { () throws(DecodingFailure) in
                try unsafe unpack(buffer, canBeginAsZlib: canBeginAsZlib)
            }
        }
        return try result.get()
    }

    private func unpack(
        _ payload: UnsafeBufferPointer<UInt8>,
        canBeginAsZlib: Bool
    ) throws(DecodingFailure) -> Int? {
        guard let start = payload.baseAddress else { return nil }
        let packing = unsafe payload_shim_recognise(start, payload.count)
        guard packing != payload_shim_plain else { return nil }
        guard unsafe payload_shim_unpack_begin(unpacker, packing) else {
            throw DecodingFailure(kind: .notUnpacked, reason: "no memory to unpack it")
        }
        var length = 0
        while true {
            makeRoom(behind: length)
            var written = 0
            let room = bytes.count - JSONParser.padding - length
            let progress = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return payload_shim_broken }
                return unsafe payload_shim_unpack(
                    unpacker,
                    start,
                    payload.count,
                    base + length,
                    room,
                    &written
                )
            }
            length += written
            if length > bytesMax {
                throw DecodingFailure(
                    kind: .overLimit,
                    reason: "the payload unpacks to more than limits.unpacked",
                    position: unsafe payload_shim_unpack_position(unpacker)
                )
            }
            switch progress {
            case payload_shim_done: return length
            case payload_shim_more: continue
            default:
                if packing == payload_shim_zlib, canBeginAsZlib { return nil }
                throw failure(packing)
            }
        }
    }

    /// One byte more than may come out is enough to see that more would.
    private func makeRoom(behind length: Int) {
        let wanted = min(max(Self.roomMin, length * 2), bytesMax + 1) + JSONParser.padding
        guard bytes.count < wanted else { return }
        bytes.append(contentsOf: repeatElement(0, count: wanted - bytes.count))
    }

    private func failure(_ packing: payload_shim_packing) -> DecodingFailure {
        let name =
            switch packing {
            case payload_shim_gzip: "gzip"
            case payload_shim_zlib: "zlib"
            default: "zstd"
            }
        let error = unsafe String(cString: payload_shim_unpack_error(unpacker))
        return DecodingFailure(
            kind: .notUnpacked,
            reason: "not unpacked as \(name): \(error)",
            position: unsafe payload_shim_unpack_position(unpacker)
        )
    }
}
