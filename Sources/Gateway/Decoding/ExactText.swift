// SPDX-License-Identifier: Apache-2.0

/// A text that equals another only byte for byte.
///
/// Swift's own texts are equal when they look alike: "é" as one scalar and as two are one key of a
/// dictionary. To a vehicle, to JSON and to SQL they are two names.
struct ExactText: Hashable, Sendable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: ExactText, right: ExactText) -> Bool {
        let isEqual: Bool?? = unsafe left.text.utf8.withContiguousStorageIfAvailable { left in
            unsafe right.text.utf8.withContiguousStorageIfAvailable { right in
                unsafe left.count == right.count && left.elementsEqual(right)
            }
        }
        return (isEqual ?? nil) ?? left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        let isHashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { bytes in
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}

extension String {
    /// What stands behind a beginning; `nil` when the text begins otherwise.
    ///
    /// By bytes: a name may start with an accent, which makes one character of it and the dot before.
    func rest(behind beginning: String) -> String? {
        guard utf8.starts(with: beginning.utf8) else { return nil }
        return String(Substring(utf8.dropFirst(beginning.utf8.count)))
    }
}
