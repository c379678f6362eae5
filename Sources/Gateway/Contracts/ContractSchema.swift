// SPDX-License-Identifier: Apache-2.0
import ContractShim

/// A JSON Schema (draft 7, a documented subset), compiled once.
///
/// `Sendable` without the compiler's proof: nothing writes to a schema once `init` has compiled it, and
/// checkers take it as const; it is freed when nobody holds it any more.
@safe final class ContractSchema: @unchecked Sendable {
    /// Something wrong with a schema: where, as a JSON pointer, and what.
    struct Mistake: Equatable {
        var pointer: String
        var reason: String
    }

    /// The keywords that a schema may have.
    static let keywords = unsafe String(cString: contract_shim_keywords())
        .split(separator: " ").map(String.init)

    fileprivate let schema: OpaquePointer

    /// Compiles a schema; its mistakes, if there are any, forbid its use.
    private init(json: [UInt8]) {
        guard let schema = unsafe contract_shim_compile(json, json.count) else {
            preconditionFailure("no memory for a contract")
        }
        unsafe self.schema = schema
    }

    deinit {
        unsafe contract_shim_destroy_schema(schema)
    }

    /// A schema from its text, or all that is wrong with it.
    static func compile(json: [UInt8]) -> (schema: ContractSchema?, mistakes: [Mistake]) {
        let made = ContractSchema(json: json)
        let mistakes = (0..<(unsafe contract_shim_problem_count(made.schema)))
            .map { index in
                let pointer = unsafe contract_shim_problem_pointer(made.schema, index)
                let reason = unsafe contract_shim_problem_reason(made.schema, index)
                return unsafe Mistake(
                    pointer: String(cString: pointer),
                    reason: String(cString: reason)
                )
            }
        return (mistakes.isEmpty ? made : nil, mistakes)
    }
}

/// Checks messages one after the other; belongs to one thread.
@safe final class ContractChecker {
    private let checker: OpaquePointer

    init(depthMax: Int) {
        guard let checker = unsafe contract_shim_create(UInt32(depthMax)) else {
            preconditionFailure("no memory for a contract's checker")
        }
        unsafe self.checker = checker
    }

    deinit {
        unsafe contract_shim_destroy(checker)
    }

    /// Reads a text that stands, with the parser's padding behind it, in a larger buffer.
    ///
    /// Tells how many elements it has: those of an array that is its root, otherwise one; `nil` when it
    /// is no JSON.
    func read(_ bytes: [UInt8], in range: Range<Int>) -> Int? {
        precondition(
            range.upperBound + Int(CONTRACT_SHIM_PADDING) <= bytes.count,
            "a JSON text needs padding"
        )
        let count = unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return Int64(-1) }
            return unsafe contract_shim_read(checker, start + range.lowerBound, range.count)
        }
        return count < 0 ? nil : Int(count)
    }

    /// What an element of the last text violates, at most five: `/speed: 300 is above the maximum 250`.
    func violations(of element: Int, _ schema: ContractSchema) -> [String] {
        let count = unsafe contract_shim_check(checker, schema.schema, element)
        return (0..<count)
            .map { index in
                let pointer = unsafe String(
                    cString: contract_shim_violation_pointer(checker, index)
                )
                let reason = unsafe String(cString: contract_shim_violation_reason(checker, index))
                return pointer.isEmpty ? reason : "\(pointer): \(reason)"
            }
    }
}
