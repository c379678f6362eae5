// SPDX-License-Identifier: Apache-2.0
@testable import Gateway

/// A JSON value, for tests that make their documents and say what must become of them.
indirect enum JSONTree {
    case scalar(SignalValue)
    case array([JSONTree])
    case object([(key: String, value: JSONTree)])

    var kind: SignalKind? {
        switch self {
        case .scalar(.null): .null
        case .scalar(.bool): .bool
        case .scalar(.int), .scalar(.unsigned): .int
        case .scalar(.double): .float
        case .scalar(.text): .text
        case .array(let items): items.isEmpty ? .emptyArray : nil
        case .object(let members): members.isEmpty ? .emptyObject : nil
        }
    }

    var text: String {
        var json = JSONWriter()
        write(into: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func write(into json: inout JSONWriter) {
        switch self {
        case .scalar(let value): json.value(value)
        case .array(let items):
            json.raw("[")
            for (index, item) in items.enumerated() {
                if index > 0 { json.raw(",") }
                item.write(into: &json)
            }
            json.raw("]")
        case .object(let members):
            json.raw("{")
            for (index, member) in members.enumerated() {
                if index > 0 { json.raw(",") }
                json.key(member.key)
                member.value.write(into: &json)
            }
            json.raw("}")
        }
    }
}

extension SplitMix64 {
    /// Any scalar, integers of every size among them.
    mutating func scalar() -> SignalValue {
        switch int(0...7) {
        case 0: .null
        case 1: .bool(oneIn(2))
        case 2: .int(Int64(int(-9...9)))
        case 3: .int(Int64(bitPattern: next()))
        case 4: .unsigned(next() | 1 << 63)
        case 5: .double(Double(int(-1_000_000...1_000_000)) / 1_000)
        case 6: .int((1 << 53) + Int64(int(0...9)))
        default: .text(text(count: 6))
        }
    }

    /// A value of up to so many levels, with keys of the caller's.
    mutating func tree(
        levels: Int,
        emptyOneIn empty: Int?,
        key: (inout SplitMix64, _ used: [String]) -> String?
    ) -> JSONTree {
        guard levels > 0, !oneIn(3) else { return .scalar(scalar()) }
        let count = empty.map { oneIn($0) ? 0 : int(1...4) } ?? int(1...4)
        if oneIn(2) {
            return .array(
                (0..<count).map { _ in tree(levels: levels - 1, emptyOneIn: empty, key: key) }
            )
        }
        return object(count, levels: levels - 1, emptyOneIn: empty, key: key)
    }

    /// An object of that many members, or fewer when there are no more keys.
    mutating func object(
        _ count: Int,
        levels: Int,
        emptyOneIn empty: Int?,
        key: (inout SplitMix64, _ used: [String]) -> String?
    ) -> JSONTree {
        var members: [(key: String, value: JSONTree)] = []
        for _ in 0..<count {
            guard let name = key(&self, members.map(\.key)) else { continue }
            members.append((name, tree(levels: levels, emptyOneIn: empty, key: key)))
        }
        return .object(members)
    }
}
