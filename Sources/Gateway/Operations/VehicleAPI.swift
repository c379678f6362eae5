// SPDX-License-Identifier: Apache-2.0
// The current record of vehicles over HTTP; docs/api.md is the user's view, docs/openapi.yaml the
// description that a test holds against the running server.
import Foundation
import GRDB
import HTTPTypes
import Hummingbird
import Logging

/// Answers `/api/vehicles` and `/api/vehicles/{id}` from the log.
struct VehicleAPI: Sendable {
    /// Ids on each side of an unknown one that are looked through for what was meant.
    private static let neighbours = 200

    private let pages: VehiclePages
    private let logger: Logger

    /// Creates the routes of a log.
    ///
    /// - Parameters:
    ///   - log: Where the vehicles are.
    ///   - configuration: Its catalogue names the columns of filters, its limits bound them.
    ///   - enrichmentNames: Signals that come from reference data.
    ///   - logger: Where it is told that the log can't be read.
    ///   - bounds: How much one request may do.
    init(
        log: EventLog,
        configuration: Configuration,
        enrichmentNames: [String],
        logger: Logger,
        bounds: VehicleBounds = VehicleBounds()
    ) {
        pages = VehiclePages(
            log: log,
            signals: configuration.signals,
            limits: configuration.limits,
            enrichmentNames: enrichmentNames,
            bounds: bounds
        )
        self.logger = logger
    }

    /// Adds the routes; HEAD requests are answered by the router, from GET.
    func addRoutes(to router: Router<BasicRequestContext>) {
        router.get("api/vehicles") { request, _ in
            try await answer { try await list(request) }
        }
        router.get("api/vehicles/{id}") { request, context in
            try await answer { try await record(context.parameters.get("id") ?? "", request) }
        }
    }

    private func list(_ request: Request) async throws -> Response {
        let query = try VehicleQuery(request.uri.query)
        let page = try await pages.page(query)
        var entity = HTTPEntity(contentType: HTTPServer.jsonType, bytes: page.json.bytes)
        // RFC 8288.
        if let next = page.next, let link = HTTPField.Name("Link") {
            entity.headers[link] = "<\(query.reference(after: next))>; rel=\"next\""
        }
        return entity.response(to: request)
    }

    /// The router splits the path before anything is decoded, so an id may hold an encoded slash.
    private func record(_ encodedID: String, _ request: Request) async throws -> Response {
        guard let id = encodedID.removingPercentEncoding else {
            throw HTTPProblem(
                kind: .wrongParameter,
                detail: "'\(encodedID)' is not percent-encoded UTF-8; write '%' as %25"
            )
        }
        let parameters = try QueryParameters(request.uri.query, known: ["times"])
        let hasTimes = try parameters.flag("times")
        guard let json = try await pages.record(of: id, hasTimes: hasTimes) else {
            let known = try await pages.log.vehicleIDs(around: id, count: Self.neighbours)
            throw HTTPProblem(
                kind: .unknownVehicle,
                detail: "no vehicle '\(id)' was heard" + Suggestion.sentence(for: id, among: known)
            )
        }
        return HTTPEntity(contentType: HTTPServer.jsonType, bytes: json.bytes)
            .response(to: request)
    }

    /// Turns what went wrong into an answer.
    ///
    /// Thrown on, it would reach the router, which also answers HEAD with its body.
    private func answer(_ body: () async throws -> Response) async throws -> Response {
        do {
            return try await body()
        } catch let problem as HTTPProblem {
            return problem.response()
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.error("vehicles not readable", metadata: [LogKeys.error: "\(error)"])
            return HTTPProblem(kind: .unreadableLog, detail: "\(error)").response()
        }
    }
}
