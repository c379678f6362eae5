// SPDX-License-Identifier: Apache-2.0

/// The JSON type of the value at a path, as it came: before the catalogue converts it.
enum SchemaType: String, Sendable, Hashable, Comparable, CaseIterable {
    case null
    case bool
    case int
    case float
    case text
    /// A list whose elements are told apart by their index; also an empty one.
    case array
    /// An object without members; others are known by the paths in them.
    case object

    static func < (left: SchemaType, right: SchemaType) -> Bool { left.rawValue < right.rawValue }

    /// Its place among all types.
    var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    var isNumber: Bool { self == .int || self == .float }

    /// Whether a value of one type may turn out as the other under the same meaning.
    func isLike(_ other: SchemaType) -> Bool { self == other || isNumber && other.isNumber }
}

extension SchemaType {
    init(_ kind: SignalKind) {
        self =
            switch kind {
            case .null: .null
            case .bool: .bool
            case .int: .int
            case .float: .float
            case .text: .text
            case .emptyArray: .array
            case .emptyObject: .object
            }
    }

    /// The type of a plain text value.
    init(_ value: SignalValue) {
        self =
            switch value {
            case .null: .null
            case .bool: .bool
            case .int, .unsigned: .int
            case .double: .float
            case .text: .text
            }
    }
}

/// One member of a version: a version is a set of these.
struct SchemaKey: Hashable, Comparable, Sendable {
    /// Dotted, with `*` for the index of a list.
    var path: String
    var type: SchemaType

    static func < (left: SchemaKey, right: SchemaKey) -> Bool {
        (left.path, left.type) < (right.path, right.type)
    }
}

extension Sequence where Element == SchemaKey {
    /// Tells versions apart by what is in them, whatever came first: FNV-1a over the sorted members.
    var fingerprint: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for key in sorted() {
            for byte in "\(key.path)\u{0}\(key.type.rawValue)\u{0}".utf8 {
                hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3
            }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
