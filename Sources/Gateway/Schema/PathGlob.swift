// SPDX-License-Identifier: Apache-2.0

/// A pattern for paths: `*` stands for any text, dots included; everything else for itself.
struct PathGlob: Sendable, Hashable {
    let text: String
    private let parts: [[UInt8]]

    init(_ text: String) {
        self.text = text
        parts = text.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
    }

    func matches(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        guard parts.count > 1 else { return bytes == parts[0] }
        guard bytes.starts(with: parts[0]) else { return false }
        var start = parts[0].count
        // What stands between stars is taken where it comes first; the last part must end the path.
        for part in parts[1..<(parts.count - 1)] {
            guard let found = bytes[start...].firstRange(of: part) else { return false }
            start = found.upperBound
        }
        let last = parts[parts.count - 1]
        return bytes.count - start >= last.count && bytes.suffix(last.count).elementsEqual(last)
    }
}
