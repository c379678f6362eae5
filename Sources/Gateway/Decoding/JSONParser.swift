// SPDX-License-Identifier: Apache-2.0
import JSONShim

/// Parses JSON texts one after the other and flattens each into leaves; belongs to one thread.
///
/// What `parse` returns is valid until the next `parse`.
@safe final class JSONParser {
    /// Bytes that must follow every text in its buffer.
    static let padding = Int(JSON_SHIM_PADDING)

    private let parser: OpaquePointer

    init(depthMax: Int) {
        let seed = UInt64.random(in: .min ... .max)
        guard let parser = unsafe json_shim_create(UInt32(depthMax), seed) else {
            preconditionFailure("no memory for a JSON parser")
        }
        unsafe self.parser = parser
    }

    deinit {
        unsafe json_shim_destroy(parser)
    }

    /// The leaves of a text that stands, with `padding` bytes behind it, in a larger buffer.
    func parse(_ bytes: [UInt8], in range: Range<Int>) throws(JSONError) -> JSONDocument {
        precondition(range.upperBound + Self.padding <= bytes.count, "a JSON text needs padding")
        let document = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe json_shim_parse(parser, Self.start(of: buffer, range), range.count)
        }
        if let error = unsafe document.error {
            let position = unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe json_shim_error_position(
                    parser,
                    Self.start(of: buffer, range),
                    range.count
                )
            }
            throw JSONError(
                message: unsafe String(cString: error),
                position: position < 0 ? nil : Int(position)
            )
        }
        return unsafe JSONDocument(
            elements: UnsafeBufferPointer(
                start: document.elements,
                count: Int(document.element_count)
            ),
            leaves: UnsafePointer(document.leaves)
        )
    }

    private static func start(
        of buffer: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>
    )
        -> UnsafePointer<UInt8>
    {
        guard let start = buffer.baseAddress else {
            preconditionFailure("a buffer with padding is not empty")
        }
        return unsafe start + range.lowerBound
    }

    /// The leaves of a text of our own.
    func parse(_ text: String) throws(JSONError) -> JSONDocument {
        let bytes = Array(text.utf8)
        let padded = bytes + [UInt8](repeating: 0, count: Self.padding)
        return try parse(padded, in: 0..<bytes.count)
    }

    /// The dotted path of a leaf of the last text.
    func path(element: Int, leaf: Int) -> String {
        var length = 0
        let bytes = unsafe json_shim_path(parser, UInt32(element), UInt32(leaf), &length)
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: length)
        return unsafe String(decoding: buffer, as: UTF8.self)
    }
}

/// Why a text is not JSON, and at which byte.
struct JSONError: Error, Equatable {
    var message: String
    var position: Int?
}

/// What a leaf of a JSON text is.
enum SignalKind: UInt8, Sendable, CaseIterable {
    case null
    case bool
    case int
    case float
    case text
    case emptyArray
    case emptyObject
}

/// A parsed text: one element, or those of the array at its root.
@safe struct JSONDocument {
    fileprivate let elements: UnsafeBufferPointer<json_shim_element>
    fileprivate let leaves: UnsafePointer<json_shim_leaf>?

    fileprivate init(
        elements: UnsafeBufferPointer<json_shim_element>,
        leaves: UnsafePointer<json_shim_leaf>?
    ) {
        unsafe self.elements = elements
        unsafe self.leaves = leaves
    }

    var count: Int { unsafe elements.count }

    /// The shape of an element: equal hashes mean equal paths and kinds.
    func hash(of element: Int) -> UInt64 { unsafe elements[element].hash }

    /// Tells which leaves of an element are of the kind `float`.
    func numberHash(of element: Int) -> UInt64 { unsafe elements[element].number_hash }

    func isObject(_ element: Int) -> Bool { unsafe elements[element].is_object }

    /// The positions of an element's leaves.
    func leaves(of element: Int) -> Range<Int> {
        let first = unsafe Int(elements[element].first_leaf)
        return unsafe first..<first + Int(elements[element].leaf_count)
    }

    /// What the leaf at a position is.
    func kind(at position: Int) -> SignalKind {
        guard let leaf = unsafe leaves?[position] else { return .null }
        switch unsafe leaf.kind {
        case json_shim_bool: return .bool
        case json_shim_int: return .int
        case json_shim_double: return .float
        case json_shim_string: return .text
        case json_shim_empty_array: return .emptyArray
        case json_shim_empty_object: return .emptyObject
        default: return .null
        }
    }

    /// The scalar at a leaf; `nil` for an empty array or object, which is none.
    func value(at position: Int) -> SignalValue? {
        guard let leaf = unsafe leaves?[position] else { return nil }
        switch unsafe leaf.kind {
        case json_shim_bool: return unsafe .bool(leaf.value.integer != 0)
        case json_shim_int: return unsafe .int(leaf.value.integer)
        case json_shim_double: return unsafe .double(leaf.value.real)
        case json_shim_null: return .null
        case json_shim_string:
            let bytes = unsafe UnsafeRawBufferPointer(
                start: leaf.value.string,
                count: Int(leaf.string_length)
            )
            return unsafe .text(String(decoding: bytes, as: UTF8.self))
        default: return nil
        }
    }
}
