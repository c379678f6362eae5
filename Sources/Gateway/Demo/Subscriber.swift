// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A message as an independent subscriber received it.
struct ReceivedMessage: Sendable {
    var topic: String
    var payload: [UInt8]
    var arrivalNanoseconds: UInt64
    var isRetained: Bool
}

/// Subscribes on a thread of its own and hands every message to a closure, in order.
final class Subscriber: Sendable {
    private let stop = StopSignal()
    private let isUp = Atomic<Bool>(false)
    private let isDone = Atomic<Bool>(false)
    private let failureText = Mutex<String?>(nil)

    /// Connects, and again whenever the broker was away; the session outlives the connection.
    init(
        _ connection: MQTTConnectionConfiguration,
        filters: [String],
        onMessage: @escaping @Sendable (ReceivedMessage) -> Void
    ) {
        let thread = Thread { [self] in
            while !stop.isSet {
                do {
                    let reader = try SubscriberConnection(connection, filters, onMessage)
                    try reader.run(stop) { self.isUp.store(true, ordering: .releasing) }
                } catch {
                    failureText.withLock { $0 = "\(error)" }
                    ChildProcess.pause(0.05)
                }
            }
            isDone.store(true, ordering: .releasing)
        }
        thread.name = "subscriber"
        thread.start()
    }

    /// Waits until the first subscription is granted.
    func waitUntilUp(seconds: Double = 30) throws {
        let deadline = Date().addingTimeInterval(seconds)
        while !isUp.load(ordering: .acquiring) {
            guard Date() < deadline else {
                let reason = failureText.withLock { $0 ?? "no answer" }
                throw DepotError(description: "can't subscribe: \(reason)")
            }
            ChildProcess.pause(0.005)
        }
    }

    /// Ends the subscription and waits for its thread.
    func close() {
        stop.set()
        while !isDone.load(ordering: .acquiring) { ChildProcess.pause(0.005) }
    }
}

/// One connection of a subscriber.
private final class SubscriberConnection: MQTTClientDelegate {
    private let client: MQTTClient
    private let filters: [String]
    private let onMessage: (ReceivedMessage) -> Void
    private var failure: MQTTError?
    private var onUp: () -> Void = {}

    init(
        _ connection: MQTTConnectionConfiguration,
        _ filters: [String],
        _ onMessage: @escaping (ReceivedMessage) -> Void
    ) throws {
        self.filters = filters
        self.onMessage = onMessage
        client = try MQTTClient(
            MQTTClientOptions(
                connection: connection,
                cleanStart: false,
                sessionExpirySeconds: 3_600,
                receiveMaximum: 5_000
            )
        )
        client.delegate = self
        try client.connect()
    }

    func run(_ stop: StopSignal, onUp: @escaping () -> Void) throws {
        self.onUp = onUp
        var lastTick: Int64 = 0
        while !stop.isSet {
            let isFlushed = try client.write()
            let events = Int16(POLLIN) | (isFlushed ? 0 : Int16(POLLOUT))
            var descriptors = [
                pollfd(fd: client.socket, events: events, revents: 0),
                pollfd(fd: stop.wakeUp.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = unsafe poll(&descriptors, 2, 1_000)
            while try client.read() { if let failure { throw failure } }
            if let failure { throw failure }
            let second = WallClock.now().milliseconds / 1_000
            if second != lastTick {
                lastTick = second
                try client.tick()
            }
        }
        client.disconnect()
    }

    func connected(isSessionPresent: Bool) {
        do throws(MQTTError) {
            try client.subscribe(filters, qos: 1)
        } catch {
            failure = error
        }
    }

    func subscribed(granted: [Int]) {
        if granted.allSatisfy({ $0 < 0x80 }) {
            onUp()
        } else {
            failure = MQTTError(message: "a subscription was refused")
        }
    }

    func received(_ message: borrowing MQTTMessage) {
        let topic = unsafe String(decoding: message.topicBytes, as: UTF8.self)
        let payload = unsafe [UInt8](message.payload)
        onMessage(
            ReceivedMessage(
                topic: topic,
                payload: payload,
                arrivalNanoseconds: WallClock.monotonicNanoseconds(),
                isRetained: message.isRetained
            )
        )
    }

    func published(packetID: UInt16, reason: Int) {}

    func ended(_ error: MQTTError) { failure = failure ?? error }
}
