// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

@testable import Gateway

/// Keeps what a subscriber of the test's own receives, in order.
final class Collector: Sendable {
    private final class Box: Sendable {
        let messages = Mutex<[ReceivedMessage]>([])
    }

    private let box = Box()
    private let subscriber: Subscriber

    init(_ connection: MQTTConnectionConfiguration, _ filters: [String]) throws {
        subscriber = Subscriber(connection, filters: filters) { [box] message in
            box.messages.withLock { $0.append(message) }
        }
        try subscriber.waitUntilUp()
    }

    deinit { subscriber.close() }

    var all: [ReceivedMessage] { box.messages.withLock { $0 } }

    /// How many messages came under a topic prefix.
    func count(_ prefix: String = "") -> Int {
        box.messages.withLock { $0.count { $0.topic.hasPrefix(prefix) } }
    }

    func messages(_ prefix: String) -> [ReceivedMessage] {
        all.filter { $0.topic.hasPrefix(prefix) }
    }

    func close() { subscriber.close() }
}

extension ReceivedMessage {
    var text: String { String(decoding: payload, as: UTF8.self) }
    var object: [String: Any] { parseJSON(text) }
}
