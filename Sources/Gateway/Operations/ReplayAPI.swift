// SPDX-License-Identifier: Apache-2.0
// The one request that changes something: `gateway deadletters replay` makes it of the running gateway,
// because the log has one writer. docs/api.md is the user's view.
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers `POST /api/deadletters/replay`.
struct ReplayAPI: Sendable {
    static let path = "api/deadletters/replay"
    /// Dead letters of one request.
    static let offsetsMax = 1_000
    private static let bodyBytesMax = 64 << 10
    /// How long a request waits for its commits.
    private static let waitSeconds = 20.0

    private let queue: ReplayQueue
    private let token: String

    /// What a request asks for.
    struct Order: Codable {
        var offsets: [Int64]
    }

    init(queue: ReplayQueue, token: String) {
        self.queue = queue
        self.token = token
    }

    /// Adds the route.
    func addRoutes(to router: Router<BasicRequestContext>) {
        router.post(RouterPath(Self.path)) { request, _ in
            do {
                return try await answer(request)
            } catch let problem as HTTPProblem {
                var response = problem.response()
                if problem.kind == .noToken { response.headers[.wwwAuthenticate] = "Bearer" }
                return response
            }
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        guard Self.isEqual(request.headers[.authorization] ?? "", "Bearer \(token)") else {
            throw HTTPProblem(
                kind: .noToken,
                detail:
                    "this changes something: it needs 'Authorization: Bearer TOKEN' with the token "
                    + "in \(GatewayAddress.fileName) in gateway.data_directory, which is new after each "
                    + "start"
            )
        }
        let order = try await order(in: request)
        guard let report = await queue.replay(order.offsets, within: Self.waitSeconds) else {
            throw HTTPProblem(
                kind: .notDone,
                detail:
                    "the gateway is ending, or busy, or can't write its log; ask again: what was "
                    + "processed again is never processed a second time"
            )
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = try encoder.encode(report)
        return Response(
            status: .ok,
            headers: [.contentType: HTTPServer.jsonType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }

    private func order(in request: Request) async throws -> Order {
        let body = try? await request.body.collect(upTo: Self.bodyBytesMax)
        guard let body,
            let order = try? JSONDecoder().decode(Order.self, from: Data(body.readableBytesView)),
            (1...Self.offsetsMax).contains(order.offsets.count)
        else {
            throw HTTPProblem(
                kind: .wrongBody,
                detail: #"must be {"offsets": […]} with 1 to \#(Self.offsetsMax) offsets of the "#
                    + "dead-letter stream"
            )
        }
        return order
    }

    /// Compares without telling by its time how much was right.
    private static func isEqual(_ given: String, _ wanted: String) -> Bool {
        guard given.utf8.count == wanted.utf8.count else { return false }
        return zip(given.utf8, wanted.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
