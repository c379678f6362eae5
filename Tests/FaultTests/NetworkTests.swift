// SPDX-License-Identifier: Apache-2.0
// Goal: whatever the network does between gateway and broker, nothing that the broker acknowledged
// to a vehicle is lost, and nothing is taken into the log twice.
// Method: a proxy that cuts, refuses and swallows stands before the broker; publishers go around it.
import Foundation
import Glibc
import Testing

@testable import DepotTesting
@testable import Gateway

extension FaultSuites {
    @Suite(.serialized) struct NetworkTests {
        /// Points source and sink at the proxy.
        ///
        /// The broker's certificate is for localhost, where the proxy listens as well.
        private func configure(
            _ depot: LocalDepot,
            behind proxy: FaultProxy,
            version: String = "5"
        ) throws {
            let url = "mqtts://localhost:\(proxy.port)"
            let lines = ["protocol: \(version)", "reconnect_min: 20ms", "reconnect_max: 100ms"]
            try depot.configure(
                GatewayFile(
                    sources: [GatewayFile.source(url: url, lines: lines)],
                    sinks: [GatewayFile.sink(url: url, lines: lines)]
                )
            )
        }

        @Test(
            "a message whose PUBACK was lost on the way is recognised when it comes again",
            arguments: ["5", "3.1.1"],
            ["cut", "killed"]
        )
        func lostAcknowledgementsCauseNoSecondEffect(version: String, end: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let proxy = try FaultProxy(to: depot.servicePort)
            defer { proxy.stop() }
            try configure(depot, behind: proxy, version: version)
            try await depot.runGateway()
            var redelivered = 0
            for round in 0..<3 {
                proxy.mode = .swallowUpstream
                try depot.publish((1...100).map { .state("car-1", round * 100 + $0) })
                try await until("the gateway has committed what it can't acknowledge") {
                    try depot.events("raw").last?.object["seq"] as? Int == (round + 1) * 100
                }
                let before = try depot.events("raw").count
                let known = depot.metrics.count("gateway_source_redelivered_messages_total")
                if end == "killed" { depot.killGateway() }
                proxy.cut(then: .pass)
                if end == "killed" { try await depot.runGateway() }
                try await until("all have come again", explain: { depot.explanation }) {
                    let metrics = depot.metrics
                    redelivered = metrics.count("gateway_source_redelivered_messages_total")
                    let base = end == "killed" ? 0 : known
                    return redelivered - base + Int(try depot.extent("raw").next - 1) - before
                        >= 100
                }
            }
            let numbers = try depot.events("raw").compactMap { $0.object["seq"] as? Int }
            #expect(Set(numbers) == Set(1...300))
            let isOnce = numbers == Array(1...300)
            #expect(isOnce, "\(numbers.count) events of 300 messages")
            #expect(redelivered > 0)
        }

        @Test("cuts in the middle of traffic lose nothing, double nothing and keep the order")
        func cutsInTheMiddleOfTraffic() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let proxy = try FaultProxy(to: depot.servicePort)
            defer { proxy.stop() }
            try configure(depot, behind: proxy)
            let witness = UpstreamWitness()
            let subscriber = Subscriber(
                depot.connection("ops", clientID: "witness"),
                filters: ["fleet/enriched/#"]
            ) { witness.receive($0) }
            try subscriber.waitUntilUp()
            try await depot.runGateway()
            let publisher = NumberedPublisher(
                depot.fleet,
                vehicles: (1...10).map { "car-\($0)" },
                messagesPerSecond: 1_500
            )
            var redelivered = 0
            var sessions = 0
            let seed = UInt64.random(in: .min ... .max)
            var random = SplitMix64(seed: seed)
            for cut in 1...20 {
                // What the last session brought may still be on its way into the log.
                try await until("there is a new session", explain: { depot.explanation }) {
                    depot.metrics.count("gateway_source_reconnects_total") >= sessions
                }
                sessions = depot.metrics.count("gateway_source_reconnects_total") + 1
                let end = try depot.extent("raw").next + .random(in: 20...300, using: &random)
                try await until(
                    "messages flow again",
                    explain: { "seed \(seed) \(depot.explanation)" }
                ) {
                    try depot.extent("raw").next > end
                }
                if cut.isMultiple(of: 3) {
                    // PUBACKs that are lost, not only late: the broker must send these again.
                    proxy.mode = .swallowUpstream
                    let head = try depot.extent("raw").next
                    try await until("the gateway has committed unacknowledged messages") {
                        try depot.extent("raw").next > head + 50
                    }
                }
                proxy.cut(then: cut.isMultiple(of: 5) ? .refuse : .pass)
                if cut.isMultiple(of: 5) {
                    try await until("the gateway has noticed") { depot.readiness == 503 }
                    proxy.mode = .pass
                }
            }
            try await offPool { publisher.close() }
            let account = try await depot.settledAccount(of: publisher.sent)
            redelivered = depot.metrics.count("gateway_source_redelivered_messages_total")
            print(
                "network: cuts=20 acked=\(publisher.sent.acknowledgedCount) \(account) redelivered=\(redelivered)"
            )
            #expect(account == Account(), "seed \(seed)")
            #expect(redelivered > 0, "seed \(seed)")
            // Upstream: every event, in the order of the log, repeats not counted.
            let logged = try depot.numbersInLog()
            let count = Int(try depot.extent("enriched").next - 1)
            try await until("everything has arrived upstream", explain: { depot.explanation }) {
                witness.arrivals.seenOffsets.count == count
            }
            subscriber.close()
            #expect(witness.arrivals.numbers == logged, "seed \(seed)")
        }

