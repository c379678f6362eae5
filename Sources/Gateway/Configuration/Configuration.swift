// SPDX-License-Identifier: Apache-2.0
// Every setting of the gateway with its type, unit and default. docs/configuration.md explains
// each key; systemd/gateway.yaml is a sample that the tests decode.

/// The whole configuration: one YAML file, decoded strictly.
struct Configuration: Sendable {
    var gateway: GatewayConfiguration
    var sources: [SourceConfiguration]
    var tables: [TableConfiguration] = []
    var signals: [SignalConfiguration]
    /// Rule files, in the order given; relative to the configuration file.
    var ruleFiles: [String]
    /// The streams of their `select` rules.
    var derivedStreams: [String] = []
    var sinks: [SinkConfiguration]
    var log = LogConfiguration()
    var limits = LimitsConfiguration()
    var clock = ClockConfiguration()
    var schema = SchemaConfiguration()
    var http = HTTPConfiguration()
}

extension Configuration {
    /// How often a vehicle's current record is told at most; `nil` when no sink asks for it.
    var recordIntervalMilliseconds: Int64? {
        sinks.flatMap(\.streams).filter { $0.stream == StreamName.current }
            .map(\.minIntervalMilliseconds).min()
    }
}

/// Who this gateway is and where it keeps its log.
struct GatewayConfiguration: Sendable {
    /// Names this gateway in events, client ids and metrics.
    var id: String
    /// Holds `gateway.db`; created when missing.
    var dataDirectory: String
}

/// How to reach an MQTT broker and who to be there.
struct MQTTConnectionConfiguration: Sendable {
    var host: String
    var port: Int
    var usesTLS: Bool
    /// `nil` trusts the system's certificate authorities.
    var caFile: String?
    var certificateFile: String?
    var keyFile: String?
    var username: String?
    var password: Secret?
    var clientID: String
    /// 5, or 4 for MQTT 3.1.1.
    var protocolVersion = 5
    var keepAliveSeconds = 30
    /// Reconnects wait between these, doubling, with jitter.
    var reconnectMinMilliseconds: Int64 = 200
    var reconnectMaxMilliseconds: Int64 = 30_000

    /// The broker, the same word for the same broker however this machine's own name is written.
    var broker: String {
        let isLoopback = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host.lowercased())
        return "\(isLoopback ? "localhost" : host.lowercased()):\(port)"
    }
}

/// One MQTT session to take messages from.
struct SourceConfiguration: Sendable {
    var name: String
    var connection: MQTTConnectionConfiguration
    /// How long the broker keeps the session, and its backlog, while the gateway is away.
    var sessionExpirySeconds: UInt32 = 7 * 86_400
    /// How many messages may be unacknowledged at once.
    var receiveMaximum = 1_000
    /// 1, or 0 for topics whose loss is accepted.
    var qos = 1
    /// Joins a shared subscription, `$share/{group}/…`.
    var shareGroup: String?
    var topics: [TopicConfiguration]
    var enrichment: EnrichmentConfiguration?
}

/// What is subscribed to, and how its payloads are read.
struct TopicConfiguration: Sendable {
    var pattern: TopicPattern
    var format = PayloadFormat.object
    var encoding = PayloadEncoding.json
    /// Where the vehicle id is in the payload; otherwise the pattern's `{vehicle}` level.
    var vehiclePath: String?
    var eventTime: EventTimeConfiguration?
    /// What its messages must be.
    var contract: ContractConfiguration?
    /// How arrays in its payloads become signals; one that is not named is flattened by index.
    var arrays: [ArrayConfiguration] = []
}

/// How a payload becomes signals.
enum PayloadFormat: String, Sendable, CaseIterable {
    /// A JSON object, flattened.
    case object
    /// `{"name": …, "value": …, "event": …, "timestamp": …}`, as OpenXC sends.
    case nameValue = "name_value"
    /// A bare JSON value whose name is the topic's `{signal}` level.
    case scalar
    /// A plain text value whose name is the topic's `{signal}` level.
    case text
    /// Protocol buffers of Eclipse Sparkplug; topic and birth certificates say what they mean.
    case sparkplugB = "sparkplug_b"
}

/// Where a payload tells when it was measured, and in which notation.
struct EventTimeConfiguration: Sendable {
    /// Several paths are joined with a space: a date and a time of day in two fields.
    var paths: [String]
    var format: EventTimeFormat
    /// For patterns without a zone; an IANA name.
    var timeZone = "UTC"
}

/// The catalogue's entry of one signal.
struct SignalConfiguration: Sendable {
    var name: String
    /// Paths that carry it; devices differ.
    var paths: [String]
    var type: SignalType?
    var unit: String?
    /// Replaces text values: `"on"` → true.
    var values: [String: SignalValue] = [:]
}

