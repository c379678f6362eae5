// SPDX-License-Identifier: Apache-2.0
// One client of a lane, and everything it says about itself.
import CoreMetrics
import Logging

/// The lane was told to stop while it waited for a broker.
struct LaneStopped: Error {}

/// A producer as long as it lives; belongs to its lane's loop.
final class KafkaLink {
    /// Signalled by librdkafka when there is something to poll.
    let wakeUp = WakeUp()
    /// What is to be done with a record's fate.
    var onDelivered: (_ tag: Int64, _ error: KafkaError?) -> Void = { _, _ in }
    private(set) var producer: KafkaProducer?
    let kafka: KafkaConfiguration
    let report: LaneReport
    var complaint: KafkaComplaint
    private let clientID: String
    private let transactionalID: String?
    private let window: Int
    /// Whether each record's arrival is told, which makes a commit return sooner.
    private let reportsAll: Bool
    private let stop: StopSignal
    private let metrics: KafkaMetrics
    private var identity: FileWatch
    /// The client itself is at its end.
    private var ending: KafkaError?
    private var countedRetries = 0

    init(_ context: LaneContext, kafka: KafkaConfiguration, report: LaneReport) {
        self.kafka = kafka
        self.report = report
        complaint = KafkaComplaint(kafka)
        stop = context.stop
        window = context.lane.sink.window
        reportsAll = context.lane.kind == .urgent || kafka.delivery == .atLeastOnce
        metrics = context.metrics.kafka(context.lane)
        let id = "\(kafka.group).\(context.lane.kind.rawValue)"
        clientID = id
        transactionalID = kafka.delivery == .exactlyOnce ? id : nil
        identity = FileWatch(files: kafka.tls?.files ?? [])
    }

    // Life.

    /// Makes a new client; the one before is gone when this returns, or still there when it throws.
    func renew() throws(KafkaError) {
        let properties = kafka.producerProperties(
            clientID: clientID,
            transactionalID: transactionalID,
            window: window,
            reportsAll: reportsAll
        )
        producer = try KafkaProducer(properties, delegate: self, wakeUp: wakeUp)
        ending = nil
        countedRetries = 0
    }

    func close() {
        producer = nil
        metrics.brokersConnected.set(0)
    }

    /// Whether the files that the client was made with are no longer the same.
    ///
    /// librdkafka reads them once: a renewed certificate needs a new client.
    func hasNewIdentity(now: Timestamp) -> Bool { identity.hasChanged(now: now) }

    /// Hears what has happened; throws when the client is at its end.
    func poll() throws(KafkaError) {
        producer?.poll()
        if let ending { throw ending }
    }

    /// Makes a call until it is done, as long as its error says that it may go on.
    func call<Result>(_ body: (KafkaProducer) throws -> Result) throws -> Result {
        while true {
            try poll()
            guard let producer, !stop.isSet else { throw LaneStopped() }
            do {
                return try body(producer)
            } catch let error as KafkaError where error.remedy == .retry {
                report.down(because: reason(for: error))
                // Most such errors come after a wait inside the call, but not all.
                stop.wait(milliseconds: 50)
            }
        }
    }

    /// Where the group stands in these topics.
    func committed(_ topics: [String]) throws -> [KafkaPosition] {
        let group = try KafkaGroup(kafka.groupProperties(clientID: clientID), delegate: self)
        return try call { _ in
            try group.committed(topics, milliseconds: KafkaProducer.callMilliseconds)
        }
    }

    /// An error in words.
    func reason(for error: KafkaError) -> String { complaint.reason(for: error) }

    /// Events arrive: whatever was wrong is over.
    func works() { troubleIsOver() }
}

extension KafkaLink: KafkaTroubleReporter {
    func delivered(tag: Int64, error: KafkaError?) { onDelivered(tag, error) }

    func clientEnded(with error: KafkaError) { ending = error }

    func measured(_ statistics: KafkaStatistics) {
        metrics.brokersConnected.set(Double(statistics.connectedBrokers))
        metrics.retries.increment(by: Int64(max(0, statistics.retries - countedRetries)))
        countedRetries = statistics.retries
        // When nothing is sent, only this tells that a broker is there again.
        if complaint.isCutOff, statistics.connectedBrokers > 0 { works() }
    }
}
