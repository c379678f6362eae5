// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct HTTPServerTests {
    private let registry = PrometheusRegistry()
    private let health = Health(sources: ["vehicles"], sinks: ["depot"])

    @Test func metricsAreServedInPrometheusFormat() async throws {
        Counter(label: "n_total", factory: registry).increment(by: 3)
        let answer = try await answer(to: "/metrics")

        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.lowercased().contains("content-type: text/plain; version=0.0.4"))
        #expect(answer.hasSuffix("\r\n\r\n# TYPE n_total counter\nn_total 3\n"))
    }

    @Test func readinessAndLivenessAreToldApart() async throws {
        let alive = try await answer(to: "/healthz")
        #expect(alive.hasPrefix("HTTP/1.1 200 "))
        let unready = try await answer(to: "/readyz")
        #expect(unready.hasPrefix("HTTP/1.1 503 "))
        #expect(unready.contains(#""vehicles":{"status":"down","reason":"not connected yet"}"#))
    }

    @Test func absentSinkLeavesTheGatewayReady() async throws {
        health.sourceIsUp("vehicles")
        health.logIsWritable()
        let ready = try await answer(to: "/readyz")
        #expect(ready.hasPrefix("HTTP/1.1 200 "))
        #expect(ready.contains(#"{"status":"degraded","#))
    }

    @Test func unknownPathIsNotFound() async throws {
        let answer = try await answer(to: "/")
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
    }

    @Test func portInUseIsExplained() async throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(to: address).get()
        let port = try #require(taken.localAddress?.port)

        let error = await #expect(throws: OperationsError.self) {
            try await server(port: port) { _ in }.run()
        }
        #expect("\(try #require(error))".contains("127.0.0.1:\(port)"))
        try await taken.close()
    }

    private func server(port: Int, onBound: @escaping @Sendable (Int) -> Void) -> HTTPServer {
        HTTPServer(
            host: "127.0.0.1",
            port: port,
            registry: registry,
            health: health,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onBound: onBound
        )
    }

    /// Runs a server on a free port for one request, and returns the answer as it came.
    private func answer(to path: String) async throws -> String {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = server(port: 0) { continuation.yield($0) }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            let answer = try await request(path, port: port)
            group.cancelAll()
            return answer
        }
    }

    private func request(_ path: String, port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let head = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await outbound.write(ByteBuffer(string: head))
            var answer = ""
            for try await bytes in inbound { answer += String(buffer: bytes) }
            return answer
        }
    }
}
