// SPDX-License-Identifier: Apache-2.0
// A schema is read as YAML, of which JSON is nearly a part: so every mistake has its line.
import Foundation
import Yams

/// A file with a schema, in JSON or YAML.
struct ContractFile {
    /// More is no contract that a person wrote.
    private static let bytesMax = 1 << 20

    var schema: ContractSchema
    var units: [DeclaredUnit]

    /// Reads and compiles a schema; what is wrong is reported, and then there is none.
    static func read(path: String, named value: YAMLValue) -> ContractFile? {
        guard let data = FileManager.default.contents(atPath: path) else {
            value.report("'\(path)' can't be read")
            return nil
        }
        guard data.count <= bytesMax, let text = String(data: data, encoding: .utf8) else {
            value.report("'\(path)' is larger than 1 MiB, or no UTF-8")
            return nil
        }
        return decode(text: text, file: path, problems: value.problems)
    }

    /// Compiles the text of a schema.
    static func decode(text: String, file: String, problems: ProblemCollector) -> ContractFile? {
        let text = joiningSurrogates(text)
        guard let root = YAMLValue.compose(text: text, file: file, problems: problems) else {
            return nil
        }
        var writer = JSONWriter()
        guard writer.yaml(root.node, bytesMax: bytesMax) else {
            root.report(
                "is larger than 1 MiB once its aliases stand for what they name, or too deep"
            )
            return nil
        }
        let compiled = ContractSchema.compile(json: writer.bytes)
        for mistake in compiled.mistakes {
            problems.report(
                Problem(
                    file: file,
                    line: root.node.line(at: mistake.pointer),
                    key: mistake.pointer,
                    message: mistake.reason + suggestion(for: mistake)
                )
            )
        }
        guard let schema = compiled.schema else { return nil }
        return ContractFile(schema: schema, units: UnitWalk(root.node, file: file).units)
    }

    private static func suggestion(for mistake: ContractSchema.Mistake) -> String {
        guard mistake.reason == "unknown keyword", let slash = mistake.pointer.lastIndex(of: "/")
        else { return "" }
        let word = String(mistake.pointer[slash...].dropFirst())
        return Suggestion.sentence(for: word, among: ContractSchema.keywords)
    }

    /// JSON writes a character beyond U+FFFF as two escapes, which YAML does not know.
    static func joiningSurrogates(_ text: String) -> String {
        guard text.contains("\\u") else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        func unit(at index: Int) -> UInt32? {
            guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == 0x75 else {
                return nil
            }
            return UInt32(
                String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self),
                radix: 16
            )
        }
        while index < bytes.count {
            if let high = unit(at: index), 0xD800...0xDBFF ~= high, let low = unit(at: index + 6),
                0xDC00...0xDFFF ~= low,
                let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
            {
                result.append(contentsOf: String(Character(scalar)).utf8)
                index += 12
                continue
            }
            // An escaped backslash begins no escape.
            let isEscape = bytes[index] == 0x5C && index + 1 < bytes.count
            result.append(contentsOf: bytes[index...(isEscape ? index + 1 : index)])
            index += isEscape ? 2 : 1
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension JSONWriter {
    /// Appends a YAML node as JSON; false when it is too deep, or more than `bytesMax`.
    ///
    /// Without quotes, `true`, `false`, `null` and numbers in JSON's form are what they look like. All
    /// else is text: `on` and `no` are values that devices send.
    mutating func yaml(_ node: Node, bytesMax: Int, depth: Int = 0) -> Bool {
        guard depth <= 200, bytes.count <= bytesMax else { return false }
        switch node {
        case .scalar(let scalar): yaml(scalar)
        case .sequence(let sequence):
            raw("[")
            for element in sequence {
                separate()
                guard yaml(element, bytesMax: bytesMax, depth: depth + 1) else { return false }
            }
            raw("]")
        case .mapping(let mapping):
            raw("{")
            for (key, value) in mapping {
                member(key.scalar?.string ?? "")
                guard yaml(value, bytesMax: bytesMax, depth: depth + 1) else { return false }
            }
            raw("}")
        case .alias: return false
        }
        return true
    }

    private mutating func yaml(_ scalar: Node.Scalar) {
        let text = scalar.string
        guard scalar.style == .plain || scalar.style == .any else { return string(text) }
        switch text {
        case "true", "false", "null": raw(Array(text.utf8))
        case "", "~": raw("null")
        default: Self.isNumber(text) ? raw(Array(text.utf8)) : string(text)
        }
    }

    /// Whether a text is a number of JSON (RFC 8259, section 6).
    private static func isNumber(_ text: String) -> Bool {
        text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
    }
}

extension Node {
    /// The line of what a JSON pointer names: of a member, that of its name.
    func line(at pointer: String) -> Int {
        var node = self
        var line = mark?.line ?? 0
        for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = Self.unescaped(token)
            if let sequence = node.sequence, let index = Int(name), sequence.indices ~= index {
                node = sequence[index]
                line = node.mark?.line ?? line
            } else if let found = node.mapping?.first(where: { $0.key.scalar?.string == name }) {
                node = found.value
                line = found.key.mark?.line ?? line
            } else {
                return line
            }
        }
        return line
    }

    /// The node that a JSON pointer names.
    func node(at pointer: Substring) -> Node? {
        var node = self
        for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = Self.unescaped(token)
            if let sequence = node.sequence {
                guard let index = Int(name), sequence.indices ~= index else { return nil }
                node = sequence[index]
            } else if let found = node.mapping?.first(where: { $0.key.scalar?.string == name }) {
                node = found.value
            } else {
                return nil
            }
        }
        return node
    }

    private static func unescaped(_ token: Substring) -> String {
        String(token).replacing("~1", with: "/").replacing("~0", with: "~")
    }
}
