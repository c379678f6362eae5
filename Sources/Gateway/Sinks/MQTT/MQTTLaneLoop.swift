// SPDX-License-Identifier: Apache-2.0
// Delivery over MQTT: read behind the cursor, publish with QoS 1, move the cursor when the far side
// has acknowledged. Acknowledgements pace it, never a timer. Order per vehicle holds because one
// connection sends in the log's order and, after a break, starts again behind the cursor.
import CoreMetrics
import Foundation
import Logging

/// Delivers the streams of one lane; owns its connection and its thread.
final class MQTTLaneLoop {
    /// Events that one read of the log fetches at most.
    private static let readCount = 256
    private static let readBytes = 1 << 20
    /// A read that brings fewer than this has reached the stream's end, unless it was cut by bytes.
    private static let shortRead = 16
    private static let openingMilliseconds: Int64 = 10_000

    private let lane: Lane
    private let connection: MQTTConnectionConfiguration
    private let gateway: String
    private let loopGuard: LoopGuard
    private let reader: LogReader
    private let listener: CommitListener
    private let stop: StopSignal
    private let report: LaneReport
    private var streams: [LaneStream]
    /// Packet ids on their way, with the stream and offset they carry.
    private var inFlight: [UInt16: (stream: Int, event: StoredEvent)] = [:]
    private var client: MQTTClient?
    private var isOpen = false
    private var upSince = Timestamp.distantFuture
    private var isWriteBlocked = false
    private var ending: MQTTError?
    private var backoff: Backoff
    private var drainLimit: RateLimit?
    /// Something was accepted on this connection: a later refusal is about the event, not about us.
    private var hasAccepted = false
    private var lastTick = Timestamp.distantPast

    init(
        _ context: LaneContext,
        connection: MQTTConnectionConfiguration,
        loopGuard: LoopGuard
    ) throws {
        lane = context.lane
        gateway = context.gateway
        listener = context.listener
        stop = context.stop
        self.loopGuard = loopGuard
        var connection = connection
        connection.clientID += "-\(context.lane.kind.rawValue)"
        self.connection = connection
        let reader = try LogReader(log: context.log)
        self.reader = reader
        report = LaneReport(context, reader: reader)
        drainLimit = context.lane.drainLimit
        backoff = Backoff(
            minMilliseconds: connection.reconnectMinMilliseconds,
            maxMilliseconds: connection.reconnectMaxMilliseconds
        )
        streams = try context.lane.streams.map { stream in
            let cursor = try reader.cursor(sink: context.lane.sink.name, stream: stream.stream)
            return LaneStream(
                configuration: stream,
                window: DeliveryWindow(cursor: cursor),
                properties: connection.protocolVersion == 5
                    ? MQTTUserProperties([
                        ("gateway", context.gateway), ("stream", stream.stream), ("offset", ""),
                        ("event_time", ""),
                    ]) : nil
            )
        }
    }

    /// Runs until it is told to stop.
    func run() {
        while !stop.isSet {
            do {
                try deliverUntilBroken()
            } catch {
                goDown(error)
                waitBeforeRetry()
            }
        }
        client?.disconnect()
    }

    // One connection.

    private func deliverUntilBroken() throws {
        try open()
        while !stop.isSet {
            if listener.willWait() { lookAgain() }
            let hasWork = try streams.contains { !$0.isCaughtUp } && fill()
            try write()
            try readAcknowledgements()
            observe()
            guard !hasWork else { continue }
            try waitForEvents()
            listener.didWake()
        }
    }

    private func open() throws {
        let options = MQTTClientOptions(
            connection: connection,
            cleanStart: true,
            sendMaximum: lane.sink.window
        )
        guard let client = try connect(options) else { return }
        client.delegate = self
        self.client = client
        isOpen = false
        hasAccepted = false
        ending = nil
        let started = WallClock.uptime()
        while !isOpen {
            if client.wantsWrite { try write() }
            try waitForEvents()
            try readAcknowledgements()
            guard !stop.isSet else { return }
            if WallClock.uptime() - started > Self.openingMilliseconds {
                throw MQTTError(message: "the broker did not answer CONNECT in time")
            }
        }
        upSince = WallClock.uptime()
        report.up()
    }

