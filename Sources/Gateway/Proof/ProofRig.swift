// SPDX-License-Identifier: Apache-2.0
// What the proofs have in common: vehicles that publish numbered messages and know which of them
// were acknowledged, and an upstream subscriber that notes what arrives.
import Foundation
import Synchronization

/// Publishes numbered messages without pause, on a thread of its own, through broker restarts.
///
/// A message whose acknowledgement was lost with its connection is not sent again: it may or may not
/// have been taken, and the oracle knows it as such.
final class NumberedPublisher: Sendable {
    /// A vehicle's messages are numbered from 1.
    struct Sent: Sendable {
        var published: [String: Int] = [:]
        var acknowledged: [String: Set<Int>] = [:]

        var acknowledgedCount: Int { acknowledged.values.reduce(0) { $0 + $1.count } }
    }

    private let state = Mutex(Sent())
    private let stop = StopSignal()
    private let isDone = Atomic<Bool>(false)
    /// Whether the thread publishes or only waits.
    private let isPaused = Atomic<Bool>(false)

    init(_ connection: MQTTConnectionConfiguration, vehicles: [String], messagesPerSecond: Int) {
        let thread = Thread { [self] in
            while !stop.isSet {
                do {
                    try publish(connection, vehicles, messagesPerSecond)
                } catch {
                    // The broker is away on purpose now and then.
                    ChildProcess.pause(0.05)
                }
            }
            isDone.store(true, ordering: .releasing)
        }
        thread.name = "publisher"
        thread.start()
    }

    var sent: Sent { state.withLock { $0 } }

    /// Stops publishing, waits for what is under way, and ends.
    func close() {
        stop.set()
        while !isDone.load(ordering: .acquiring) { ChildProcess.pause(0.005) }
    }

    private func publish(
        _ connection: MQTTConnectionConfiguration,
        _ vehicles: [String],
        _ messagesPerSecond: Int
    ) throws {
        let publisher = try Publisher(connection)
        // The numbers of the messages of this connection, by the publisher's own count.
        var numbers: [(vehicle: String, number: Int)] = []
        publisher.onAcknowledged = { [self] index in
            let (vehicle, number) = numbers[index]
            state.withLock { _ = $0.acknowledged[vehicle, default: []].insert(number) }
        }
        let started = WallClock.monotonicNanoseconds()
        while !stop.isSet {
            let elapsed = Double(WallClock.monotonicNanoseconds() - started) / 1e9
            while numbers.count < Int(elapsed * Double(messagesPerSecond)), publisher.hasRoom {
                let vehicle = vehicles[numbers.count % vehicles.count]
                let number = state.withLock { state in
                    state.published[vehicle, default: 0] += 1
                    return state.published[vehicle, default: 0]
                }
                numbers.append((vehicle, number))
                try publisher.publish(
                    topic: "fleet/\(vehicle)/state",
                    payload: Self.payload(number),
                    number: numbers.count - 1
                )
            }
            try publisher.pump(milliseconds: 2)
        }
        _ = try publisher.drain(seconds: 10)
        publisher.close()
    }

    /// A state that makes the headlight rule fire and resolve now and then.
    private static func payload(_ number: Int) -> [UInt8] {
        let isForgotten = number % 50 < 5
        let text = """
            {"ts":\(WallClock.now().milliseconds),"seq":\(number),"v":{"powertrain":{"ignition":\
            {"key":{"status":"\(isForgotten ? "off" : "run")"}}},"chassis":{"motion":{"speed":\
            {"kmh":\(isForgotten ? 0 : number % 120)}}},"body":{"lights":{"headlamp":\
            {"status":\(isForgotten)}}}}}
            """
        return Array(text.utf8)
    }
}

/// Notes what arrives upstream, by the identity that the gateway gives each event.
final class UpstreamWitness: Sendable {
    struct Arrivals: Sendable {
        /// Numbers in the order of their first arrival, by vehicle.
        var numbers: [String: [Int]] = [:]
        var seenOffsets: Set<Int64> = []
        var redelivered = 0
    }

    private let state = Mutex(Arrivals())

    var arrivals: Arrivals { state.withLock { $0 } }

    func receive(_ message: ReceivedMessage) {
        let levels = message.topic.split(separator: "/")
        guard levels.count == 3, levels[1] == "enriched",
            let offset = DeliveryCounter.number(after: #""offset":"#, in: message.payload),
            let number = DeliveryCounter.number(after: #""seq":"#, in: message.payload)
        else { return }
        state.withLock { state in
            guard state.seenOffsets.insert(offset).inserted else {
                state.redelivered += 1
                return
            }
            state.numbers[String(levels[2]), default: []].append(Int(number))
        }
    }
}
