// SPDX-License-Identifier: Apache-2.0

/// That a message is a dead letter which is processed again.
final class DeadLetterReplay: Sendable {
    /// Its offset in the dead-letter stream.
    let offset: Int64
    /// The elements that failed, in their order; `nil` when nothing of the message has taken effect.
    private let elements: [Int]?

    init(offset: Int64, elements: [Int]? = nil) {
        self.offset = offset
        self.elements = elements
    }

    /// Whether an element of the message's array has not taken effect yet.
    func takes(_ element: Int) -> Bool {
        guard let elements else { return true }
        // The decoder has written them in their order.
        let position = elements.partitioningIndex { $0 >= element }
        return position < elements.count && elements[position] == element
    }
}

extension Array {
    /// The first position whose element fulfils a condition that all behind it fulfil too.
    fileprivate func partitioningIndex(where isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
