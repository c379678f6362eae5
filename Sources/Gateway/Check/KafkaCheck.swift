// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Tries a Kafka cluster: reachability, TLS, authentication, topics, and what the gateway may do.
///
/// The transactional ids of the lanes are not touched, because that would fence a gateway that runs:
/// an id beside them is. The right to write is tried with an empty record in a transaction that is
/// aborted, so no `read_committed` reader sees it.
final class KafkaCheck {
    private static let milliseconds: Int64 = 10_000

    private let place: String
    private let kafka: KafkaConfiguration
    private let topics: [String]
    /// Whether the topics are only read: a table's feed.
    private let isFeed: Bool
    /// What brokers, and the way to them, were found to be wrong with.
    private var complaint: String?
    private var failures: [KafkaError] = []

    init(sink: SinkConfiguration, kafka: KafkaConfiguration, gateway: String) {
        place = "sink \(sink.name)"
        self.kafka = kafka
        topics = sink.streams.map { KafkaLaneStream($0, gateway: gateway).topic }
        isFeed = false
    }

    init(table: String, feed: KafkaFeedConfiguration) {
        place = "table \(table)"
        kafka = feed.kafka
        topics = [feed.topic]
        isFeed = true
    }

    private var transactionalID: String { "\(kafka.group).check" }

    func run() -> [Finding] {
        do {
            let group = try KafkaGroup(
                isFeed
                    ? kafka.consumerProperties(clientID: "\(place).check")
                    : kafka.groupProperties(clientID: transactionalID),
                delegate: self
            )
            var findings: [Finding] = []
            var existing: [String] = []
            for topic in topics {
                let count = try insisting { () throws(KafkaError) in
                    try group.partitionCount(
                        of: topic,
                        milliseconds: KafkaProducer.callMilliseconds
                    )
                }
                if findings.isEmpty { findings.append(reachable) }
                findings.append(finding(of: topic, partitions: count))
                if count != nil { existing.append(topic) }
            }
            guard !isFeed else { return findings }
            guard kafka.delivery == .exactlyOnce else { return findings + [untried] }
            return findings + [cursor(group)] + transaction(over: existing)
        } catch {
            return [unreachable(error)]
        }
    }

    // Reachability.

    private var reachable: Finding {
        let tls = kafka.tls == nil ? "without TLS" : "TLS"
        let login = kafka.sasl == nil ? "" : ", authenticated"
        return Finding(
            verdict: .good,
            place: place,
            text: "\(kafka.brokers.joined(separator: ", ")) reachable, \(tls)\(login)"
        )
    }

    private func unreachable(_ error: KafkaError) -> Finding {
        let text = complaint ?? "\(error)"
        let advice =
            if text.contains("certificate verify failed") {
                "check tls.ca: it must be the authority that signed the brokers' certificates, and "
                    + "the names in 'brokers' must stand in them"
            } else if text.localizedCaseInsensitiveContains("authentication") {
                "check sasl: mechanism, username and password, or what the token's command prints"
            } else if text.localizedCaseInsensitiveContains("authorization") {
                "grant Describe on the topics"
            } else if text.contains("Disconnected") || text.contains("ApiVersion") {
                "the port may want TLS ('tls: true') or SASL, or none of them: ask who runs the cluster"
            } else {
                "check 'brokers', that the cluster runs, and that a firewall lets the gateway through "
                    + "to every broker, not only to those listed"
            }
        return Finding(
            verdict: .bad,
            place: place,
            text: "\(kafka.brokers.joined(separator: ", ")): \(text)",
            advice: advice
        )
    }

    // Topics.

    private func finding(of topic: String, partitions: Int?) -> Finding {
        guard let partitions else {
            return Finding(
                verdict: .doubtful,
                place: place,
                text: "topic '\(topic)' does not exist",
                advice: isFeed
                    ? "check 'topic'; until it exists the feed waits for it"
                    : "make it (kafka-topics --create --topic \(topic) --partitions 6), or leave it "
                        + "to the broker, if auto.create.topics.enable is on"
            )
        }
        return Finding(
            verdict: .good,
            place: place,
            text: "topic '\(topic)' has \(partitions) partition\(partitions == 1 ? "" : "s")"
        )
    }

