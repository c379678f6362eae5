// SPDX-License-Identifier: Apache-2.0
// Between the bytes as they arrived and the parser of JSON: what is compressed is unpacked, once, and
// what is written in another encoding becomes JSON text. A plain payload is passed on where it lies.

/// Opens the payloads of one configured topic; belongs to one thread.
final class PayloadOpener {
    private let format: PayloadFormat
    private let encoding: PayloadEncoding
    private let limits: LimitsConfiguration
    /// Made when the first payload needs them: most topics never do.
    private lazy var unpacker = PayloadUnpacker(bytesMax: limits.unpackedBytesMax)
    private lazy var transcoder = PayloadTranscoder(
        depthMax: limits.depthMax,
        bytesMax: limits.unpackedBytesMax
    )
    private var wasUnpacked = false

    /// The last payload was neither compressed nor in an encoding of bytes.
    var wasPlain: Bool { !wasUnpacked && encoding == .json && format != .sparkplugB }

    /// A payload that was opened: where in a buffer with padding its text is.
    struct Opened {
        let bytes: [UInt8]
        let range: Range<Int>
    }

    init(_ configuration: TopicConfiguration, limits: LimitsConfiguration) {
        format = configuration.format
        encoding = configuration.encoding
        self.limits = limits
    }

    /// The text of a payload that stands, with padding behind it, in a larger buffer.
    func open(_ bytes: [UInt8], _ payload: Range<Int>) throws(DecodingFailure) -> Opened {
        let unpacked = try unpack(bytes, payload)
        wasUnpacked = unpacked != nil
        let packed = unpacked ?? Opened(bytes: bytes, range: payload)
        guard encoding != .json, format != .text else { return packed }
        do {
            let length = try transcoder.transcode(packed.bytes[packed.range], from: encoding)
            return Opened(bytes: transcoder.bytes, range: 0..<length)
        } catch {
            var failure = error
            failure.reason = located(failure.reason)
            throw failure
        }
    }

    /// A reason, with the place in which its position counts when that is not the payload itself.
    func located(_ reason: String) -> String {
        wasUnpacked ? "\(reason), in the unpacked payload" : reason
    }

    private func unpack(
        _ bytes: [UInt8],
        _ payload: Range<Int>
    ) throws(DecodingFailure) -> Opened? {
        guard let first = payload.isEmpty ? nil : bytes[payload.lowerBound],
            Self.mayBePacked(first)
        else { return nil }
        let length = try unpacker.unpack(
            bytes[payload],
            canBeginAsZlib: canBeginAsZlib(first)
        )
        return length.map { Opened(bytes: unpacker.bytes, range: 0..<$0) }
    }

    /// A glance that spares ordinary JSON the look at the magic.
    private static func mayBePacked(_ first: UInt8) -> Bool {
        first == 0x1F || first & 0x0F == 8 || first & 0xF0 == 0x50
    }

    /// Whether the topic's own payloads may begin as zlib does.
    ///
    /// JSON begins so only with the digit 8: `80` is a zlib header by chance.
    private func canBeginAsZlib(_ first: UInt8) -> Bool {
        format == .text || format == .sparkplugB || encoding != .json || first == UInt8(ascii: "8")
    }
}
