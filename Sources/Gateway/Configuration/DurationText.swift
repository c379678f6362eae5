// SPDX-License-Identifier: Apache-2.0

/// Durations as Prometheus writes them: `500ms`, `30s`, `1h30m`, `7d`, `2w`.
enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ("w", 604_800_000),
    ]

    /// The duration in milliseconds; `0` needs no unit.
    static func milliseconds(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = Substring(text)
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = Int64(digits), let unit = units.first(where: { $0.name == name })
            else { return nil }
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: unit.milliseconds)
            guard !isTooLarge, product <= 1 << 48 else { return nil }
            total += product
        }
        return total
    }

    /// The shortest exact text of a duration in milliseconds.
    static func text(_ milliseconds: Int64) -> String {
        guard milliseconds > 0 else { return "0s" }
        var rest = milliseconds
        var text = ""
        for unit in units.reversed() where unit.name != "w" && rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}

/// Sizes in bytes: `4096`, `512KiB`, `64MiB`, `8GiB`.
enum ByteSizeText {
    private static let units: [(name: String, bytes: Int64)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1),
    ]

    static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == "_") }
        let name = text.dropFirst(digits.count).trimmingPrefix(while: \.isWhitespace)
        guard let count = Int64(digits.replacing("_", with: "")) else { return nil }
        if name.isEmpty { return count }
        guard let unit = units.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            return nil
        }
        let (product, isTooLarge) = count.multipliedReportingOverflow(by: unit.bytes)
        return isTooLarge ? nil : product
    }

    static func text(_ bytes: Int64) -> String {
        let unit = units.dropLast().last { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        guard let unit else { return "\(bytes) B" }
        return "\(bytes / unit.bytes) \(unit.name)"
    }
}
