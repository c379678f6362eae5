// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Tries an MQTT broker: reachability, TLS, authentication, and whether it grants subscriptions.
///
/// It connects under a client id of its own with a clean session, so that a gateway which runs is not
/// disturbed. Nothing is published: subscribers would see it.
final class MQTTCheck {
    private static let milliseconds: Int64 = 10_000

    private let place: String
    private let connection: MQTTConnectionConfiguration
    private let filters: [String]
    private var granted: [Int]?
    private var isConnected = false
    private var ending: MQTTError?

    init(place: String, connection: MQTTConnectionConfiguration, filters: [String] = []) {
        self.place = place
        var connection = connection
        connection.clientID += "-check-\(UInt32.random(in: .min ... .max))"
        self.connection = connection
        self.filters = filters
    }

    func run() -> [Finding] {
        do {
            let client = try MQTTClient(
                MQTTClientOptions(connection: connection, cleanStart: true)
            )
            client.delegate = self
            try client.connect()
            defer { client.disconnect() }
            try drive(client) { isConnected }
            if !filters.isEmpty {
                try client.subscribe(filters, qos: 1)
                try drive(client) { granted != nil }
            }
        } catch {
            return [failure(error)]
        }
        let tls = connection.usesTLS ? ", TLS" : ", without TLS"
        return [
            Finding(
                verdict: .good,
                place: place,
                text: "\(connection.host):\(connection.port) reachable\(tls), authenticated, MQTT "
                    + (connection.protocolVersion == 5 ? "5" : "3.1.1")
            )
        ] + subscriptions
    }

    private var subscriptions: [Finding] {
        zip(filters, granted ?? [])
            .map { filter, value in
                guard value >= 0x80 else {
                    return Finding(
                        verdict: .good,
                        place: place,
                        text: "may subscribe to '\(filter)'"
                    )
                }
                return Finding(
                    verdict: .bad,
                    place: place,
                    text: "may not subscribe to '\(filter)': \(MQTTClient.reasonText(value))",
                    advice: "grant it in the broker's ACL (systemd/mosquitto.acl shows how)"
                )
            }
    }

    private func failure(_ error: any Error) -> Finding {
        let error = (error as? MQTTError) ?? MQTTError(message: "\(error)")
        return Finding(
            verdict: .bad,
            place: place,
            text: "\(connection.host):\(connection.port): \(error.message)",
            advice: advice(for: error)
        )
    }

    private func advice(for error: MQTTError) -> String {
        let text = error.message.lowercased()
        if error.isRefusal {
            return "check username and password, or the certificate that the broker should know; "
                + "a broker that allows client ids by name must allow '\(connection.clientID)'"
        }
        if text.contains("certificate") {
            return
                "check tls.ca: it must be the authority that signed the broker's certificate, and "
                + "the host in the url must stand in that certificate"
        }
        return
            "check host and port, that the broker runs, and that a firewall lets the gateway through"
    }

    private func drive(_ client: MQTTClient, until isDone: () -> Bool) throws {
        let deadline = WallClock.now() + Self.milliseconds
        while !isDone() {
            let isFlushed = try client.write()
            var descriptor = pollfd(
                fd: client.socket,
                events: Int16(POLLIN) | (isFlushed ? 0 : Int16(POLLOUT)),
                revents: 0
            )
            _ = unsafe poll(&descriptor, 1, 50)
            while try client.read() { if let ending { throw ending } }
            if let ending { throw ending }
            guard WallClock.now() < deadline else {
                throw MQTTError(message: "the broker does not answer")
            }
        }
    }
}

extension MQTTCheck: MQTTClientDelegate {
    func connected(isSessionPresent: Bool) { isConnected = true }
    func subscribed(granted: [Int]) { self.granted = granted }
    func ended(_ error: MQTTError) { ending = ending ?? error }
    func received(_ message: borrowing MQTTMessage) {}
    func published(packetID: UInt16, reason: Int) {}
}
