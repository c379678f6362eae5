// SPDX-License-Identifier: Apache-2.0
// The only place where parts are wired together: who is made, from what, in which order.
import Foundation
import GRDB
import Logging
import MQTTShim
import ServiceLifecycle
import UnixSignals

/// The parts of a running gateway and the order in which they start and stop.
struct Gateway {
    let configuration: Configuration
    var logger = Logger(label: "gateway")
    /// Tells the real HTTP port; tests ask for port 0.
    var onHTTPBound: @Sendable (Int) -> Void = { _ in }

    init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// Runs until SIGTERM or SIGINT, or until a part fails.
    func run() async throws {
        // Wrong rules must stop the start before anything is opened.
        let rules = try CompiledRules.make(configuration)
        let log = try EventLog(
            directory: configuration.gateway.dataDirectory,
            derived: configuration.derivedStreams
        )
        // Feeds ask the log where to go on: their tables must have been given their form before.
        _ = try log.openTables(configuration.tables) { table, what in
            logger.notice("\(what)", metadata: [LogKeys.table: "\(table)"])
        }
        let registry = PrometheusRegistry(helpTexts: MetricName.helpTexts)
        let metrics = GatewayMetrics(factory: registry)
        let lanes = configuration.sinks.flatMap { Lane.lanes(of: $0) }
        let health = Health(
            sources: configuration.sources.map(\.name),
            sinks: lanes.map(\.name),
            tables: configuration.tables.map(\.name)
        )
        let systemd = Systemd()

        // Started in this order and stopped in the opposite one: intake stops first, so that what it
        // committed last can still be delivered, and the metrics are there until the end.
        let api = VehicleAPI(
            log: log,
            configuration: configuration,
            enrichmentNames: rules.enrichmentNames,
            logger: logger
        )
        let (intakeStop, replays) = intakeSignals()
        var services = operationServices(registry, metrics, health, api, schemas(log), replays)
        let listeners = lanes.map { CommitListener(streams: $0.streams.map(\.stream)) }
        let inbox = LogInbox(listeners: listeners, intake: intakeStop.wakeUp)
        try startCursors(lanes, log, inbox)
        for (lane, listener) in zip(lanes, listeners) {
            services.append(
                laneService(
                    LaneContext(
                        lane: lane,
                        gateway: configuration.gateway.id,
                        log: log,
                        inbox: inbox,
                        listener: listener,
                        stop: StopSignal(),
                        health: health,
                        metrics: metrics,
                        logger: logger
                    )
                )
            )
        }
        let feeds = feeds(waking: intakeStop.wakeUp)
        services += feeds.map { feedService($0, log: log, health: health) }
        services.append(SystemdWatchdog(health: health, systemd: systemd, logger: logger))
        services.append(
            intakeService(
                stop: intakeStop,
                log: log,
                inbox: inbox,
                feeds: feeds,
                replays: replays,
                health: health,
                metrics: metrics,
                systemd: systemd
            )
        )

        try await serviceGroup(services).run()
        systemd.stopping()
        try saveCursors(log, inbox)
    }

    /// What stops the intake loop, and what asks it to process dead letters again.
    private func intakeSignals() -> (StopSignal, ReplayQueue) {
        let stop = StopSignal()
        return (stop, ReplayQueue(intake: stop.wakeUp))
    }

    /// Answers what the log knows of schemas.
    private func schemas(_ log: EventLog) -> SchemaAPI {
        SchemaAPI(log: log, signals: configuration.signals, logger: logger)
    }

    /// What operators look at.
    private func operationServices(
        _ registry: PrometheusRegistry,
        _ metrics: GatewayMetrics,
        _ health: Health,
        _ api: VehicleAPI,
        _ schemas: SchemaAPI,
        _ replays: ReplayQueue
    ) -> [any Service] {
        let certificates = CertificateWatch(
            files: certificateFiles,
            metrics: metrics,
            logger: logger,
            notAfter: Self.certificateEnd
        )
        guard configuration.http.isEnabled else { return [certificates] }
        let token = GatewayAddress.makeToken()
        let server = HTTPServer(
            host: configuration.http.host,
            port: configuration.http.port,
            registry: registry,
            health: health,
            vehicles: api,
            schemas: schemas,
            replays: ReplayAPI(queue: replays, token: token),
            metrics: metrics,
            logger: logger,
            onBound: { [configuration, logger, onHTTPBound] port in
                GatewayAddress(host: configuration.http.host, port: port, token: token)
                    .publish(in: configuration.gateway.dataDirectory, logger)
                onHTTPBound(port)
            }
        )
        return [server, certificates]
    }

