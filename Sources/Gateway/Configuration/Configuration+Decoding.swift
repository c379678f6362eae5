// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Configuration {
    /// Reads a configuration file, or throws every problem it has.
    static func load(
        path: String,
        environment: [String: String]
    ) throws(Problems)
        -> Configuration
    {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Problems(all: [
                Problem(
                    file: path,
                    line: 0,
                    key: "",
                    message: "cannot be read; name the file with --config"
                )
            ])
        }
        return try decode(text: text, file: path, environment: environment)
    }

    /// Decodes the text of a configuration; relative paths in it start at the file's folder.
    static func decode(
        text: String,
        file: String,
        environment: [String: String] = [:]
    )
        throws(Problems) -> Configuration
    {
        let problems = ProblemCollector()
        var decoder = ConfigurationDecoder(
            folder: URL(fileURLWithPath: file).deletingLastPathComponent(),
            environment: environment
        )
        let root = YAMLValue.compose(text: text, file: file, problems: problems)
        let configuration = root?.mapping { decoder.configuration($0) } ?? nil
        if let configuration, let root {
            configuration.validate(root: root)
        }
        try problems.throwIfAny()
        guard let configuration else {
            throw Problems(all: [Problem(file: file, line: 0, key: "", message: "is not complete")])
        }
        return configuration
    }
}

/// Turns YAML into the configuration's types, section by section.
struct ConfigurationDecoder {
    /// Where relative paths start.
    let folder: URL
    let environment: [String: String]
    /// Streams that rule files make; sinks and retention may name them.
    private(set) var derivedStreams: [String] = []

    init(folder: URL, environment: [String: String]) {
        self.folder = folder
        self.environment = environment
    }

    mutating func configuration(_ root: YAMLMapping) -> Configuration? {
        let gateway = root.required("gateway")?.mapping { decodeGateway($0) } ?? nil
        let id = gateway?.id ?? "gateway"
        let sources = root.required("sources")?.list()
            .compactMap { value in
                value.mapping { decodeSource($0, gatewayID: id) } ?? nil
            }
        let tables =
            root.optional("tables")?.list()
            .compactMap { value in
                value.mapping { decodeTable($0, gatewayID: id) } ?? nil
            } ?? []
        let signals = root.optional("signals")?.mapping { decodeSignals($0) } ?? []
        let ruleFiles = root.optional("rules")?.list().compactMap { $0.string().map(path) } ?? []
        derivedStreams = ruleFiles.flatMap { RuleFile.streams(path: $0) }
        let sinks =
            root.optional("sinks")?.list()
            .compactMap { value in
                value.mapping { decodeSink($0, gatewayID: id) } ?? nil
            } ?? []
        let log = root.optional("log")?.mapping { decodeLog($0) } ?? LogConfiguration()
        let limits = root.optional("limits")?.mapping { decodeLimits($0) } ?? LimitsConfiguration()
        let clock = root.optional("clock")?.mapping { decodeClock($0) } ?? ClockConfiguration()
        let schema =
            root.optional("schema")?.mapping { decodeSchema($0) } ?? SchemaConfiguration()
        let http = root.optional("http")?.mapping { decodeHttp($0) } ?? HTTPConfiguration()
        guard let gateway, let sources else { return nil }
        return Configuration(
            gateway: gateway,
            sources: sources,
            tables: tables,
            signals: signals,
            ruleFiles: ruleFiles,
            derivedStreams: derivedStreams,
            sinks: sinks,
            log: log,
            limits: limits,
            clock: clock,
            schema: schema,
            http: http
        )
    }

    private func decodeGateway(_ section: YAMLMapping) -> GatewayConfiguration? {
        let id = section.required("id")?.string()
        let directory = section.optional("data_directory")?.string()
        guard let id else { return nil }
        return GatewayConfiguration(
            id: id,
            dataDirectory: path(directory ?? "/var/lib/fleet-edge-gateway")
        )
    }

