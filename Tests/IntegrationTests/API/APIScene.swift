// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

import class GRDB.DatabasePool

@testable import DepotTesting
@testable import Gateway

/// A real server on a free port, over a log with vehicles, whose states follow one another.
final class APIScene: Sendable {
    /// What the server is in, in an order in which each can follow the one before.
    enum State: CaseIterable {
        case starting
        case healthy
        case stalled
        case unreadable
    }

    static let token = "a-token"
    static let ids = ["car-1", "depot 2/größe", "zebra"]

    private let folder: String
    private let log: EventLog
    private let registry = PrometheusRegistry(helpTexts: MetricName.helpTexts)
    private let health: Health
    private let clock: ClockHand
    /// Dead letters that are asked for; served below as the intake loop does.
    private let replays = ReplayQueue(intake: WakeUp())

    /// A group with two versions.
    private static let schemas = """
        INSERT INTO schema_group VALUES
            (1, 'vehicles', 'fleet/{vehicle}/state', '4.2', NULL, 2, 1, 12, 2, 1767600000000, 1767600000010);
        INSERT INTO schema_version VALUES
            (1, 1, 1767600000000, '00', 1, '{"change":"schema_learned","from":1,"to":1,"paths":1}'),
            (1, 2, 1767600000010, '01', 2, '{"change":"schema_changed","from":1,"to":2,
                "changes":[{"change":"likely_rename","path":"b","former_path":"a",
                "evidence":["same type"]}]}');
        INSERT INTO schema_path VALUES
            (1, 'a', 'int', 1, 2, 'a', 1, 1, 0, 0, 10, 6, 'car-1', '5', '6', 5, 6, NULL, NULL, 0, 0, NULL),
            (1, 'b', 'int', 2, NULL, 'b', 1, 1, 0, 0, 10, 6, 'car-1', '5', '6', 5, 6, NULL, NULL, 0, 0, NULL),
            (1, 'speed_kmh', 'float', 1, NULL, 'speed_kmh', 1, 1, 0, 0, 10, 12, 'car-1', '5.5', NULL,
                5.5, 9, NULL, NULL, 0, 0, NULL);
        """

    init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("gateway-api-\(UUID().uuidString)").path
        log = try EventLog(directory: folder)
        let clock = ClockHand()
        self.clock = clock
        health = Health(sources: ["vehicles"], sinks: ["depot/bulk"]) { clock.now }
        _ = GatewayMetrics(factory: registry).source("vehicles")
        try log.pool.write { db in
            for id in Self.ids {
                try db.execute(
                    sql:
                        "INSERT INTO vehicle (id, source, event_time, arrival_time, signals) "
                        + "VALUES (?, 'vehicles', 1767600000000, 1767600000010, ?)",
                    arguments: [
                        id,
                        #"[["speed_kmh",51.5,1767600000000],["headlights",false,5],["n",null,5]]"#,
                    ]
                )
            }
            try db.execute(sql: Self.schemas)
            try db.execute(
                sql: "INSERT INTO alert VALUES ('car-1', 'fast', 'firing', 1, 1, NULL)"
            )
        }
    }

    /// Brings the server into a state; never back.
    func enter(_ state: State) async throws {
        switch state {
        case .starting: break
        case .healthy:
            health.sourceIsUp("vehicles")
            health.logIsWritable()
        case .stalled: clock.advance(seconds: UInt64(Health.intakeStallSecondsMax) + 1)
        case .unreadable:
            replays.close()
            try await log.pool.write {
                try $0.execute(sql: "DROP TABLE vehicle; DROP TABLE schema_group")
            }
        }
    }

    /// The server under test, with all that the gateway gives it.
    func server(onBound: @escaping @Sendable (Int) -> Void) -> HTTPServer {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = Configuration(
            gateway: GatewayConfiguration(id: "depot", dataDirectory: folder),
            sources: [],
            signals: ["speed_kmh", "headlights"].map { SignalConfiguration(name: $0, paths: [$0]) },
            ruleFiles: [],
            sinks: []
        )
        return HTTPServer(
            host: "127.0.0.1",
            port: 0,
            registry: registry,
            health: health,
            vehicles: VehicleAPI(
                log: log,
                configuration: configuration,
                enrichmentNames: ["plate"],
                logger: logger
            ),
            schemas: SchemaAPI(log: log, signals: configuration.signals, logger: logger),
            replays: ReplayAPI(queue: replays, token: Self.token),
            logger: logger,
            onBound: onBound
        )
    }

    /// Methods and paths, as the router has them.
    var routes: [String] {
        server { _ in }.router().routes.map { "\($0.method.rawValue) \($0.path)" }
    }

    /// Runs the server while the body talks to its port.
    func run(_ body: (Int) async throws -> Void) async throws {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = server { continuation.yield($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { [replays] in
                while !Task.isCancelled {
                    for ticket in replays.take(10) {
                        replays.finish(ticket, ticket.offset > 1 ? .applied : .refused("it is 1"))
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            guard let port = await ports.first(where: { _ in true }) else { return }
            try await body(port)
            group.cancelAll()
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// A clock that stands still until it is moved.
private final class ClockHand: Sendable {
    private let nanoseconds = Atomic<UInt64>(0)

    var now: UInt64 { nanoseconds.load(ordering: .relaxed) }

    func advance(seconds: UInt64) {
        nanoseconds.wrappingAdd(seconds * 1_000_000_000, ordering: .relaxed)
    }
}
