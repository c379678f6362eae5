// SPDX-License-Identifier: Apache-2.0
import CoreMetrics
import Hummingbird

/// Counts what was answered, by route and status; a path that is no route counts as `none`.
struct RequestCounter: RouterMiddleware {
    let metrics: GatewayMetrics

    /// Lets the route answer, and counts how.
    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            count(response.status.code, context)
            return response
        } catch let error as any HTTPResponseError {
            count(error.status.code, context)
            throw error
        }
    }

    private func count(_ status: Int, _ context: BasicRequestContext) {
        // A label never holds what a client has written: series live as long as the process.
        let path = context.endpointPath ?? ""
        let route = path.hasPrefix("/") ? path : "none"
        metrics.httpRequests(route: route, status: status).increment()
    }
}
