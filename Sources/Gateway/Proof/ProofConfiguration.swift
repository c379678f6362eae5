// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The gateway of a proof: one source of numbered states, one rule, and the sink that is proven.
struct ProofConfiguration {
    /// The sink's entry in YAML, with the depot's placeholders.
    var sink: String
    /// MQTT between broker and gateway: 5 or 3.1.1.
    var mqtt = "5"

    /// A sink at the depot's own broker.
    static func mqttSink(_ version: String) -> String {
        """
          - name: depot
            url: mqtts://localhost:@PORT@
            protocol: \(version)
            reconnect_max: 500ms
            tls: { ca: @CERTS@/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }
            streams:
              enriched: { topic: "fleet/enriched/{vehicle}" }
              outlier: { topic: "fleet/outlier/{alert}/{vehicle}" }
        """
    }

    func write(to depot: LocalDepot) throws {
        try depot.writeConfiguration(
            template: """
                gateway: { id: proof, data_directory: "@DATA@" }
                sources:
                  - name: vehicles
                    url: mqtts://localhost:@PORT@
                    protocol: \(mqtt)
                    reconnect_max: 500ms
                    tls: { ca: @CERTS@/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }
                    topics:
                      - pattern: fleet/{vehicle}/state
                        event_time: { path: ts, format: epoch_ms }
                signals:
                  ignition: { path: v.powertrain.ignition.key.status, type: text }
                  speed_kmh: { path: v.chassis.motion.speed.kmh, type: float }
                  headlights: { path: v.body.lights.headlamp.status, type: bool }
                rules: rules.yaml
                sinks:
                \(sink)
                http: { port: @HTTP_PORT@ }
                """
        )
        try """
        groups:
          - name: proof
            rules:
              - alert: headlights_left_on
                expr: ignition = 'off' AND headlights AND speed_kmh = 0
                annotations: { summary: "{{ vehicle }} has its headlights on" }
        """
        .write(toFile: depot.folder + "/rules.yaml", atomically: true, encoding: .utf8)
    }
}
