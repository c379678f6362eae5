// SPDX-License-Identifier: Apache-2.0
// Brings change events to a broker, through the broker's restarts; one thread drives it.
import Foundation

/// How the changes of one fleet travel.
protocol ChangeCarrier: AnyObject {
    /// Queues a message.
    func send(topic: String, key: [UInt8], payload: [UInt8])
    /// Sends what is queued and hears what has arrived.
    func pump()
    /// Whether everything has arrived at the broker.
    var isIdle: Bool { get }
    /// Ends the connection in the midst of things; what had not arrived is sent again.
    func reconnect()
    func close()
}

/// Over MQTT with QoS 1.
final class MQTTChangeCarrier: ChangeCarrier {
    private let connection: MQTTConnectionConfiguration
    private var publisher: Publisher?
    private var queue: [(topic: String, payload: [UInt8])] = []
    private var underWay: [Int: (topic: String, payload: [UInt8])] = [:]
    private var nextNumber = 0

    init(_ connection: MQTTConnectionConfiguration) {
        self.connection = connection
    }

    var isIdle: Bool { queue.isEmpty && underWay.isEmpty }

    func send(topic: String, key: [UInt8], payload: [UInt8]) { queue.append((topic, payload)) }

    func pump() {
        do {
            let publisher = try connected()
            while let message = queue.first, publisher.hasRoom {
                queue.removeFirst()
                underWay[nextNumber] = message
                nextNumber += 1
                try publisher.publish(
                    topic: message.topic,
                    payload: message.payload,
                    number: nextNumber - 1
                )
            }
            try publisher.pump(milliseconds: 0)
        } catch {
            // The broker is away on purpose now and then.
            requeue()
        }
    }

    func reconnect() { requeue() }

    func close() {
        publisher?.close()
        publisher = nil
    }

    private func connected() throws -> Publisher {
        if let publisher { return publisher }
        let made = try Publisher(connection)
        made.onAcknowledged = { [unowned self] in underWay[$0] = nil }
        publisher = made
        return made
    }

    /// What may not have arrived goes first again, in its order.
    private func requeue() {
        close()
        queue = underWay.sorted { $0.key < $1.key }.map(\.value) + queue
        underWay.removeAll()
    }
}

/// Over Kafka, in several partitions by the row's key.
final class KafkaChangeCarrier: ChangeCarrier, KafkaClientDelegate {
    static let partitions = 3

    private let wakeUp = WakeUp()
    private let headers = KafkaHeaders([])
    private var producer: KafkaProducer?
    private var queue: [(topic: String, key: [UInt8], payload: [UInt8])] = []
    private var underWay = 0
    /// Records that will never arrive.
    private(set) var failures: [String] = []

    init(_ kafka: KafkaBroker, topics: [String]) throws {
        for topic in topics { Self.create(topic, at: kafka.port) }
        producer = try KafkaProducer(
            [
                ("bootstrap.servers", kafka.address), ("acks", "all"), ("linger.ms", "2"),
                // Order without idempotence: what is tried again may arrive twice.
                ("max.in.flight.requests.per.connection", "1"), ("retries", "1000000"),
                ("retry.backoff.ms", "50"), ("reconnect.backoff.max.ms", "200"),
                ("message.timeout.ms", "120000"), ("partitioner", "consistent"),
            ]
            .map { KafkaProperty(name: $0, value: $1) },
            delegate: self,
            wakeUp: wakeUp
        )
    }

    var isIdle: Bool { queue.isEmpty && underWay == 0 }

    func send(topic: String, key: [UInt8], payload: [UInt8]) {
        queue.append((topic, key, payload))
    }

    func pump() {
        guard let producer else { return }
        wakeUp.clear()
        var sent = 0
        for record in queue {
            let error = producer.produce(
                record.payload.isEmpty ? nil : record.payload,
                to: record.topic,
                key: record.key,
                headers: headers
            )
            // Most likely the queue is full; what is wrong with a record shows in the end.
            guard error == nil else { break }
            sent += 1
            underWay += 1
        }
        queue.removeFirst(sent)
        producer.poll()
    }

    func reconnect() {}

    func close() {
        _ = producer?.flush(milliseconds: 5_000)
        producer = nil
    }

    func delivered(tag: Int64, error: KafkaError?) {
        underWay -= 1
        if let error { failures.append("\(error)") }
    }

    func failed(_ error: KafkaError) {}
    func measured(_ statistics: KafkaStatistics) {}
    func token() throws(KafkaTokenError) -> KafkaToken {
        preconditionFailure("this broker wants no token")
    }
    func logged(_ text: String, isWarning: Bool) {}

    /// Makes a topic with several partitions: CreateTopics, version 2 (kafka.apache.org/protocol).
    ///
    /// No byte of the request is above 127, so it can go as text.
    private static func create(_ topic: String, at port: Int) {
        func int16(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }
        func int32(_ value: Int) -> [UInt8] { int16(value >> 16) + int16(value & 65_535) }
        func text(_ value: String) -> [UInt8] { int16(value.utf8.count) + Array(value.utf8) }
        let topics = int32(1) + text(topic) + int32(partitions) + int16(1) + int32(0) + int32(0)
        let request =
            int16(19) + int16(2) + int32(1) + text("proof") + topics + int32(10_000) + [0]
        let bytes = int32(request.count) + request
        _ = LocalDepot.exchange(port: port, String(decoding: bytes, as: UTF8.self), isLast: true)
    }
}