    private func decodeSource(_ section: YAMLMapping, gatewayID: String) -> SourceConfiguration? {
        let name = section.required("name")?.string()
        if let value = section.optional("type"), let type = value.string(), type != "mqtt" {
            value.report("must be mqtt (got '\(type)')")
        }
        let connection = connection(section, clientID: "\(gatewayID)-\(name ?? "source")")
        let topics = section.required("topics")?.list()
            .compactMap { value in
                value.mapping { decodeTopic($0) } ?? nil
            }
        let expiry = sessionExpirySeconds(section)
        let receiveMaximum = section.int("receive_maximum", default: 1_000, in: 1...65_535)
        let qos = qos(section)
        let share = section.optional("share").flatMap { shareGroup($0) }
        let enrichment = section.optional("enrich").flatMap { decodeEnrichment($0) }
        guard let name, let connection, let topics else { return nil }
        return SourceConfiguration(
            name: name,
            connection: connection,
            sessionExpirySeconds: expiry,
            receiveMaximum: receiveMaximum,
            qos: qos,
            shareGroup: share,
            topics: topics,
            enrichment: enrichment
        )
    }

    func sessionExpirySeconds(_ section: YAMLMapping) -> UInt32 {
        let standard: Int64 = 7 * 86_400_000
        guard let value = section.optional("session_expiry") else {
            return UInt32(standard / 1_000)
        }
        let milliseconds = value.milliseconds() ?? standard
        if milliseconds < 1_000 {
            value.report(
                "must be at least 1s: when the session ends with the connection, the broker drops "
                    + "what vehicles publish until the next"
            )
        }
        return UInt32(clamping: milliseconds / 1_000)
    }

    /// MQTT 5, section 4.8.2: a group is a name without '/', '+' or '#'.
    private func shareGroup(_ value: YAMLValue) -> String? {
        guard let group = value.string() else { return nil }
        guard !group.isEmpty, !group.contains(where: { "/+#".contains($0) }) else {
            value.report("must be a word without '/', '+' or '#' (got '\(group)')")
            return nil
        }
        return group
    }

    private func qos(_ section: YAMLMapping) -> Int {
        guard let value = section.optional("qos"), let level = value.int(in: 0...2) else {
            return 1
        }
        guard level < 2 else {
            value.report(
                "2 is refused: between PUBREC and PUBREL the payload would wait in memory only, "
                    + "so a crash could lose it; use 1, which is acknowledged after the commit"
            )
            return 1
        }
        return level
    }

    private func decodeTopic(_ section: YAMLMapping) -> TopicConfiguration? {
        let pattern = parsed(section.required("pattern"), TopicPattern.init)
        let format = choice(section.optional("format"), PayloadFormat.self) ?? .object
        let encoding = decodeEncoding(section.optional("encoding"), format)
        let vehicle = section.optional("vehicle")?.string()
        let eventTime = section.optional("event_time")?.mapping { decodeEventTime($0) } ?? nil
        let contract =
            section.optional("contract")?.mapping { decodeContract($0, format: format) } ?? nil
        let arrays =
            section.optional("arrays")?.mapping { decodeArrays($0, format: format) } ?? []
        guard let pattern else { return nil }
        if format == .sparkplugB { return sparkplugTopic(section, pattern) }
        if vehicle == nil, !pattern.fields.contains("vehicle") {
            section.value.report(
                "no vehicle id: name a level {vehicle} in the pattern, or set 'vehicle' to its path"
            )
        }
        if format == .scalar || format == .text, !pattern.fields.contains("signal") {
            section.value.report("format \(format.rawValue) needs a level {signal} in the pattern")
        }
        return TopicConfiguration(
            pattern: pattern,
            format: format,
            encoding: encoding,
            vehiclePath: vehicle,
            eventTime: eventTime,
            contract: contract,
            arrays: arrays
        )
    }