        // libmosquitto takes a reset in the handshake for success, and goes on trying on the dead socket.
        @Test("a broker that resets connections in the TLS handshake stops nothing else")
        func resetsInTheHandshake() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let proxy = try FaultProxy(to: depot.servicePort)
            defer { proxy.stop() }
            proxy.mode = .resetAfterAnswer
            let broken = "mqtts://localhost:\(proxy.port)"
            let whole = "mqtts://localhost:\(depot.servicePort)"
            let lines = ["reconnect_min: 20ms", "reconnect_max: 100ms"]
            try depot.configure(
                GatewayFile(
                    sources: [
                        GatewayFile.source(
                            "broken",
                            url: broken,
                            lines: lines,
                            topics: "- pattern: other/{vehicle}/state"
                        ),
                        GatewayFile.source(url: whole, lines: lines),
                    ],
                    sinks: [
                        GatewayFile.sink("broken-too", url: broken, lines: lines),
                        GatewayFile.sink(url: whole, lines: lines),
                    ]
                )
            )
            try depot.startGateway(waitsUntilReady: false)
            for round in 1...5 {
                let resets = proxy.resets
                try await until("connections are reset", explain: { depot.explanation }) {
                    proxy.resets >= resets + 10
                }
                try depot.publish([.state("car-1", round)])
                try await until("the other source goes on", explain: { depot.explanation }) {
                    try depot.extent("raw").next == round + 1
                }
            }
            proxy.mode = .pass
            try await depot.waitUntilReady()
        }

        // A connect that nobody answers takes the system two minutes. It must not keep the gateway from
        // ending: systemd would kill it after thirty seconds, in the middle of whatever it does.
        @Test(
            "SIGTERM ends a gateway whose sink's host answers nothing",
            arguments: ["source", "sink"]
        )
        func stopsWhileTheNetworkIsSilent(part: String) async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let hole = try BlackHole()
            defer { hole.close() }
            let url = "mqtt://127.0.0.1:\(hole.port)"
            var file = GatewayFile()
            if part == "source" {
                file.sources.append(GatewayFile.source("silent", url: url))
            } else {
                file.sinks.append(GatewayFile.sink("silent", url: url))
            }
            try depot.configure(file)
            try depot.startGateway(waitsUntilReady: false)
            try await until("the gateway waits for an answer", explain: { depot.explanation }) {
                hole.isBeingAsked && depot.health.contains(#""vehicles":{"status":"up"}"#)
            }
            // What is there is served meanwhile.
            try depot.publish([.state("car-1", 1)])
            try await until("the message is in the log") { try depot.extent("raw").next == 2 }
            let code = depot.gateway?.terminate(within: 30)
            #expect(code == 0)
        }
    }
}

/// A port that takes no connection and refuses none: its accept queue is full, so SYNs are dropped.
private final class BlackHole {
    let port: Int
    private let listener: Int32
    private var fillers: [Int32] = []

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopbackAddress(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(descriptor, address, length) == 0
                    && listen(descriptor, 0) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isBound else { throw DepotError(description: "no black hole") }
        port = Int(UInt16(bigEndian: address.sin_port))
        for _ in 0..<4 {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            _ = fcntl(filler, F_SETFL, O_NONBLOCK)
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    _ = unsafe connect(filler, address, length)
                }
            }
            fillers.append(filler)
        }
    }

    /// Whether somebody but us waits for an answer (state 02 in /proc/net/tcp is SYN_SENT).
    var isBeingAsked: Bool {
        let digits = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - digits.count) + digits
        let waiting = connections.split(separator: "\n")
            .count { line in
                let fields = line.split(separator: " ")
                return fields.count > 3 && fields[2].hasSuffix(suffix) && fields[3] == "02"
            }
        let own = fillers.count { descriptor in
            var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            return unsafe Glibc.poll(&poll, 1, 0) == 0
        }
        return waiting > own
    }

    /// All connections of this machine.
    ///
    /// The kernel hands the table out page by page, which `String(contentsOfFile:)` takes for its end.
    private var connections: String {
        let file = unsafe open("/proc/net/tcp", O_RDONLY)
        defer { _ = Glibc.close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 8_192)
        while case let count = unsafe read(file, &buffer, buffer.count), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func close() {
        for descriptor in fillers + [listener] { _ = Glibc.close(descriptor) }
    }
}
