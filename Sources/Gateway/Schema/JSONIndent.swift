// SPDX-License-Identifier: Apache-2.0

/// Sets JSON for a person: a line for each member, lists of scalars in one line.
enum JSONIndent {
    private static let width = 2

    static func text(of json: [UInt8]) -> String {
        var out: [UInt8] = []
        var depth = 0
        var position = 0
        func newLine() {
            out.append(UInt8(ascii: "\n"))
            out.append(
                contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: depth * width)
            )
        }
        while position < json.count {
            let byte = json[position]
            switch byte {
            case UInt8(ascii: "\""):
                let end = endOfText(json, from: position)
                out.append(contentsOf: json[position..<end])
                position = end
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if let end = endOfFlat(json, from: position) {
                    out.append(contentsOf: spaced(json[position..<end]))
                    position = end
                    continue
                }
                out.append(byte)
                depth += 1
                newLine()
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                newLine()
                out.append(byte)
            case UInt8(ascii: ","):
                out.append(byte)
                newLine()
            case UInt8(ascii: ":"): out.append(contentsOf: [byte, UInt8(ascii: " ")])
            default: out.append(byte)
            }
            position += 1
        }
        return String(decoding: out, as: UTF8.self) + "\n"
    }

    /// Behind a string that begins here.
    private static func endOfText(_ json: [UInt8], from start: Int) -> Int {
        var position = start + 1
        while position < json.count, json[position] != UInt8(ascii: "\"") {
            position += json[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(json.count, position + 1)
    }

    /// Behind a list that holds no other, or behind an empty object; `nil` for all else.
    private static func endOfFlat(_ json: [UInt8], from start: Int) -> Int? {
        guard json[start] == UInt8(ascii: "[") else {
            return start + 1 < json.count && json[start + 1] == UInt8(ascii: "}") ? start + 2 : nil
        }
        var position = start + 1
        while position < json.count {
            switch json[position] {
            case UInt8(ascii: "\""):
                position = endOfText(json, from: position)
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): return nil
            case UInt8(ascii: "]"): return position + 1
            default: position += 1
            }
        }
        return nil
    }

    /// A space behind each comma that is not within a string.
    private static func spaced(_ list: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        let json = Array(list)
        var position = 0
        while position < json.count {
            guard json[position] != UInt8(ascii: "\"") else {
                let end = endOfText(json, from: position)
                out.append(contentsOf: json[position..<end])
                position = end
                continue
            }
            out.append(json[position])
            if json[position] == UInt8(ascii: ",") { out.append(UInt8(ascii: " ")) }
            position += 1
        }
        return out
    }
}