    func decodeEventTime(_ section: YAMLMapping) -> EventTimeConfiguration? {
        let paths = section.required("path")?.list().compactMap { $0.string() }
        let zone = section.string("zone", default: "UTC")
        if TimeZone(identifier: zone) == nil {
            section.optional("zone")?.report("is not a time zone, such as Europe/Berlin")
        }
        let format = section.optional("format")?.string() ?? "iso8601"
        guard let paths, !paths.isEmpty else { return nil }
        guard let parsed = EventTimeFormat(format) else {
            section.optional("format")?
                .report(
                    "must be epoch_d, epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601 or a date pattern such as "
                        + "'yyyy-MM-dd HH:mm:ss' (got '\(format)')"
                )
            return nil
        }
        return EventTimeConfiguration(paths: paths, format: parsed, timeZone: zone)
    }

    private func decodeSignals(_ section: YAMLMapping) -> [SignalConfiguration] {
        section.entries()
            .compactMap { name, value in
                value.mapping { decodeSignal(name, $0) }
            }
    }

    private func decodeSignal(_ name: String, _ section: YAMLMapping) -> SignalConfiguration {
        if !SignalConfiguration.isIdentifier(name) {
            section.value.report(
                "a signal's name must be a lower-case SQL name such as speed_kmh"
            )
        }
        let paths = section.optional("path")?.list().compactMap { $0.string() } ?? [name]
        let type = choice(section.optional("type"), SignalType.self)
        let unit = section.optional("unit")?.string()
        var values: [String: SignalValue] = [:]
        _ = section.optional("values")?
            .mapping { map in
                for (text, value) in map.entries() {
                    values[text] = value.string().map { SignalValue(scalar: $0) }
                }
            }
        return SignalConfiguration(name: name, paths: paths, type: type, unit: unit, values: values)
    }

    private func decodeLog(_ section: YAMLMapping) -> LogConfiguration {
        var log = LogConfiguration()
        log.budgetBytes = section.bytes("budget", default: log.budgetBytes, atLeast: 16 << 20)
        log.keepsRaw = section.bool("raw", default: true)
        _ = section.optional("retention")?
            .mapping { streams in
                for (name, value) in streams.entries() {
                    reportUnknownStream(name, value)
                    log.streams[name] = value.mapping { section in
                        let retention = decodeRetention(section, stream: name)
                        if name == StreamName.deadLetter {
                            log.deadLetterAlarmBytes = decodeAlarm(section, retention)
                        }
                        return retention
                    }
                }
            }
        return log
    }

    private func decodeRetention(_ section: YAMLMapping, stream: String) -> RetentionConfiguration {
        let standard = RetentionConfiguration.standard(for: stream)
        let age = section.milliseconds("age", default: standard.ageSeconds * 1_000)
        let bytes = section.bytes("bytes", default: standard.bytes, atLeast: 1 << 20)
        return RetentionConfiguration(ageSeconds: age / 1_000, bytes: bytes)
    }

    /// Beyond what retention keeps an alarm would never come.
    private func decodeAlarm(_ section: YAMLMapping, _ retention: RetentionConfiguration) -> Int64 {
        let standard = min(LogConfiguration.deadLetterAlarmStandard, retention.bytes / 2)
        let bytes = section.bytes("alarm", default: standard, atLeast: 0)
        if bytes >= retention.bytes {
            section.optional("alarm")?
                .report(
                    "must be less than 'bytes', \(ByteSizeText.text(retention.bytes)): the stream "
                        + "never holds much more (0 turns the alarm off)"
                )
        }
        return bytes
    }

