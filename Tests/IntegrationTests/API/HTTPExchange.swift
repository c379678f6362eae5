// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOPosix

@testable import DepotTesting
@testable import Gateway

/// One request over a socket of its own, and its answer.
struct HTTPExchange {
    let status: Int
    /// By name in lower case.
    let headers: [String: String]
    let body: String

    init(
        port: Int,
        method: String = "GET",
        target: String,
        headers: [String: String] = [:],
        content: String? = nil
    ) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        let lines =
            ["\(method) \(target) HTTP/1.1", "Host: localhost", "Connection: close"]
            + headers.map { "\($0.key): \($0.value)" }
            + (content.map { ["Content-Length: \($0.utf8.count)"] } ?? [])
        let answer = try await channel.executeThenClose { inbound, outbound in
            let head = lines.joined(separator: "\r\n") + "\r\n\r\n"
            try await outbound.write(ByteBuffer(string: head + (content ?? "")))
            var answer = ""
            for try await bytes in inbound { answer += String(buffer: bytes) }
            return answer
        }
        guard let end = answer.firstRange(of: "\r\n\r\n") else {
            throw DepotError(description: "no head in '\(answer)'")
        }
        let head = answer[..<end.lowerBound].split(separator: "\r\n")
        status = head.first.flatMap { Int($0.dropFirst(9).prefix(3)) } ?? 0
        self.headers = head.dropFirst()
            .reduce(into: [:]) { found, line in
                let parts = line.split(separator: ":", maxSplits: 1)
                found[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
            }
        body = String(answer[end.upperBound...])
    }
}
