// SPDX-License-Identifier: Apache-2.0

/// The notation of a payload's values; what they mean is `PayloadFormat`'s.
enum PayloadEncoding: String, Sendable, CaseIterable {
    /// RFC 8259.
    case json
    /// RFC 8949.
    case cbor
    /// The MessagePack specification of 2017, with its timestamps.
    case messagePack = "messagepack"
}
