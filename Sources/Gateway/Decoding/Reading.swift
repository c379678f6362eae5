// SPDX-License-Identifier: Apache-2.0

/// What was wrong with a device's clock.
enum ClockFlag: String, Sendable {
    /// Ahead of the arrival by more than the tolerance.
    case future
    /// Before any plausible time: never set.
    case past
    /// There, but not in the configured format.
    case unreadable
    /// Missing where the format always has one: from Sparkplug's wills, which are written beforehand.
    case absent
}

/// One decoded message, or one element of it.
///
/// Its values stand in the decoder, at the positions of its shape's columns, until the next reading.
struct Reading {
    let vehicle: String
    var eventTime: Timestamp
    let arrival: Timestamp
    /// Set when the device's time was not believable: then the event time is not its own.
    let clockFlag: ClockFlag?
    let shape: Shape
}

/// Why a message gave no reading.
struct DecodingFailure: Error, Equatable {
    /// The kind of failure, for counting.
    enum Kind: String, Sendable {
        case notJSON = "not_json"
        case notText = "not_text"
        case notUnpacked = "not_unpacked"
        case notCBOR = "not_cbor"
        case notMessagePack = "not_messagepack"
        case notSparkplug = "not_sparkplug"
        case noBirth = "no_birth"
        case wrongForm = "wrong_form"
        case noVehicle = "no_vehicle"
        case noPattern = "no_pattern"
        case overLimit = "over_limit"
        case noKey = "no_key"
        case unknownColumn = "unknown_column"
        case wrongType = "wrong_type"
        case contract
    }

    var kind: Kind
    var reason: String
    /// The byte where decoding stopped, when that is known.
    var position: Int?
}
