// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A client that publishes and counts what its broker has acknowledged; one thread drives it.
final class Publisher: MQTTClientDelegate {
    /// Unacknowledged publishes at most; the owner waits for room.
    static let window = 500

    private let client: MQTTClient
    private var inFlight: [UInt16: Int] = [:]
    private var isConnected = false
    private var failure: MQTTError?
    /// Called with the number that `publish` was given, when its PUBACK has come.
    var onAcknowledged: (Int) -> Void = { _ in }
    private(set) var acknowledgedCount = 0

    init(_ connection: MQTTConnectionConfiguration) throws {
        client = try MQTTClient(
            MQTTClientOptions(connection: connection, cleanStart: true, sendMaximum: Self.window)
        )
        client.delegate = self
        try client.connect()
        let deadline = WallClock.now() + 10_000
        while !isConnected {
            try pump(milliseconds: 50)
            guard WallClock.now() < deadline else {
                throw MQTTError(message: "the broker did not answer CONNECT in time")
            }
        }
    }

    var hasRoom: Bool { inFlight.count < Self.window }
    var isIdle: Bool { inFlight.isEmpty }
    var socket: Int32 { client.socket }

    /// Queues a message with QoS 1; `number` names it when it is acknowledged.
    func publish(topic: String, payload: [UInt8], number: Int) throws {
        inFlight[try client.publish(topic: topic, payload: payload, qos: 1)] = number
    }

    /// Sends what is queued and takes acknowledgements, waiting for them at most so long.
    func pump(milliseconds: Int32) throws {
        let isFlushed = try client.write()
        if milliseconds > 0 {
            let events = Int16(POLLIN) | (isFlushed ? 0 : Int16(POLLOUT))
            var descriptor = pollfd(fd: client.socket, events: events, revents: 0)
            _ = unsafe poll(&descriptor, 1, milliseconds)
        }
        while try client.read() { if let failure { throw failure } }
        if let failure { throw failure }
        let second = WallClock.now().milliseconds / 1_000
        if second != lastTick {
            lastTick = second
            try client.tick()
        }
    }

    private var lastTick: Int64 = 0

    /// Waits until everything is acknowledged; false when that took too long.
    func drain(seconds: Double) throws -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while !isIdle, Date() < deadline { try pump(milliseconds: 20) }
        return isIdle
    }

    func close() { client.disconnect() }

    func connected(isSessionPresent: Bool) { isConnected = true }

    func published(packetID: UInt16, reason: Int) {
        guard let number = inFlight.removeValue(forKey: packetID) else { return }
        guard reason < 0x80 else {
            failure = MQTTError(
                message: "the broker refuses a publish: \(MQTTClient.reasonText(reason))"
            )
            return
        }
        acknowledgedCount += 1
        onAcknowledged(number)
    }

    func ended(_ error: MQTTError) { failure = failure ?? error }

    func received(_ message: borrowing MQTTMessage) {}

    func subscribed(granted: [Int]) {}
}
