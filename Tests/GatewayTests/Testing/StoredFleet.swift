// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOEmbedded

import class GRDB.DatabasePool

@testable import Gateway

/// A log with vehicles, and the routes over it, without a socket.
final class StoredFleet {
    let configuration: Configuration
    let folder: TemporaryFolder
    let log: EventLog
    let names: SignalTable
    let registry = PrometheusRegistry()

    init(_ configuration: Configuration) throws {
        self.configuration = configuration
        folder = try TemporaryFolder()
        log = try EventLog(directory: folder.path)
        names = SignalTable(catalogue: configuration.signals, signalsMax: 10_000)
    }

    /// A vehicle with these signals; each is as old as the vehicle.
    func vehicle(
        _ id: String,
        _ signals: [String: SignalValue],
        at time: Timestamp = .seconds(0)
    ) -> Vehicle {
        let vehicle = Vehicle(id: id, source: 0, eventTime: time, heardAt: time + 10)
        for (name, value) in signals {
            guard let signal = names.id(ofName: name) else { continue }
            _ = vehicle.merge(signal, value, at: time)
        }
        return vehicle
    }

    /// Writes rows as the gateway does.
    func store(_ vehicles: [Vehicle], firing: [String] = []) throws {
        let rows = vehicles.map { vehicle in
            var json = JSONWriter()
            vehicle.encodeSignals(names: names, into: &json)
            return VehicleRow(
                id: vehicle.id,
                source: "vehicles",
                eventTime: vehicle.eventTime,
                heardAt: vehicle.heardAt,
                signals: String(decoding: json.bytes, as: UTF8.self)
            )
        }
        try log.pool.write { db in
            let insert = try unsafe SQLiteStatement(
                db.connection(),
                "INSERT INTO vehicle (id, source, event_time, arrival_time, signals) "
                    + "VALUES (?, ?, ?, ?, ?)"
            )
            let fire = try unsafe SQLiteStatement(
                db.connection(),
                "INSERT INTO alert (vehicle, alert, phase, active_at) VALUES (?, ?, 'firing', 0)"
            )
            for row in rows {
                insert.bind(1, row.id)
                insert.bind(2, row.source)
                insert.bind(3, row.eventTime.milliseconds)
                insert.bind(4, row.heardAt.milliseconds)
                insert.bind(5, row.signals)
                try insert.run()
                for alert in firing {
                    fire.bind(1, row.id)
                    fire.bind(2, alert)
                    try fire.run()
                }
            }
        }
    }

    func pages(bounds: VehicleBounds = VehicleBounds(), enrichment: [String] = []) -> VehiclePages {
        VehiclePages(
            log: log,
            signals: configuration.signals,
            limits: configuration.limits,
            enrichmentNames: enrichment,
            bounds: bounds
        )
    }

    /// What the server's router answers.
    func answer(
        _ path: String,
        method: HTTPRequest.Method = .get,
        ifNoneMatch: String? = nil,
        bounds: VehicleBounds = VehicleBounds()
    ) async throws -> RoutedAnswer {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let api = VehicleAPI(
            log: log,
            configuration: configuration,
            enrichmentNames: ["plate"],
            logger: logger,
            bounds: bounds
        )
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            registry: registry,
            health: Health(sources: [], sinks: []),
            vehicles: api,
            metrics: GatewayMetrics(factory: registry),
            logger: logger
        )
        return try await RoutedAnswer(of: server, path, method: method, ifNoneMatch: ifNoneMatch)
    }
}

/// An answer as a client would see it.
struct RoutedAnswer {
    var response: Response
    var body: String

    /// What the router of a server answers.
    init(
        of server: HTTPServer,
        _ path: String,
        method: HTTPRequest.Method = .get,
        ifNoneMatch: String? = nil
    ) async throws {
        var head = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path)
        head.headerFields[.ifNoneMatch] = ifNoneMatch
        response = try await server.router().buildResponder()
            .respond(
                to: Request(head: head, body: RequestBody(buffer: ByteBuffer())),
                context: BasicRequestContext(
                    source: ApplicationRequestContextSource(
                        channel: EmbeddedChannel(),
                        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                    )
                )
            )
        let collected = CollectedBody()
        try await response.body.write(collected)
        body = collected.text
    }

    var status: Int { response.status.code }

    var headers: HTTPFields { response.headers }

    func header(_ name: String) -> String? {
        HTTPField.Name(name).flatMap { response.headers[$0] }
    }

    /// The paths and values of the body.
    func flat() throws -> [String: SignalValue] { try flatten(body) }
}

/// Takes a body that is written in one task.
private final class CollectedBody: ResponseBodyWriter {
    private(set) var text = ""

    func write(_ buffer: ByteBuffer) async throws { text += String(buffer: buffer) }

    func finish(_: HTTPFields?) async throws {}
}
