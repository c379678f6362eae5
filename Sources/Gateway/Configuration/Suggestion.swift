// SPDX-License-Identifier: Apache-2.0

/// "Did you mean …": the known word that is nearest to a mistyped one.
enum Suggestion {
    /// Comparing takes time with the length, and nobody mistypes one letter of so long a word.
    private static let wordCountMax = 200

    /// The sentence to append to an error, or nothing when no word is near enough.
    static func sentence(for word: String, among known: some Sequence<String>) -> String {
        guard let near = nearest(to: word, among: known) else { return "" }
        return "; did you mean '\(near)'?"
    }

    /// The known word within a third of the word's length in edits, the nearest one first.
    static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        let count = word.count
        guard count <= wordCountMax else { return nil }
        let limit = max(1, count / 3)
        var best: (word: String, distance: Int)?
        for candidate in known where candidate != word {
            // Lower case may have another length, but not by much.
            guard abs(candidate.count - count) <= 2 * limit else { continue }
            let distance = editDistance(word.lowercased(), candidate.lowercased())
            if distance <= limit, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.word
    }

    /// Levenshtein's distance, with a swap of two neighbours counted as one edit.
    static func editDistance(_ left: String, _ right: String) -> Int {
        let a = Array(left.unicodeScalars)
        let b = Array(right.unicodeScalars)
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var distance = min(
                    rows[i][j + 1] + 1,
                    row[j] + 1,
                    rows[i][j] + (a[i] == b[j] ? 0 : 1)
                )
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    distance = min(distance, rows[i - 1][j - 1] + 1)
                }
                row.append(distance)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
