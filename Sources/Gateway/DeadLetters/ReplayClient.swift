// SPDX-License-Identifier: Apache-2.0
import Foundation
import NIOCore
import NIOPosix

/// Asks the running gateway to process dead letters again.
struct ReplayClient {
    /// Why it did not.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let answerBytesMax = 4 << 20

    let address: GatewayAddress

    /// Has some dead letters processed again, and tells what became of them.
    func replay(_ offsets: [Int64]) async throws -> ReplayReport {
        let body = try JSONEncoder().encode(ReplayAPI.Order(offsets: offsets))
        let head = [
            "POST /\(ReplayAPI.path) HTTP/1.1", "Host: \(address.host):\(address.port)",
            "Authorization: Bearer \(address.token)", "Content-Type: application/json",
            "Content-Length: \(body.count)", "Connection: close", "", "",
        ]
        var request = ByteBuffer(string: head.joined(separator: "\r\n"))
        request.writeBytes(body)
        let answer = try await exchange(request)
        guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw Failure(description: "the gateway has ended before it answered; ask again")
        }
        let content = Data(answer[end.upperBound...])
        let status = String(decoding: answer.prefix(12), as: UTF8.self).suffix(3)
        guard status == "200" else { throw Failure(description: Self.reason(content, status)) }
        return try JSONDecoder().decode(ReplayReport.self, from: content)
    }

    private static func reason(_ content: Data, _ status: Substring) -> String {
        struct Problem: Decodable { var detail: String }
        let problem = try? JSONDecoder().decode(Problem.self, from: content)
        return problem?.detail ?? "the gateway answers with status \(status)"
    }

    private func exchange(_ request: ByteBuffer) async throws -> [UInt8] {
        let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
        do {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(10))
                .connect(host: address.host, port: address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            throw Failure(
                description: "the gateway runs and can't be reached at \(address.host):"
                    + "\(address.port): \(error)"
            )
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(request)
            var answer: [UInt8] = []
            for try await bytes in inbound {
                answer += bytes.readableBytesView
                guard answer.count <= Self.answerBytesMax else { break }
            }
            return answer
        }
    }
}
