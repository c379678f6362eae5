// SPDX-License-Identifier: Apache-2.0
// The grammar of Prometheus's text format 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

/// How names, labels and numbers are written in a scrape.
enum PrometheusText {
    /// What the HTTP answer says about its body.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Returns a legal metric name; characters outside `[a-zA-Z0-9_:]` become underscores.
    static func metricName(_ name: String) -> String {
        legalName(name, isColonLegal: true)
    }

    /// Returns dimensions as label pairs, sorted by name, without braces.
    static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions
            .map { (legalName($0.0, isColonLegal: false), escapedLabelValue($0.1)) }
            .sorted { $0 < $1 }
            .map { "\($0.0)=\"\($0.1)\"" }
            .joined(separator: ",")
    }

    /// Escapes backslash and line feed, all that a HELP line can't hold.
    static func escapedHelp(_ text: String) -> String {
        escaped(text, quotesToo: false)
    }

    /// Escapes backslash, line feed and the double quote that would end a label value.
    static func escapedLabelValue(_ text: String) -> String {
        escaped(text, quotesToo: true)
    }

    /// Returns a number as Prometheus reads it: `3` rather than `3.0`, and its names for infinity.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Every whole number up to 2^53 has an exact and shorter form.
        if let whole = Int64(exactly: value), whole.magnitude <= 1 << 53 { return "\(whole)" }
        return "\(value)"
    }

    /// Appends one sample line.
    static func appendSample(
        _ identity: SeriesIdentity,
        suffix: String = "",
        extraLabel: String = "",
        _ value: String,
        to text: inout String
    ) {
        text += identity.name
        text += suffix
        if !identity.labels.isEmpty || !extraLabel.isEmpty {
            text += "{"
            text += identity.labels
            if !identity.labels.isEmpty && !extraLabel.isEmpty { text += "," }
            text += extraLabel
            text += "}"
        }
        text += " "
        text += value
        text += "\n"
    }

    private static func legalName(_ name: String, isColonLegal: Bool) -> String {
        var legal = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_":
                legal.unicodeScalars.append(scalar)
            case "0"..."9":
                // A name doesn't begin with a digit.
                if legal.isEmpty { legal.append("_") }
                legal.unicodeScalars.append(scalar)
            case ":" where isColonLegal:
                legal.unicodeScalars.append(scalar)
            default:
                legal.append("_")
            }
        }
        return legal.isEmpty ? "_" : legal
    }

    private static func escaped(_ text: String, quotesToo: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotesToo: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
