// SPDX-License-Identifier: Apache-2.0
// Strict decoding of YAML with places: every value remembers its line, every key that nobody
// asked for is a problem, and all problems are reported at once.
import Yams

/// One value of a YAML document and where it stands.
struct YAMLValue {
    let node: Node
    let key: String
    let file: String
    let problems: ProblemCollector

    var line: Int { node.mark?.line ?? 0 }

    var isMapping: Bool { node.mapping != nil }

    func report(_ message: String) {
        problems.report(Problem(file: file, line: line, key: key, message: message))
    }

    /// The text of a scalar, or `nil` with a report.
    func string() -> String? {
        guard let scalar = node.scalar else {
            report("must be a single value, not a \(node.mapping != nil ? "mapping" : "list")")
            return nil
        }
        return scalar.string
    }

    /// The scalar as a whole number, or `nil` with a report.
    func int(in range: ClosedRange<Int>) -> Int? {
        guard let text = string() else { return nil }
        guard let number = Int(text.replacing("_", with: "")) else {
            report("must be a whole number (got '\(text)')")
            return nil
        }
        guard range.contains(number) else {
            report("must be from \(range.lowerBound) to \(range.upperBound) (got \(number))")
            return nil
        }
        return number
    }

    /// The scalar as true or false, or `nil` with a report.
    func bool() -> Bool? {
        guard let text = string() else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default:
            report("must be true or false (got '\(text)')")
            return nil
        }
    }

    /// The scalar as a duration in milliseconds, or `nil` with a report.
    func milliseconds() -> Int64? {
        guard let text = string() else { return nil }
        guard let duration = DurationText.milliseconds(text) else {
            report("must be a duration such as 500ms, 30s, 5m, 12h or 7d (got '\(text)')")
            return nil
        }
        return duration
    }

    /// The scalar as a number of bytes, or `nil` with a report.
    func bytes() -> Int64? {
        guard let text = string() else { return nil }
        guard let size = ByteSizeText.bytes(text) else {
            report("must be a size such as 512KiB, 64MiB or 8GiB (got '\(text)')")
            return nil
        }
        return size
    }

    /// The elements of a list; a single value counts as a list of one.
    func list() -> [YAMLValue] {
        guard let sequence = node.sequence else { return [self] }
        return sequence.enumerated()
            .map { index, element in
                YAMLValue(node: element, key: "\(key)[\(index)]", file: file, problems: problems)
            }
    }

    /// Decodes a mapping; keys that `body` does not take are reported afterwards.
    func mapping<Result>(_ body: (YAMLMapping) -> Result) -> Result? {
        guard let mapping = node.mapping else {
            report("must be a mapping of keys to values")
            return nil
        }
        let section = YAMLMapping(value: self, mapping: mapping)
        let result = body(section)
        section.reportUnknownKeys()
        return result
    }

    /// The root of a document; text that is not YAML is reported with its line.
    static func compose(text: String, file: String, problems: ProblemCollector) -> YAMLValue? {
        do {
            guard let node = try Yams.compose(yaml: text) else {
                problems.report(Problem(file: file, line: 0, key: "", message: "is empty"))
                return nil
            }
            return YAMLValue(node: node, key: "", file: file, problems: problems)
        } catch let error as YamlError {
            problems.report(problem(of: error, in: text, file: file))
        } catch {
            problems.report(Problem(file: file, line: 0, key: "", message: "\(error)"))
        }
        return nil
    }

    private static func problem(of error: YamlError, in text: String, file: String) -> Problem {
        switch error {
        case .scanner(_, let what, let mark, _), .parser(_, let what, let mark, _),
            .composer(_, let what, let mark, _):
            Problem(file: file, line: mark.line, key: "", message: "not YAML: \(what)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            Problem(
                file: file,
                line: repetition(of: duplicates.first ?? "", after: context.mark, in: text),
                key: "",
                message: "key given twice: \(duplicates.joined(separator: ", "))"
                    + " (first in line \(context.mark.line))"
            )
        default:
            Problem(file: file, line: 0, key: "", message: "not YAML: \(error)")
        }
    }

    /// The line where a key comes again; Yams tells only where it stood first.
    private static func repetition(of key: String, after first: Mark, in text: String) -> Int {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let again = lines.enumerated().dropFirst(first.line)
            .first { _, line in
                line.dropFirst(first.column - 1).hasPrefix(key)
                    && line.prefix(first.column - 1).allSatisfy { $0 == " " }
            }
        return again.map { $0.offset + 1 } ?? first.line
    }
}

/// A mapping that knows which of its keys were asked for.
final class YAMLMapping {
    let value: YAMLValue
    private let mapping: Node.Mapping
    private var asked: Set<String> = []

    fileprivate init(value: YAMLValue, mapping: Node.Mapping) {
        self.value = value
        self.mapping = mapping
    }

    /// The value under a key, or `nil` when it is absent or null.
    func optional(_ name: String) -> YAMLValue? {
        asked.insert(name)
        guard let node = mapping[Node(name)], node != Node("", Tag(.null)), node.null == nil else {
            return nil
        }
        return child(name, node)
    }

    /// The value under a key; its absence is reported.
    func required(_ name: String) -> YAMLValue? {
        if let found = optional(name) { return found }
        value.report("'\(name)' is missing")
        return nil
    }

    /// All entries in the order written; asking for them accepts every key.
    func entries() -> [(name: String, value: YAMLValue)] {
        mapping.compactMap { key, node in
            guard let name = key.scalar?.string else {
                value.report("a key must be a single word")
                return nil
            }
            asked.insert(name)
            return (name, child(name, node))
        }
    }

    func string(_ name: String, default standard: String) -> String {
        optional(name)?.string() ?? standard
    }

    func int(_ name: String, default standard: Int, in range: ClosedRange<Int>) -> Int {
        optional(name)?.int(in: range) ?? standard
    }

    func bool(_ name: String, default standard: Bool) -> Bool {
        optional(name)?.bool() ?? standard
    }

    func milliseconds(_ name: String, default standard: Int64) -> Int64 {
        optional(name)?.milliseconds() ?? standard
    }

    func bytes(_ name: String, default standard: Int64, atLeast minimum: Int64) -> Int64 {
        guard let found = optional(name), let size = found.bytes() else { return standard }
        guard size >= minimum else {
            let minimumText = ByteSizeText.text(minimum)
            found.report("must be at least \(minimumText) (got \(ByteSizeText.text(size)))")
            return standard
        }
        return size
    }

    fileprivate func reportUnknownKeys() {
        for (key, _) in mapping {
            guard let name = key.scalar?.string, !asked.contains(name) else { continue }
            let place = value.key.isEmpty ? name : "\(value.key).\(name)"
            value.problems.report(
                Problem(
                    file: value.file,
                    line: key.mark?.line ?? value.line,
                    key: place,
                    message: "unknown key" + Suggestion.sentence(for: name, among: asked)
                )
            )
        }
    }

    private func child(_ name: String, _ node: Node) -> YAMLValue {
        let key = value.key.isEmpty ? name : "\(value.key).\(name)"
        return YAMLValue(node: node, key: key, file: value.file, problems: value.problems)
    }
}
