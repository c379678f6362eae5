// SPDX-License-Identifier: Apache-2.0
// Read strictly: a parameter that is misspelled, and so without effect, is worse than an error.
import Foundation

/// The parameters behind a request's `?`.
struct QueryParameters {
    private var values: [String: String] = [:]

    /// Reads a query; names that are not known are an error.
    ///
    /// `+` is a space, as in every form and `URLSearchParams`.
    init(_ query: String?, known: [String]) throws(HTTPProblem) {
        for pair in (query ?? "").split(separator: "&") {
            let parts = pair.split(
                separator: "=",
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            let name = try Self.decode(parts[0])
            guard known.contains(name) else {
                let near = Suggestion.sentence(for: name, among: known)
                throw HTTPProblem(
                    kind: .wrongParameter,
                    detail: "unknown parameter '\(name)'"
                        + (near.isEmpty ? "; known are \(known.joined(separator: ", "))" : near)
                )
            }
            guard values[name] == nil else {
                throw HTTPProblem(kind: .wrongParameter, detail: "'\(name)' is given twice")
            }
            values[name] = try Self.decode(parts.count > 1 ? parts[1] : "")
        }
    }

    /// A text, if it is given.
    func text(_ name: String) -> String? { values[name] }

    /// A whole number within bounds.
    func int(
        _ name: String,
        in range: ClosedRange<Int>,
        default fallback: Int
    )
        throws(HTTPProblem) -> Int
    {
        guard let value = values[name] else { return fallback }
        guard let number = Int(value), range.contains(number) else {
            throw HTTPProblem(
                kind: .wrongParameter,
                detail: "'\(name)' must be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound) (got '\(value)')"
            )
        }
        return number
    }

    /// True or false; false when it is not given.
    func flag(_ name: String) throws(HTTPProblem) -> Bool {
        switch values[name] {
        case nil, "false": return false
        case "true": return true
        case let value?:
            throw HTTPProblem(
                kind: .wrongParameter,
                detail: "'\(name)' must be true or false (got '\(value)')"
            )
        }
    }

    private static func decode(_ text: Substring) throws(HTTPProblem) -> String {
        guard let decoded = text.replacing("+", with: " ").removingPercentEncoding else {
            throw HTTPProblem(
                kind: .wrongParameter,
                detail: "'\(text)' is not percent-encoded UTF-8; write '%' as %25"
            )
        }
        return decoded
    }

    /// A text as it stands in a path or query: all but RFC 3986's unreserved characters encoded.
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { encoded, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded.append("%")
                encoded.append(digits[Int(byte >> 4)])
                encoded.append(digits[Int(byte & 15)])
            }
        }
    }
}