/// A place to deliver streams to.
struct SinkConfiguration: Sendable {
    /// What is at the far side.
    enum Transport: Sendable {
        case mqtt(MQTTConnectionConfiguration)
        case kafka(KafkaConfiguration)
    }

    var name: String
    var transport: Transport
    /// How many events may be unacknowledged at once, per lane.
    var window = 500
    /// Events a second that the bulk lane sends at most; `nil` is as fast as the far side takes them.
    var drainRate: Int?
    var streams: [SinkStreamConfiguration]

    var mqtt: MQTTConnectionConfiguration? {
        if case .mqtt(let connection) = transport { connection } else { nil }
    }

    var kafka: KafkaConfiguration? {
        if case .kafka(let kafka) = transport { kafka } else { nil }
    }
}

/// How one stream is delivered by a sink.
struct SinkStreamConfiguration: Sendable {
    var stream: String
    var topic: TopicTemplate
    /// How signals stand in its events.
    var layout = SignalLayout.flat
    /// MQTT: the broker keeps the last event of each topic for new subscribers.
    var isRetained = false
    /// Of `current`: a vehicle's record is told at most so often.
    var minIntervalMilliseconds: Int64 = 1_000
    /// Kafka: what the record's key is.
    var key = KafkaRecordKey.vehicle
}

/// How much the log keeps.
struct LogConfiguration: Sendable {
    /// Retention by stream name; streams that are not named keep the defaults.
    var streams: [String: RetentionConfiguration] = [:]
    /// The gateway says so when the dead letters hold more; 0 never does.
    var deadLetterAlarmBytes = LogConfiguration.deadLetterAlarmStandard
    /// Above this the log evicts by value: raw first, outliers last.
    var budgetBytes: Int64 = 8 << 30
    /// The `raw` stream keeps every message as it arrived.
    var keepsRaw = true

    static let deadLetterAlarmStandard: Int64 = 64 << 20
}

/// How long and how much of one stream is kept.
struct RetentionConfiguration: Sendable, Equatable {
    var ageSeconds: Int64
    var bytes: Int64

    /// What applies to a stream that the configuration does not name.
    static func standard(for stream: String) -> RetentionConfiguration {
        switch stream {
        case StreamName.raw, StreamName.enriched:
            RetentionConfiguration(ageSeconds: 3 * 86_400, bytes: 2 << 30)
        default:
            RetentionConfiguration(ageSeconds: 90 * 86_400, bytes: 512 << 20)
        }
    }
}

/// Bounds on everything that comes from outside.
struct LimitsConfiguration: Sendable {
    /// A larger payload is dead-lettered without being decoded.
    var payloadBytesMax = 256 << 10
    /// What a payload may become when it is unpacked or written as JSON; more is dead-lettered.
    var unpackedBytesMax = 4 << 20
    var topicBytesMax = 512
    /// Names of an event's signals, each with its whole path; more is dead-lettered.
    var eventBytesMax = 1 << 20
    /// What exploding an array repeats for all its elements together; more is dead-lettered.
    var explodedBytesMax = 16 << 20
    /// A message with a longer vehicle id is dead-lettered.
    var vehicleIDBytesMax = 256
    var batchMessagesMax = 1_000
    var batchBytesMax = 4 << 20
    /// Levels of nesting in a payload.
    var depthMax = 32
    /// Distinct vehicles; a message of one more is dead-lettered.
    var vehiclesMax = 50_000
    /// Distinct signal paths of the whole fleet; one more is enriched but not merged.
    var signalsMax = 10_000
    /// Payload shapes that each topic remembers; when there is one more, the half that was not used
    /// for longest is forgotten.
    var shapesMax = 4_096
    /// Columns of a table that infers them; a change that brings one more is dead-lettered.
    var tableColumnsMax = 500
    /// Rows that a SELECT may give for one reading.
    var queryRowsMax = 1_000
    /// Steps of SQLite's virtual machine that one evaluation may take.
    var ruleStepsMax = 1_000_000
}

/// What is believed of device clocks.
struct ClockConfiguration: Sendable {
    /// An event time further ahead than this is replaced by the arrival time, and flagged.
    var futureToleranceMilliseconds: Int64 = 300_000
    /// An event time before this is a clock that was never set.
    ///
    /// 2000-01-01.
    var earliest = Timestamp(milliseconds: 946_684_800_000)
    /// After a (re)connect, silence counts for timers once the backlog has been quiet this long.
    var settleMilliseconds: Int64 = 500
}

/// The endpoint for metrics and health.
struct HTTPConfiguration: Sendable {
    var isEnabled = true
    var host = "127.0.0.1"
    var port = 9_464
}