    private func decodeLimits(_ section: YAMLMapping) -> LimitsConfiguration {
        var limits = LimitsConfiguration()
        limits.payloadBytesMax = Int(
            section.bytes("payload", default: Int64(limits.payloadBytesMax), atLeast: 64)
        )
        limits.unpackedBytesMax = Int(
            section.bytes("unpacked", default: Int64(limits.unpackedBytesMax), atLeast: 64)
        )
        limits.topicBytesMax = section.int(
            "topic_bytes",
            default: limits.topicBytesMax,
            in: 1...65_535
        )
        limits.eventBytesMax = Int(
            section.bytes("event", default: Int64(limits.eventBytesMax), atLeast: 4_096)
        )
        limits.explodedBytesMax = Int(
            section.bytes("exploded", default: Int64(limits.explodedBytesMax), atLeast: 4_096)
        )
        limits.vehicleIDBytesMax = section.int(
            "vehicle_id_bytes",
            default: limits.vehicleIDBytesMax,
            in: 1...65_535
        )
        limits.batchMessagesMax = section.int(
            "batch_messages",
            default: limits.batchMessagesMax,
            in: 1...65_535
        )
        limits.batchBytesMax = Int(
            section.bytes("batch_bytes", default: Int64(limits.batchBytesMax), atLeast: 4_096)
        )
        limits.depthMax = section.int("depth", default: limits.depthMax, in: 1...1_000)
        limits.vehiclesMax = section.int("vehicles", default: limits.vehiclesMax, in: 1...5_000_000)
        limits.signalsMax = section.int("signals", default: limits.signalsMax, in: 1...1_000_000)
        limits.shapesMax = section.int("shapes", default: limits.shapesMax, in: 1...1_000_000)
        limits.queryRowsMax = section.int(
            "query_rows",
            default: limits.queryRowsMax,
            in: 1...100_000
        )
        limits.ruleStepsMax = section.int(
            "rule_steps",
            default: limits.ruleStepsMax,
            in: 1_000...1_000_000_000
        )
        return limits
    }

    private func decodeClock(_ section: YAMLMapping) -> ClockConfiguration {
        var clock = ClockConfiguration()
        clock.futureToleranceMilliseconds = section.milliseconds(
            "future_tolerance",
            default: clock.futureToleranceMilliseconds
        )
        clock.settleMilliseconds = section.milliseconds("settle", default: clock.settleMilliseconds)
        return clock
    }

    private func decodeHttp(_ section: YAMLMapping) -> HTTPConfiguration {
        var http = HTTPConfiguration()
        http.isEnabled = section.bool("enabled", default: true)
        http.host = section.string("host", default: http.host)
        http.port = section.int("port", default: http.port, in: 0...65_535)
        return http
    }

    /// A relative path starts at the configuration file's folder.
    func path(_ text: String) -> String {
        text.hasPrefix("/") ? text : folder.appendingPathComponent(text).standardized.path
    }

    func parsed<Result>(
        _ value: YAMLValue?,
        _ parse: (String) throws(TopicPatternError) -> Result
    ) -> Result? {
        guard let value, let text = value.string() else { return nil }
        do {
            return try parse(text)
        } catch {
            value.report(error.message)
            return nil
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ value: YAMLValue?,
        _ type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        guard let value, let text = value.string() else { return nil }
        let known = Choice.allCases.map(\.rawValue)
        guard let found = Choice(rawValue: text) else {
            value.report(
                "must be one of \(known.joined(separator: ", ")) (got '\(text)')"
                    + Suggestion.sentence(for: text, among: known)
            )
            return nil
        }
        return found
    }
}

extension SignalConfiguration {
    /// Whether a name can stand in an expression without quotes.
    static func isIdentifier(_ name: String) -> Bool {
        guard let first = name.utf8.first else { return false }
        let isLetter: (UInt8) -> Bool = { (97...122).contains($0) || $0 == 95 }
        return isLetter(first) && name.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) }
    }
}

extension SignalValue {
    /// A value from the text of a YAML or plain scalar.
    init(scalar text: String) {
        switch text {
        case "true": self = .bool(true)
        case "false": self = .bool(false)
        case "null", "~": self = .null
        default:
            if let number = SignalValue(integer: text) {
                self = number
            } else if let number = SignalType.decimal(text) {
                self = .double(number)
            } else {
                self = .text(text)
            }
        }
    }
}
