// SPDX-License-Identifier: Apache-2.0
// One lane into Kafka without the rest of the gateway: a real log, and a test in the intake's place.
import Foundation
import Logging
import Synchronization

@testable import Gateway

/// A lane that runs, and the log behind it.
final class KafkaLaneRig {
    let inbox: LogInbox
    let health: Health
    let registry = PrometheusRegistry(helpTexts: MetricName.helpTexts)
    let log: EventLog
    private let folder: String
    private let lane: Lane
    private let writer: LogWriter
    private let listener: CommitListener
    private var stop: StopSignal?
    /// What the lane has refused, in its order.
    private(set) var refused: [RefusedEvent] = []

    init(
        _ kafka: KafkaConfiguration,
        kind: Lane.Kind = .bulk,
        window: Int = 1_000,
        drainRate: Int? = nil
    ) throws {
        folder = NSTemporaryDirectory() + "/lane-\(UInt32.random(in: .min ... .max))"
        log = try EventLog(directory: folder)
        writer = try LogWriter(
            log: log,
            signals: SignalTable(catalogue: [], signalsMax: 10),
            sourceNames: ["vehicles"]
        )
        let stream = kind == .bulk ? StreamName.enriched : StreamName.outlier
        let sink = SinkConfiguration(
            name: "lake",
            transport: .kafka(kafka),
            window: window,
            drainRate: drainRate,
            streams: [
                SinkStreamConfiguration(stream: stream, topic: try TopicTemplate("iot.{stream}"))
            ]
        )
        lane = Lane(kind: kind, sink: sink, streams: sink.streams)
        listener = CommitListener(streams: [stream])
        inbox = LogInbox(listeners: [listener], intake: WakeUp())
        health = Health(sources: [], sinks: [lane.name])
    }

    deinit {
        stop?.set()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var stream: String { lane.streams[0].stream }
    var metrics: MetricsPage { MetricsPage(registry.exposition()) }
    var state: PartState? { health.report().sinks[lane.name] }

    var reason: String {
        if case .down(let reason)? = state { reason } else { "" }
    }

    /// Appends numbered events of three vehicles.
    func append(_ numbers: ClosedRange<Int>, bytes: Int = 100) throws {
        var outcome = Outcome()
        let now = WallClock.now()
        let next = writer.nextOffsets[stream] ?? 1
        let events = numbers.enumerated()
            .map { place, number in
                let start = outcome.bytes.bytes.count
                let padding = String(repeating: "x", count: bytes)
                let text = #"{"signals":{"seq":\#(number)},"pad":"\#(padding)"}"#
                outcome.bytes.raw(Array(text.utf8))
                return Event(
                    offset: next + Int64(place),
                    eventTime: now,
                    arrival: now,
                    key: "car-\(number % 3)",
                    topic: "alert",
                    payload: start..<outcome.bytes.bytes.count,
                    isText: true
                )
            }
        if stream == StreamName.enriched {
            outcome.enriched = events
        } else {
            outcome.outlier = events
        }
        try writer.commit(outcome, of: MessageBatch(), CommitExtras())
        inbox.announce(outcome)
    }

    /// Starts the lane on a thread of its own.
    func start() throws {
        guard case .kafka(let kafka) = lane.sink.transport else { return }
        let stop = StopSignal()
        self.stop = stop
        let context = LaneContext(
            lane: lane,
            gateway: "depot",
            log: log,
            inbox: inbox,
            listener: listener,
            stop: stop,
            health: health,
            metrics: GatewayMetrics(factory: registry),
            logger: Logger(label: "lane") { _ in SwiftLogNoOpLogHandler() }
        )
        let done = Done()
        self.done = done
        let thread = Thread {
            try? KafkaLaneLoop(context, kafka: kafka).run()
            done.flag.store(true, ordering: .releasing)
        }
        thread.start()
    }

    func end() {
        stop?.set()
    }

    /// Ends the lane and starts it anew, on the same log.
    func restart() async throws {
        end()
        try await until("the lane has ended") { done?.flag.load(ordering: .acquiring) == true }
        try start()
    }

    private final class Done: Sendable {
        let flag = Atomic<Bool>(false)
    }

    private var done: Done?

    /// The cursor in the log, after taking what the lane has left for the intake.
    func cursor() throws -> Int64 {
        let refused = inbox.takeRefused()
        self.refused += refused
        let moves = inbox.cursorMoves()
        if !moves.isEmpty || !refused.isEmpty {
            var extras = CommitExtras()
            extras.cursors = moves
            try writer.commit(Outcome(), of: MessageBatch(), extras)
            inbox.forget(moves)
            inbox.recorded(refused.count)
        }
        return try LogReader(log: log).cursor(sink: "lake", stream: stream)
    }

    /// Waits until the lane has delivered everything up to an offset.
    func waitForCursor(_ offset: Int64, seconds: Double = 60) async throws {
        try await until(
            "the cursor is at \(offset)",
            seconds: seconds,
            explain: { self.explanation }
        ) {
            try cursor() >= offset
        }
    }

    var explanation: String {
        "cursor \((try? cursor()) ?? -1), \(String(describing: state)), refused \(refused.count)"
    }
}

extension KafkaConfiguration {
    /// A cluster without security, and a lane that does not dawdle.
    static func test(_ brokers: String, _ delivery: KafkaDeliveryMode = .exactlyOnce) -> Self {
        var kafka = KafkaConfiguration(brokers: [brokers], group: "depot.lake")
        kafka.delivery = delivery
        kafka.lingerMilliseconds = 0
        kafka.reconnectMinMilliseconds = 20
        kafka.reconnectMaxMilliseconds = 200
        return kafka
    }
}
