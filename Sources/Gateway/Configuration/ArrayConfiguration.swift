// SPDX-License-Identifier: Apache-2.0
// How arrays in payloads become signals. docs/flattening.md has the rules.

/// How the arrays at one path become signals.
struct ArrayConfiguration: Sendable, Equatable {
    /// Dotted; `*` is any one level.
    var path: String
    var mode: ArrayMode

    /// Of two paths that fit an array, the one with fewer of them holds.
    var wildcardCount: Int { path.split(separator: ".").count { $0 == "*" } }
}

/// What the elements of an array become.
enum ArrayMode: Sendable, Equatable {
    /// Signals with the element's index in their names.
    case index
    /// A reading each, with what stands outside the array.
    case explode
    /// Signals with what stands under this key of the element in their names.
    case pivot(key: String)
}

extension ConfigurationDecoder {
    func decodeArrays(_ section: YAMLMapping, format: PayloadFormat) -> [ArrayConfiguration] {
        if format == .scalar || format == .text {
            section.value.report(
                "format \(format.rawValue) has no JSON object whose arrays could be meant"
            )
        }
        var arrays: [ArrayConfiguration] = []
        for (path, value) in section.entries() {
            guard let mode = arrayMode(value) else { continue }
            if path.isEmpty {
                value.report(
                    "needs a path; an array at the root always gives a reading for each element"
                )
            }
            if mode == .explode { reportUnfitExplosion(path, value, among: arrays) }
            arrays.append(ArrayConfiguration(path: path, mode: mode))
        }
        if arrays.count > JSONArrays.countMax {
            section.value.report(
                "must have at most \(JSONArrays.countMax) paths (got \(arrays.count)); "
                    + "index is the default and need not be written"
            )
        }
        return arrays
    }

    private func reportUnfitExplosion(
        _ path: String,
        _ value: YAMLValue,
        among arrays: [ArrayConfiguration]
    ) {
        if let other = arrays.first(where: { $0.mode == .explode }) {
            value.report(
                "only one array of a topic can be exploded, and '\(other.path)' is already"
            )
        }
        if ArrayConfiguration(path: path, mode: .explode).wildcardCount > 0 {
            value.report("explode takes one array, so its path has no '*'")
        }
    }

    /// `index`, `explode` or `{pivot: KEY}`.
    private func arrayMode(_ value: YAMLValue) -> ArrayMode? {
        if value.isMapping {
            let key = value.mapping { $0.required("pivot")?.string() } ?? nil
            return key.map { .pivot(key: $0) }
        }
        guard let text = value.string() else { return nil }
        switch text {
        case "index": return .index
        case "explode": return .explode
        case "pivot":
            value.report("pivot needs the key that names an element: {pivot: KEY}")
        default:
            value.report(
                "must be index, explode or {pivot: KEY} (got '\(text)')"
                    + Suggestion.sentence(for: text, among: ["index", "explode", "pivot"])
            )
        }
        return nil
    }
}
