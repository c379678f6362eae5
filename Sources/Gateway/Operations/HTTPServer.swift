// SPDX-License-Identifier: Apache-2.0
// The one HTTP endpoint: metrics for Prometheus, health for people and orchestrators, the current
// record of vehicles and the schema history for programs.
// Reading needs no authentication, so it is meant for the loopback interface. The one path that changes
// something asks for the token that stands in the data directory.

import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// Serves `/metrics`, `/healthz`, `/readyz` and `/api` until it is stopped.
struct HTTPServer: Service {
    /// A scrape and a few people; what comes above that waits in the accept queue.
    static let connectionsMax = 64
    /// A client that sends nothing for so long is disconnected.
    static let idleTimeoutSeconds: Int64 = 60

    private let host: String
    private let port: Int
    private let registry: PrometheusRegistry
    private let health: Health
    private let vehicles: VehicleAPI?
    private let schemas: SchemaAPI?
    private let replays: ReplayAPI?
    private let metrics: GatewayMetrics?
    private let logger: Logger
    private let onBound: @Sendable (Int) -> Void

    /// Creates a server that listens once it runs.
    ///
    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: The port to listen on; 0 takes any free one.
    ///   - registry: What `/metrics` prints.
    ///   - health: What `/healthz` and `/readyz` tell.
    ///   - vehicles: Answers `/api/vehicles`, if there is a log.
    ///   - schemas: Answers `/api/schemas`, if there is a log.
    ///   - replays: Answers `/api/deadletters/replay`, if there is an intake loop.
    ///   - metrics: Counts requests, if given.
    ///   - logger: Where the start and failures are logged.
    ///   - onBound: Called with the real port once the server listens.
    init(
        host: String,
        port: Int,
        registry: PrometheusRegistry,
        health: Health,
        vehicles: VehicleAPI? = nil,
        schemas: SchemaAPI? = nil,
        replays: ReplayAPI? = nil,
        metrics: GatewayMetrics? = nil,
        logger: Logger,
        onBound: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.registry = registry
        self.health = health
        self.vehicles = vehicles
        self.schemas = schemas
        self.replays = replays
        self.metrics = metrics
        self.logger = logger
        self.onBound = onBound
    }

    /// Listens and answers until graceful shutdown.
    func run() async throws {
        // Hummingbird's own lines say nothing that an operator needs.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)

        let application = Application(
            router: router(),
            server: .http1(
                configuration: .init(idleTimeout: .seconds(Self.idleTimeoutSeconds))
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionsMax)
            ),
            onServerRunning: { [host, port, logger, onBound] channel in
                let boundPort = channel.localAddress?.port ?? port
                logger.info(
                    "HTTP listening",
                    metadata: [
                        LogKeys.host: "\(host)", LogKeys.port: .stringConvertible(boundPort),
                    ]
                )
                onBound(boundPort)
            },
            logger: quiet
        )
        do {
            try await application.run()
        } catch let error as CancellationError {
            throw error
        } catch {
            throw OperationsError.cannotServeHTTP(host: host, port: port, reason: "\(error)")
        }
    }

    /// Returns the routes; all but those below `/api` read what is in memory and never wait.
    func router() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        if let metrics { router.add(middleware: RequestCounter(metrics: metrics)) }
        router.get("metrics") { [registry] _, _ in
            Self.response(.ok, PrometheusText.contentType, registry.exposition())
        }
        router.get("healthz") { [health] _, _ in
            let report = health.report()
            return Self.response(
                report.isAlive ? .ok : .serviceUnavailable,
                Self.jsonType,
                report.json()
            )
        }
        router.get("readyz") { [health] _, _ in
            let report = health.report()
            return Self.response(
                report.isReady ? .ok : .serviceUnavailable,
                Self.jsonType,
                report.json()
            )
        }
        router.get("api/openapi.yaml") { request, _ in
            // RFC 9512.
            HTTPEntity(contentType: "application/yaml", bytes: PackageResources.openapi_yaml)
                .response(to: request)
        }
        vehicles?.addRoutes(to: router)
        schemas?.addRoutes(to: router)
        replays?.addRoutes(to: router)
        return router
    }

    static let jsonType = "application/json; charset=utf-8"

    private static func response(
        _ status: HTTPResponse.Status,
        _ contentType: String,
        _ text: String
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
