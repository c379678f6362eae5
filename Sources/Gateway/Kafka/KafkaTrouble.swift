// SPDX-License-Identifier: Apache-2.0
// What a client says outside of any call: the same comes of it for what writes and for what reads.
import Logging

/// Tells others that a far side works, or why it does not.
protocol LinkReport: AnyObject {
    var logger: Logger { get }
    /// It works: whatever was wrong is over.
    func up()
    /// It does not; what is the same again is not said again.
    func down(because reason: String)
}

/// The owner of a client, who reports the troubles that it hears of from it.
protocol KafkaTroubleReporter: KafkaClientDelegate {
    associatedtype Report: LinkReport

    var kafka: KafkaConfiguration { get }
    var report: Report { get }
    var complaint: KafkaComplaint { get set }
    /// The client itself is at its end.
    func clientEnded(with error: KafkaError)
}

extension KafkaTroubleReporter {
    func failed(_ error: KafkaError) {
        guard !error.isFatal else { return clientEnded(with: error) }
        if error.isAllBrokersDown {
            report.down(because: complaint.cutOff())
        } else {
            complaint.hear(error)
            report.logger.debug("kafka", metadata: [LogKeys.reason: "\(error)"])
        }
    }

    func token() throws(KafkaTokenError) -> KafkaToken {
        do {
            return try kafka.token()
        } catch {
            complaint.hear(error)
            report.down(because: error.description)
            throw error
        }
    }

    func logged(_ text: String, isWarning: Bool) {
        report.logger.log(
            level: isWarning ? .debug : .trace,
            "kafka",
            metadata: ["line": "\(text)"]
        )
    }

    /// The far side has answered: whatever was wrong is over.
    func troubleIsOver() {
        complaint.clear()
        report.up()
    }
}
