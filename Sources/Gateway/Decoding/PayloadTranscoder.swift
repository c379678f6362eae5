// SPDX-License-Identifier: Apache-2.0
import PayloadShim

/// Turns CBOR and MessagePack into JSON text, one payload after the other; belongs to one thread.
///
/// One text for one parser: flattening, shapes and limits are the same for every encoding.
@safe final class PayloadTranscoder {
    /// The text that was made last, with room behind it for the parser to read.
    private(set) var bytes: [UInt8] = []

    private let reader: OpaquePointer

    init(depthMax: Int, bytesMax: Int) {
        guard let reader = unsafe payload_shim_reader_create(depthMax, bytesMax) else {
            preconditionFailure("no memory for a reader")
        }
        unsafe self.reader = reader
    }

    deinit {
        unsafe payload_shim_reader_destroy(reader)
    }

    /// Writes a payload as JSON into `bytes` and tells how long it is there.
    func transcode(
        _ payload: ArraySlice<UInt8>,
        from encoding: PayloadEncoding
    ) throws(DecodingFailure) -> Int {
        // An empty slice may have no address.
        guard !payload.isEmpty else {
            throw DecodingFailure(kind: encoding.failureKind, reason: "empty payload", position: 0)
        }
        let text = unsafe payload.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return unsafe payload_shim_text() }
            return unsafe encoding == .cbor
                ? payload_shim_read_cbor(reader, start, buffer.count)
                : payload_shim_read_messagepack(reader, start, buffer.count)
        }
        guard let start = unsafe text.text else {
            throw unsafe failure(text, encoding)
        }
        bytes.removeAll(keepingCapacity: true)
        unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: text.length))
        bytes.append(contentsOf: repeatElement(0, count: JSONParser.padding))
        return bytes.count - JSONParser.padding
    }

    private func failure(
        _ text: payload_shim_text,
        _ encoding: PayloadEncoding
    ) -> DecodingFailure {
        let isTooLarge = unsafe text.verdict == payload_shim_too_large
        let error = unsafe text.error.map { unsafe String(cString: $0) } ?? ""
        return DecodingFailure(
            kind: isTooLarge ? .overLimit : encoding.failureKind,
            reason: isTooLarge
                ? "the payload is longer than limits.unpacked when it is written as JSON" : error,
            position: unsafe text.position
        )
    }
}

extension PayloadEncoding {
    fileprivate var failureKind: DecodingFailure.Kind {
        switch self {
        case .json: .notJSON
        case .cbor: .notCBOR
        case .messagePack: .notMessagePack
        }
    }
}
