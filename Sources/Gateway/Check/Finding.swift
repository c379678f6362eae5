// SPDX-License-Identifier: Apache-2.0

/// What a check of one thing has found.
struct Finding: Equatable, Sendable {
    enum Verdict: String, Sendable {
        case good = "ok"
        /// It may work; a person should look.
        case doubtful = "note"
        case bad = "FAILED"
    }

    var verdict: Verdict
    /// What was looked at: `source vehicles`, `sink lake`.
    var place: String
    var text: String
    /// What to do about it.
    var advice: String?

    var line: String {
        let mark = verdict.rawValue.padding(to: 6)
        return "\(mark)  \(place): \(text)" + (advice.map { "\n        -> \($0)" } ?? "")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
