// SPDX-License-Identifier: Apache-2.0

/// Finds the members of objects and the items of arrays in JSON that the gateway wrote itself.
///
/// Values stay the bytes that they are: nothing is parsed, so no digit of a number is lost. What is
/// no JSON gives `nil` wherever that shows; it is not looked for.
struct JSONScanner {
    /// A member of an object: its key without the quotes, and its value.
    struct Member {
        var key: Range<Int>
        var value: Range<Int>
    }

    private static let openBrace = UInt8(ascii: "{")
    private static let openBracket = UInt8(ascii: "[")
    private static let comma = UInt8(ascii: ",")

    let bytes: [UInt8]

    func isObject(_ range: Range<Int>) -> Bool {
        !range.isEmpty && bytes[range.lowerBound] == Self.openBrace
    }

    func isArray(_ range: Range<Int>) -> Bool {
        !range.isEmpty && bytes[range.lowerBound] == Self.openBracket
    }

    /// The members of the object that fills a range; `nil` when it is none.
    func members(of range: Range<Int>) -> [Member]? {
        var members: [Member] = []
        let isWhole = entries(of: range, opening: Self.openBrace) { position in
            guard let end = endOfString(at: position) else { return nil }
            let key = position + 1..<end - 1
            let colon = skipSpace(from: end)
            guard byte(at: colon) == UInt8(ascii: ":") else { return nil }
            let start = skipSpace(from: colon + 1)
            guard let valueEnd = endOfValue(at: start) else { return nil }
            members.append(Member(key: key, value: start..<valueEnd))
            return valueEnd
        }
        return isWhole ? members : nil
    }

    /// The items of the array that fills a range; `nil` when it is none.
    func items(of range: Range<Int>) -> [Range<Int>]? {
        var items: [Range<Int>] = []
        let isWhole = entries(of: range, opening: Self.openBracket) { position in
            guard let end = endOfValue(at: position) else { return nil }
            items.append(position..<end)
            return end
        }
        return isWhole ? items : nil
    }

    /// The bytes without the space around them.
    var content: Range<Int> {
        let start = skipSpace(from: 0)
        var end = bytes.count
        while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Goes through what stands between two brackets; `entry` gives where each ends.
    private func entries(
        of range: Range<Int>,
        opening: UInt8,
        entry: (Int) -> Int?
    ) -> Bool {
        guard !range.isEmpty, bytes[range.lowerBound] == opening else { return false }
        let closing = opening + 2
        var position = skipSpace(from: range.lowerBound + 1)
        if byte(at: position) == closing { return position + 1 == range.upperBound }
        while let end = entry(position) {
            position = skipSpace(from: end)
            if byte(at: position) == closing { return position + 1 == range.upperBound }
            guard byte(at: position) == Self.comma else { return false }
            position = skipSpace(from: position + 1)
        }
        return false
    }

    private func endOfValue(at start: Int) -> Int? {
        switch byte(at: start) {
        case nil: return nil
        case UInt8(ascii: "\""): return endOfString(at: start)
        case Self.openBrace, Self.openBracket: return endOfContainer(at: start)
        default:
            var end = start
            while let next = byte(at: end), !Self.endsScalar(next) { end += 1 }
            return end > start ? end : nil
        }
    }

    private func endOfContainer(at start: Int) -> Int? {
        var depth = 0
        var position = start
        while let next = byte(at: position) {
            switch next {
            case UInt8(ascii: "\""):
                guard let end = endOfString(at: position) else { return nil }
                position = end
                continue
            case Self.openBrace, Self.openBracket: depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            position += 1
            if depth == 0 { return position }
        }
        return nil
    }

    private func endOfString(at start: Int) -> Int? {
        guard byte(at: start) == UInt8(ascii: "\"") else { return nil }
        var position = start + 1
        while let next = byte(at: position) {
            if next == UInt8(ascii: "\"") { return position + 1 }
            position += next == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private func skipSpace(from start: Int) -> Int {
        var position = start
        while let next = byte(at: position), Self.isSpace(next) { position += 1 }
        return position
    }

    private func byte(at position: Int) -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        byte == comma || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
            || byte == UInt8(ascii: ":") || isSpace(byte)
    }
}