    private var untried: Finding {
        Finding(
            verdict: .doubtful,
            place: place,
            text: "the right to write was not tried: at_least_once has no transaction to abort"
        )
    }

    // Exactly once.

    private func cursor(_ group: KafkaGroup) -> Finding {
        do {
            _ = try insisting { () throws(KafkaError) in
                try group.committed(topics, milliseconds: KafkaProducer.callMilliseconds)
            }
            return Finding(
                verdict: .good,
                place: place,
                text: "may read the cursor of group '\(kafka.group)'"
            )
        } catch {
            return Finding(
                verdict: .bad,
                place: place,
                text: "may not read the cursor of group '\(kafka.group)': \(error)",
                advice: "grant Read on the group '\(kafka.group)'"
            )
        }
    }

    private func transaction(over topics: [String]) -> [Finding] {
        do {
            let wakeUp = WakeUp()
            let producer = try KafkaProducer(
                kafka.producerProperties(
                    clientID: transactionalID,
                    transactionalID: transactionalID,
                    window: 1_000,
                    reportsAll: true
                ),
                delegate: self,
                wakeUp: wakeUp
            )
            try insisting { () throws(KafkaError) in
                producer.poll()
                try producer.initTransactions()
            }
            let usable = Finding(
                verdict: .good,
                place: place,
                text: "may use transactional ids; tried with '\(transactionalID)'"
            )
            return [usable] + topics.map { write(to: $0, producer) }
        } catch {
            return [
                Finding(
                    verdict: .bad,
                    place: place,
                    text: "may not use the transactional id '\(transactionalID)': \(error)",
                    advice: "grant Write and Describe on all transactional ids that begin with "
                        + "'\(kafka.group).'; a transaction_timeout above the broker's "
                        + "transaction.max.timeout.ms is refused as well"
                )
            ]
        }
    }

    private func write(to topic: String, _ producer: KafkaProducer) -> Finding {
        failures.removeAll()
        do {
            try insisting { () throws(KafkaError) in try producer.beginTransaction() }
            let headers = KafkaHeaders([("gateway-check", "1")])
            if let error = producer.produceEmpty(to: topic, key: "gateway-check", headers: headers)
            {
                failures.append(error)
            }
            _ = producer.flush(milliseconds: 5_000)
            try insisting { () throws(KafkaError) in try producer.abortTransaction() }
        } catch {
            failures.append(error)
        }
        guard let error = failures.first else {
            return Finding(verdict: .good, place: place, text: "may write to '\(topic)'")
        }
        return Finding(
            verdict: .bad,
            place: place,
            text: "may not write to '\(topic)': \(error)",
            advice: "grant Write and Describe on the topic '\(topic)'"
        )
    }

    /// Makes a call again until it succeeds, fails for good, or time is up.
    private func insisting<Result>(
        _ body: () throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        let deadline = WallClock.now() + Self.milliseconds
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                // Of an answer that does not come, the reason arrives beside it.
                let isDecided = complaint.map(Self.isFinal) ?? false
                guard error.isRetriable || error.isSilence, !isDecided, WallClock.now() < deadline
                else {
                    throw error
                }
                ChildProcess.pause(0.1)
            }
        }
    }

    /// What trying again does not change.
    private static func isFinal(_ complaint: String) -> Bool {
        complaint.contains("SSL") || complaint.contains("uthentication")
    }
}

extension KafkaCheck: KafkaClientDelegate {
    func delivered(tag: Int64, error: KafkaError?) {
        if let error { failures.append(error) }
    }

    func failed(_ error: KafkaError) {
        guard !error.isAllBrokersDown else { return }
        complaint = complaint ?? error.message.replacing(#/ \(after .*/#, with: "")
    }

    func measured(_ statistics: KafkaStatistics) {}

    func token() throws(KafkaTokenError) -> KafkaToken {
        guard case .token(let source)? = kafka.sasl else {
            throw KafkaTokenError(description: "no token is configured")
        }
        do throws(KafkaTokenError) {
            return try source.fetch()
        } catch {
            complaint = "authentication: \(error)"
            throw error
        }
    }

    func logged(_ text: String, isWarning: Bool) {}
}
