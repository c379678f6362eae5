// SPDX-License-Identifier: Apache-2.0

/// How to reach a Kafka cluster, who to be there, and how to deliver to it.
struct KafkaConfiguration: Sendable {
    /// `host:port` of some brokers; the rest of the cluster is learned from them.
    var brokers: [String]
    var delivery = KafkaDeliveryMode.exactlyOnce
    var tls: KafkaTLSConfiguration?
    var sasl: KafkaSASLConfiguration?
    /// Under this name the cursor is committed; starts the transactional ids as well.
    var group: String
    var compression = KafkaCompression.lz4
    /// How long the first event of the bulk lane waits for others to share a transaction or a
    /// request with.
    var lingerMilliseconds: Int64 = 100
    /// After this the broker ends a transaction that its producer has left alone.
    var transactionTimeoutMilliseconds: Int64 = 60_000
    /// Passed to librdkafka as they are.
    var properties: [KafkaProperty] = []
    /// Attempts wait between these, doubling, with jitter.
    var reconnectMinMilliseconds: Int64 = 200
    var reconnectMaxMilliseconds: Int64 = 30_000
}

/// What a sink promises about each event.
enum KafkaDeliveryMode: String, Sendable, CaseIterable {
    /// A `read_committed` reader sees it once, whatever crashed.
    case exactlyOnce = "exactly_once"
    /// After a crash it may come again, under the same offset.
    case atLeastOnce = "at_least_once"
}

enum KafkaCompression: String, Sendable, CaseIterable {
    case none
    case gzip
    case snappy
    case lz4
    case zstd
}

/// One of librdkafka's own settings.
struct KafkaProperty: Sendable, Equatable {
    var name: String
    var value: String
}

/// Files of one TLS identity; without any the system's certificate authorities are trusted.
struct KafkaTLSConfiguration: Sendable {
    var caFile: String?
    var certificateFile: String?
    var keyFile: String?

    var files: [String] { [caFile, certificateFile, keyFile].compactMap(\.self) }
}

/// How a client tells who it is (SASL, RFC 4422).
enum KafkaSASLConfiguration: Sendable {
    case password(mechanism: KafkaPasswordMechanism, username: String, password: Secret)
    /// OAUTHBEARER (RFC 7628).
    case token(KafkaTokenSource)
}

enum KafkaPasswordMechanism: String, Sendable, CaseIterable {
    case plain = "PLAIN"
    case scramSHA256 = "SCRAM-SHA-256"
    case scramSHA512 = "SCRAM-SHA-512"
}

/// Where a fresh bearer token comes from, each time one is needed.
enum KafkaTokenSource: Sendable {
    /// A program that prints it, with its arguments.
    case command([String])
    case file(String)
}

/// What a record's key is taken from; equal keys stay in order in one partition.
enum KafkaRecordKey: String, Sendable, CaseIterable {
    /// The event's key: the vehicle.
    case vehicle
    /// The event's topic: of an outlier the alert, otherwise where the message came from.
    case topic
    /// No key: partitions are chosen at random, and order is lost.
    case none
}