    private func serviceGroup(_ services: [any Service]) -> ServiceGroup {
        // The group's own lines describe every part at length; parts speak for themselves.
        var groupLogger = logger
        groupLogger.logLevel = max(.notice, logger.logLevel)
        return ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0,
                        successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup
                    )
                },
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: groupLogger
            )
        )
    }

    /// What was acknowledged after intake had stopped; without it a restart would repeat it.
    private func saveCursors(_ log: EventLog, _ inbox: LogInbox) throws {
        let moves = inbox.cursorMoves()
        try log.pool.write { db in
            for move in moves {
                try db.execute(
                    sql: "INSERT OR REPLACE INTO cursor (sink, stream, offset) VALUES (?, ?, ?)",
                    arguments: [move.sink, move.stream, move.offset]
                )
            }
        }
    }

    private func intakeService(
        stop: StopSignal,
        log: EventLog,
        inbox: LogInbox,
        feeds: [Feed],
        replays: ReplayQueue,
        health: Health,
        metrics: GatewayMetrics,
        systemd: Systemd
    ) -> ThreadService {
        ThreadService(name: "intake", stop: stop) { [configuration, logger] in
            let loop = try IntakeLoop(
                configuration: configuration,
                log: log,
                inbox: inbox,
                feeds: feeds,
                replays: replays,
                stop: stop,
                health: health,
                metrics: metrics,
                logger: logger
            )
            // Not waiting for a broker: a gateway that starts first is ready to be reached by it.
            systemd.ready(status: "taking messages in")
            loop.run()
        }
    }

    private func laneService(_ context: LaneContext) -> ThreadService {
        ThreadService(name: context.lane.name, stop: context.stop, graceSeconds: 10) {
            [configuration] in
            switch context.lane.sink.transport {
            case .mqtt(let connection):
                let patterns = configuration.patterns(at: connection)
                let loop = try MQTTLaneLoop(
                    context,
                    connection: connection,
                    loopGuard: LoopGuard(patterns: patterns)
                )
                loop.run()
            case .kafka(let kafka):
                try KafkaLaneLoop(context, kafka: kafka).run()
            }
        }
    }

    // Feeds of tables that are no MQTT session have a thread each.

    private func feeds(waking intake: WakeUp) -> [Feed] {
        configuration.tables.enumerated()
            .compactMap { index, table in
                switch table.feed {
                case .mqtt: nil
                case .kafka(let kafka):
                    Feed(table: index, box: FeedBox(topic: kafka.topic, intake: intake))
                case .file(let file):
                    Feed(table: index, box: FeedBox(topic: file.path, intake: intake))
                }
            }
    }

    private func feedService(_ feed: Feed, log: EventLog, health: Health) -> ThreadService {
        let table = configuration.tables[feed.table]
        let stop = StopSignal()
        return ThreadService(name: table.feedName, stop: stop, graceSeconds: 10) {
            [configuration, logger] in
            switch table.feed {
            case .mqtt: break
            case .kafka(let kafka):
                KafkaFeedLoop(
                    table: table,
                    kafka: kafka,
                    gateway: configuration.gateway.id,
                    box: feed.box,
                    positions: { try log.offsets(of: table.name) },
                    stop: stop,
                    health: health,
                    logger: logger
                )
                .run()
            case .file(let file):
                FileFeedLoop(
                    table: table,
                    file: file,
                    box: feed.box,
                    mark: { try log.mark(of: table.name) },
                    stop: stop,
                    health: health,
                    logger: logger
                )
                .run()
            }
        }
    }

    /// Retention must know every cursor before the first chunk is deleted.
    private func startCursors(_ lanes: [Lane], _ log: EventLog, _ inbox: LogInbox) throws {
        let reader = try LogReader(log: log)
        for lane in lanes {
            for stream in lane.streams {
                let cursor = try reader.cursor(sink: lane.sink.name, stream: stream.stream)
                inbox.start(sink: lane.sink.name, stream: stream.stream, at: cursor)
            }
        }
    }

    private var certificateFiles: [String] {
        let connections =
            configuration.sources.map(\.connection) + configuration.sinks.compactMap(\.mqtt)
            + configuration.tables.compactMap(\.session?.connection)
        let identities =
            configuration.sinks.compactMap(\.kafka?.tls)
            + configuration.tables.compactMap(\.kafka?.kafka.tls)
        let files =
            connections.flatMap { [$0.caFile, $0.certificateFile] }
            + identities.flatMap { [$0.caFile, $0.certificateFile] }
        return Set(files.compactMap(\.self)).sorted()
    }

    private static func certificateEnd(_ path: String) -> Date? {
        var seconds: Int64 = 0
        guard unsafe mqtt_shim_certificate_not_after(path, &seconds) == 0 else { return nil }
        return Date(timeIntervalSince1970: Double(seconds))
    }
}