    /// Connects on another thread, so that a host that doesn't answer doesn't hold up a stop.
    private func connect(_ options: MQTTClientOptions) throws -> MQTTClient? {
        let connector = MQTTConnector(options, wakeUp: listener.wakeUp)
        while !stop.isSet {
            if let result = connector.take() { return try result.get() }
            var descriptors = [
                pollfd(fd: listener.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&descriptors, 2, 1_000)
            listener.wakeUp.clear()
        }
        return nil
    }

    /// Publishes what fits into the window; tells whether there may be more to do at once.
    private func fill() throws -> Bool {
        let now = WallClock.uptime()
        var room = lane.sink.window - inFlight.count
        if let allowance = drainLimit?.allowance(now: now) { room = min(room, allowance) }
        for index in streams.indices where room > 0 {
            let count = min(room, Self.readCount)
            let events = try reader.read(
                streams[index].configuration.stream,
                after: streams[index].window.sent,
                count: count,
                bytesMax: Self.readBytes
            )
            for event in events { try publish(event, index) }
            streams[index].isCaughtUp = events.isEmpty || events.count < min(count, Self.shortRead)
            room -= events.count
            drainLimit?.take(events.count)
        }
        return room > 0 && streams.contains { !$0.isCaughtUp }
    }

    /// There may be new events: acknowledgements alone are no reason to ask the log.
    private func lookAgain() {
        for index in streams.indices { streams[index].isCaughtUp = false }
    }

    private func publish(_ event: StoredEvent, _ index: Int) throws {
        let stream = streams[index].configuration
        let topic = stream.topic.topic(
            gateway: gateway,
            stream: stream.stream,
            key: event.key,
            topic: event.topic
        )
        streams[index].window.send(event.offset)
        if let pattern = loopGuard.pattern(taking: topic, from: stream.topic, of: event) {
            let reason = "the gateway would read '\(topic)' itself, by its pattern '\(pattern)'"
            return refuse(event, index, because: reason)
        }
        do throws(MQTTError) {
            guard let client else { return }
            if let properties = streams[index].properties {
                properties.set(2, event.offset)
                properties.set(3, event.eventTime.milliseconds)
            }
            let packetID = try client.publish(
                topic: topic,
                payload: stream.layout.apply(to: event.payload),
                qos: 1,
                isRetained: stream.isRetained,
                properties: streams[index].properties
            )
            inFlight[packetID] = (index, event)
        } catch {
            // libmosquitto has not even queued it: a topic or size that MQTT or the broker forbids.
            guard client?.socket ?? -1 >= 0 else { throw error }
            refuse(event, index, because: error.message)
        }
    }

    private func write() throws {
        guard let client else { return }
        isWriteBlocked = try !client.write()
    }

    private func readAcknowledgements() throws {
        guard let client else { return }
        while try client.read() {
            if let ending { throw ending }
        }
        if let ending { throw ending }
        let now = WallClock.uptime()
        guard now - lastTick >= 1_000 else { return }
        lastTick = now
        try client.tick()
    }

    private func waitForEvents() throws {
        guard let client, client.socket >= 0 else {
            throw ending ?? MQTTError(message: "the connection is gone")
        }
        // A PUBACK that was read lets libmosquitto release the next PUBLISH, which waits for a write.
        let wantsWrite = isWriteBlocked || client.wantsWrite
        let events = Int16(POLLIN) | (wantsWrite ? Int16(POLLOUT) : 0)
        var descriptors = [
            pollfd(fd: client.socket, events: events, revents: 0),
            pollfd(fd: listener.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        // A full window is no matter of time; only the limit passes by itself.
        let limit = streams.allSatisfy(\.isCaughtUp) ? 0 : drainLimit?.waitMilliseconds ?? 0
        let wait = limit > 0 ? min(1_000, limit) : 1_000
        _ = unsafe poll(&descriptors, UInt(descriptors.count), Int32(wait))
    }

    // What the far side says.

    private func accepted(_ index: Int, _ event: StoredEvent) {
        hasAccepted = true
        report.delivered(index, arrival: event.arrival, now: WallClock.now())
        finish(index, event.offset)
    }

    private func refuse(_ event: StoredEvent, _ index: Int, because reason: String) {
        report.refuse(event, index, because: reason)
        finish(index, event.offset)
    }

    private func finish(_ index: Int, _ offset: Int64) {
        guard streams[index].window.acknowledge(offset) else { return }
        report.cursorMoved(index, to: streams[index].window.cursor)
    }

    // Breaks.

    private func goDown(_ error: any Error) {
        let retried = inFlight.values.reduce(into: [Int: Int]()) { $0[$1.stream, default: 0] += 1 }
        for (index, count) in retried {
            report.metrics[index].retriedEvents.increment(by: Int64(count))
        }
        inFlight.removeAll()
        lookAgain()
        for index in streams.indices {
            streams[index].window.rewind()
        }
        client?.abort()
        client = nil
        if upSince != .distantFuture {
            backoff.connectionEnded(afterMilliseconds: WallClock.uptime() - upSince)
            upSince = .distantFuture
        }
        isWriteBlocked = false
        report.down(
            because: "\(ending ?? error)" + backoff.hint(clientID: connection.clientID)
        )
    }

    private func waitBeforeRetry() {
        let until = WallClock.uptime() + backoff.next()
        while !stop.isSet {
            let wait = until - WallClock.uptime()
            guard wait > 0 else { return }
            stop.wait(milliseconds: min(wait, 1_000))
            observe()
        }
    }

    private func observe() {
        report.observe {
            streams.map { ($0.window.cursor, $0.window.inFlightCount) }
        }
    }
}

/// One stream of a lane.
private struct LaneStream {
    let configuration: SinkStreamConfiguration
    var window: DeliveryWindow
    /// What an event carries beside its payload; MQTT 5 only.
    let properties: MQTTUserProperties?
    var isCaughtUp = false
}

extension MQTTLaneLoop: MQTTClientDelegate {
    func connected(isSessionPresent: Bool) { isOpen = true }

    func published(packetID: UInt16, reason: Int) {
        guard let (index, event) = inFlight.removeValue(forKey: packetID) else { return }
        guard reason >= 0x80 else { return accepted(index, event) }
        let text = MQTTClient.reasonText(reason)
        if Self.isAboutEvent(reason), hasAccepted {
            refuse(event, index, because: text)
        } else {
            ending = MQTTError(
                message:
                    "the broker refuses to take \(streams[index].configuration.stream): \(text)"
            )
        }
    }

    /// PUBACK reasons that come again however often the event is sent (MQTT 5, section 3.4.2.1):
    /// not authorized, topic name invalid, packet too large, payload format invalid.
    private static func isAboutEvent(_ reason: Int) -> Bool {
        [0x87, 0x90, 0x95, 0x99].contains(reason)
    }

    func received(_ message: borrowing MQTTMessage) {}

    func subscribed(granted: [Int]) {}

    func ended(_ error: MQTTError) { ending = ending ?? error }
}
