// SPDX-License-Identifier: Apache-2.0

@testable import Gateway

/// What property tests draw; a failing one names its seed.
extension SplitMix64 {
    /// True once in so many times.
    mutating func oneIn(_ count: Int) -> Bool {
        Int.random(in: 0..<count, using: &self) == 0
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int {
        Int.random(in: range, using: &self)
    }

    /// One element of a collection that is not empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }

    /// A text of up to `count` characters with everything that JSON has to escape.
    mutating func text(count: Int) -> String {
        let special = [
            "\"", "\\", "/", "\u{0}", "\u{1F}", "\u{7F}", "\n", "\r\n", "ü", "🚗", "\u{2028}",
        ]
        return (0..<int(0...count))
            .map { _ in
                oneIn(3) ? pick(special) : String(UnicodeScalar(UInt8(int(0x20...0x7E))))
            }
            .joined()
    }
}
