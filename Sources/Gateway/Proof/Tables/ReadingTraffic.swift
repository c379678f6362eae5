// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A reading that was published.
struct SentReading {
    /// The fleet's index.
    var fleet: Int
    var vehicle: String
    var time: Int64
    /// What the gateway had committed before the reading was published.
    var bounds: JoinJudge.Bounds
    var isAcknowledged = false
}

/// Publishes numbered readings and knows which were acknowledged; one thread drives it.
///
/// What was under way when a connection broke is not sent again: it may or may not have been taken.
final class ReadingTraffic {
    private let connection: MQTTConnectionConfiguration
    private var publisher: Publisher?
    private(set) var sent: [Int: SentReading] = [:]
    private(set) var acknowledgedCount = 0
    private var nextNumber = 1

    init(_ connection: MQTTConnectionConfiguration) {
        self.connection = connection
    }

    var isIdle: Bool { publisher?.isIdle ?? true }

    func publish(_ reading: SentReading, transport: TablesFleet.Transport) {
        do {
            let publisher = try connected()
            guard publisher.hasRoom else { return }
            let number = nextNumber
            nextNumber += 1
            sent[number] = reading
            try publisher.publish(
                topic: "fleet/\(reading.vehicle)/\(transport.rawValue)",
                payload: Array(#"{"ts":\#(reading.time),"seq":\#(number)}"#.utf8),
                number: number
            )
        } catch {
            close()
        }
    }

    func pump(milliseconds: Int32) {
        do {
            try connected().pump(milliseconds: milliseconds)
        } catch {
            // The broker is away on purpose now and then.
            close()
            ChildProcess.pause(0.005)
        }
    }

    func close() {
        publisher?.close()
        publisher = nil
    }

    /// Readings that were acknowledged and have not been judged.
    var missing: Int { sent.values.count(where: \.isAcknowledged) }

    /// Forgets a reading that was judged.
    func take(_ number: Int) -> SentReading? { sent.removeValue(forKey: number) }

    /// Forgets what was never acknowledged: its connection is gone.
    func forgetUnacknowledged() { sent = sent.filter(\.value.isAcknowledged) }

    private func connected() throws -> Publisher {
        if let publisher { return publisher }
        let made = try Publisher(connection)
        made.onAcknowledged = { [unowned self] number in
            acknowledgedCount += 1
            sent[number]?.isAcknowledged = true
        }
        publisher = made
        return made
    }
}
