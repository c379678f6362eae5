// SPDX-License-Identifier: Apache-2.0
// Who can carry the benchmark's messages from broker A, over TLS, to broker B, both with QoS 1.
import Foundation

/// A program that forwards what vehicles publish.
struct Forwarder {
    let name: String
    /// What it publishes upstream.
    let filters: [String]
    let start: () throws -> ChildProcess
}

extension BenchmarkRig {
    /// The gateway, as it was configured last.
    var gateway: Forwarder {
        Forwarder(name: "gateway", filters: ["fleet/enriched/#", "fleet/outlier/#"]) {
            [self] in
            try start(
                [
                    depot.program, "run", "--config", depot.configurationFile, "--log-level",
                    "notice",
                ],
                log: "gateway",
                environment: ["SWIFT_BACKTRACE": "enable=no"]
            )
        }
    }

    /// A mosquitto that only bridges.
    var bridge: Forwarder {
        Forwarder(name: "bridge", filters: ["fleet/+/state"]) { [self] in
            let file = depot.folder + "/bridge.conf"
            try """
            listener 0 \(depot.folder)/bridge.sock
            allow_anonymous true
            max_inflight_messages 1000
            max_queued_messages 0
            user \(NSUserName())
            connection in
            address localhost:\(depot.servicePort)
            remote_clientid bench-bridge-in
            bridge_cafile \(depot.certificates)/ca.crt
            bridge_certfile \(depot.certificates)/gateway.crt
            bridge_keyfile \(depot.certificates)/gateway.key
            cleansession false
            try_private false
            notifications false
            topic fleet/+/state in 1
            connection out
            address 127.0.0.1:\(upstreamPort)
            remote_clientid bench-bridge-out
            cleansession false
            try_private false
            notifications false
            topic fleet/+/state out 1
            """
            .write(toFile: file, atomically: true, encoding: .utf8)
            return try start([LocalDepot.find("mosquitto"), "-c", file], log: "bridge")
        }
    }

    /// mq-bridge, the nearest peer in the package index: it filters by an expression and forwards.
    ///
    /// The expression holds for every message, so that all three carry the same.
    func peer(modules: String) -> Forwarder {
        Forwarder(name: "mq-bridge", filters: ["fleet/peer"]) { [self] in
            let file = depot.folder + "/peer.py"
            try """
            from mq_bridge import Route
            tls = {"required": True, "ca_file": "\(depot.certificates)/ca.crt",
                   "cert_file": "\(depot.certificates)/gateway.crt",
                   "key_file": "\(depot.certificates)/gateway.key"}
            Route.from_config({
                "input": {"mqtt": {"url": "mqtts://localhost:\(depot.servicePort)",
                                   "topic": "fleet/+/state", "client_id": "bench-peer", "tls": tls,
                                   "qos": 1, "session_expiry_interval": 3600,
                                   "max_inflight": 1000, "queue_capacity": 200000}},
                "output": {"middlewares": [{"filter": "v.engine.coolant > 0"}],
                           "mqtt": {"url": "mqtt://127.0.0.1:\(upstreamPort)",
                                    "topic": "fleet/peer", "client_id": "bench-peer-out",
                                    "qos": 1, "max_inflight": 1000}},
            }).run()
            """
            .write(toFile: file, atomically: true, encoding: .utf8)
            return try start(
                [LocalDepot.find("python3"), file],
                log: "peer",
                environment: ["PYTHONPATH": modules]
            )
        }
    }
}
