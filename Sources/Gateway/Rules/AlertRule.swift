// SPDX-License-Identifier: Apache-2.0

/// A column that an expression reads.
enum RuleColumn: Hashable, Sendable {
    case signal(SignalID)
    case vehicle
    case eventTime
}

/// An `alert` as its author wrote it, with where it stands.
struct AlertRule: Sendable {
    var name: String
    /// A condition in SQL over the vehicle's columns.
    var expression: String
    /// How long the condition must hold before the alert fires.
    var forMilliseconds: Int64 = 0
    /// How long the alert goes on firing after the condition has ended.
    var keepFiringMilliseconds: Int64 = 0
    var labels: [(name: String, value: String)] = []
    var annotations: [(name: String, template: RuleTemplate)] = []
    var file: String
    var line: Int
    /// Changes whenever the rule's file does.
    var version: String
    /// What the expression reads, in the order in which it first names them.
    var columns: [(name: String, column: RuleColumn)] = []

    var severity: String {
        labels.first { $0.name == "severity" }?.value ?? "warning"
    }
}

/// Text with places for values: `{{ vehicle }} does {{ speed_kmh }} km/h`.
struct RuleTemplate: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case literal(String)
        /// A name between braces, without its quotes.
        case name(String)
    }

    /// Names that are no signals.
    static let builtIn = ["vehicle", "alert", "severity", "time", "since"]

    let parts: [Part]

    init(_ text: String) {
        var parts: [Part] = []
        var rest = Substring(text)
        while let open = rest.firstRange(of: "{{"),
            let close = rest[open.upperBound...].firstRange(of: "}}")
        {
            parts.append(.literal(String(rest[..<open.lowerBound])))
            let name = rest[open.upperBound..<close.lowerBound]
                .trimming(while: \.isWhitespace).trimming(while: { $0 == "\"" })
            parts.append(.name(String(name)))
            rest = rest[close.upperBound...]
        }
        parts.append(.literal(String(rest)))
        self.parts = parts.filter { $0 != .literal("") }
    }

    /// Braces open and never close.
    var isUnclosed: Bool {
        parts.contains { if case .literal(let text) = $0 { text.contains("{{") } else { false } }
    }

    /// The names it uses, in order.
    var names: [String] {
        parts.compactMap { if case .name(let name) = $0 { name } else { nil } }
    }

    func render(_ value: (String) -> String) -> String {
        parts.map {
            switch $0 {
            case .literal(let text): text
            case .name(let name): value(name)
            }
        }
        .joined()
    }
}

extension Substring {
    fileprivate func trimming(while isTrimmed: (Character) -> Bool) -> Substring {
        var text = drop(while: isTrimmed)
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return text
    }
}
