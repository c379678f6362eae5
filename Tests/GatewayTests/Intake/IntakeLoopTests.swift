// SPDX-License-Identifier: Apache-2.0
// The loop on its thread, with a real log and no broker: what it does at the log's limits.
import Logging
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct IntakeLoopTests {
    /// A line of the loop's log, and when it was written.
    private struct Line: Sendable {
        var time: Timestamp
        var text: String
    }

    private let folder: TemporaryFolder
    private let stop = StopSignal()
    private let inbox: LogInbox
    private let lines: AsyncStream<Line>
    private let continuation: AsyncStream<Line>.Continuation

    init() throws {
        folder = try TemporaryFolder()
        inbox = LogInbox(listeners: [], intake: stop.wakeUp)
        (lines, continuation) = AsyncStream.makeStream(of: Line.self)
    }

    /// Runs the loop until `stop` is set; nobody listens where its source's broker should be.
    private func start(
        budgetBytes: Int64 = .max,
        pagesMax: Int? = nil
    ) throws -> Task<Void, any Error> {
        var configuration = try Configuration.testing()
        configuration.sources[0].connection.host = "127.0.0.1"
        configuration.sources[0].connection.port = 1
        configuration.log.budgetBytes = budgetBytes
        let log = try EventLog(directory: folder.path, pagesMax: pagesMax)
        return Task { [configuration, log, inbox, stop, continuation] in
            defer { continuation.finish() }
            try await onOwnThread("intake") {
                let loop = try IntakeLoop(
                    configuration: configuration,
                    log: log,
                    inbox: inbox,
                    stop: stop,
                    health: Health(sources: ["vehicles"], sinks: []),
                    metrics: GatewayMetrics(factory: PrometheusRegistry()),
                    logger: Self.logger { continuation.yield($0) }
                )
                loop.run()
            }
        }
    }

    private static func logger(_ write: @escaping @Sendable (Line) -> Void) -> Logger {
        Logger(label: "intake") { label in
            LineLogHandler(
                format: .text,
                label: label,
                level: .notice,
                write: { write(Line(time: WallClock.now(), text: $0)) }
            )
        }
    }

    // Goal: a log that has room, but not for what is waiting, is not up and down twice a second.
    // Method: an event that a sink refused is larger than the log may become; the loop's own trial
    // of the log succeeds every time.
    @Test func failuresInARowComeMoreAndMoreSlowly() async throws {
        let event = StoredEvent(
            offset: 1,
            eventTime: .seconds(0),
            arrival: .seconds(0),
            key: "car",
            topic: "fleet/car/state",
            payload: [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
        )
        inbox.refuse(
            RefusedEvent(
                sink: "cloud",
                stream: StreamName.enriched,
                event: event,
                reason: "too large"
            )
        )
        let loop = try start(pagesMax: 60)
        defer { stop.set() }
        var failures: [Timestamp] = []
        for await line in lines where line.text.contains("log not writable") {
            #expect(line.text.contains("the disk is full"))
            failures.append(line.time)
            if failures.count == 4 { break }
        }
        stop.set()
        try await loop.value
        try #require(failures.count == 4)
        // The third wait is of 1 to 2 s; if every wait were a first one, of half a second at most.
        #expect(failures[3] - failures[2] > 750)
    }

    /// A log of so many messages, all of them in the snapshot of the vehicles.
    private func fill(_ count: Int) throws {
        let gateway = try LoggedGateway(in: folder)
        let message = TestMessage("fleet/car/state", "{}", arrival: .seconds(0))
        try gateway.process(Array(repeating: message, count: count))
        try gateway.saveVehicles()
    }

    // Raw goes in chunks of 1,000: delivered, then partly delivered, then not at all.
    @Test func evictionIsToldOncePerStreamAndAgainWhenItCostsUndeliveredEvents() async throws {
        try fill(2_500)
        inbox.start(sink: "cloud", stream: StreamName.raw, at: 1_200)
        let loop = try start(budgetBytes: 0)
        defer { stop.set() }
        var told: [String] = []
        for await line in lines where line.text.contains("the disk budget evicts events") {
            guard let fields = line.text.firstRange(of: "stream=") else { continue }
            told.append(String(line.text[fields.lowerBound...].dropLast()))
            // Gap events are the next in line when hardly anything of raw and enriched is left.
            if line.text.contains("stream=dead_letter") { break }
        }
        stop.set()
        try await loop.value
        #expect(
            told == [
                "stream=raw undelivered=0", "stream=raw undelivered=800",
                "stream=enriched undelivered=0", "stream=dead_letter undelivered=0",
            ]
        )
    }
}
