// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import Gateway

/// A gateway's configuration, put together from what a test cares about.
struct GatewayFile {
    static let standardTopics = """
        - pattern: fleet/{vehicle}/state
          event_time: { path: ts, format: epoch_ms }
        """

    static let rules = """
        groups:
          - name: test
            rules:
              - alert: headlights_left_on
                expr: ignition = 'off' AND headlights AND speed_kmh = 0
                labels: { severity: warning }
                annotations:
                  summary: "{{ vehicle }} has its headlights on"
        """

    var id = "depot-1"
    var data = "@DATA@"
    var httpPort = "@HTTP_PORT@"
    var sources = [source()]
    var sinks = [sink()]
    /// Further sections.
    var rest = ""

    /// A source at the depot's own broker, unless a URL says otherwise.
    static func source(
        _ name: String = "vehicles",
        url: String = "mqtts://localhost:@PORT@",
        certificate: String? = "gateway",
        lines: [String] = [],
        topics: String = standardTopics
    ) -> String {
        entry(name, url, certificate, lines + ["topics:\n" + indented(topics, by: 2)])
    }

    /// A sink at the depot's own broker, unless a URL says otherwise.
    static func sink(
        _ name: String = "depot",
        url: String = "mqtts://localhost:@PORT@",
        certificate: String? = "gateway",
        lines: [String] = [],
        streams: String = """
        enriched: { topic: "fleet/enriched/{vehicle}" }
        outlier: { topic: "fleet/outlier/{alert}/{vehicle}" }
        firing: { topic: "fleet/firing/{vehicle}", retain: true }
        """
    ) -> String {
        entry(name, url, certificate, lines + ["streams:\n" + indented(streams, by: 2)])
    }

    /// A sink of type kafka, in at most five lines and those of the caller.
    static func kafkaSink(_ brokers: String, lines: [String] = []) -> String {
        let own = [
            "name: lake", "type: kafka", "brokers: \(brokers)", #"topic: "iot.{stream}""#,
            "streams: [enriched, outlier]",
        ]
        return entry(own, lines + ["reconnect_max: 300ms"])
    }

    private static func entry(
        _ name: String,
        _ url: String,
        _ certificate: String?,
        _ lines: [String]
    ) -> String {
        var all = ["name: \(name)", "url: \(url)", "reconnect_max: 300ms"]
        if url.hasPrefix("mqtts:") {
            var tls = "tls: { ca: @CERTS@/ca.crt"
            if let certificate {
                tls += ", certificate: @CERTS@/\(certificate).crt, key: @CERTS@/\(certificate).key"
            }
            all.append(tls + " }")
        }
        return entry(all, lines)
    }

    /// A line of the caller replaces ours.
    private static func entry(_ own: [String], _ lines: [String]) -> String {
        let keys = lines.map { $0.prefix { $0 != ":" } }
        let kept = own.filter { line in !keys.contains(line.prefix { $0 != ":" }) }
        let text = indented((kept + lines).joined(separator: "\n"), by: 4)
        return "  - " + text.dropFirst(4)
    }

    private static func indented(_ text: String, by count: Int) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : String(repeating: " ", count: count) + $0 }
            .joined(separator: "\n")
    }

    /// The file's text, with the depot's placeholders.
    var text: String {
        """
        gateway: { id: \(id), data_directory: "\(data)" }
        sources:
        \(sources.joined(separator: "\n"))
        signals:
          ignition: { path: v.powertrain.ignition.key.status, type: text }
          speed_kmh: { path: [v.chassis.motion.speed.kmh, vehicle_speed], type: float }
          headlights: { path: [v.body.lights.headlamp.status, headlamp_status], type: bool }
        rules: rules.yaml
        sinks:
        \(sinks.joined(separator: "\n"))
        http: { port: \(httpPort) }
        \(rest)
        """
    }
}

extension LocalDepot {
    /// Writes a configuration and its rules where `runGateway` looks for them.
    func configure(_ file: GatewayFile = GatewayFile(), rules: String = GatewayFile.rules) throws {
        try rules.write(toFile: folder + "/rules.yaml", atomically: true, encoding: .utf8)
        try writeConfiguration(template: file.text)
    }
}
