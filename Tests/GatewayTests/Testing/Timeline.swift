// SPDX-License-Identifier: Apache-2.0
@testable import Gateway

/// A gateway played by hand: readings and looks at the clock by the second, and what was told.
final class Timeline {
    private let gateway: LoggedGateway
    private let rules: String

    /// The signals are `temp`, `speed` and `lights`; the rules are the YAML of their list.
    init(_ rules: String) throws {
        self.rules = Self.file(rules)
        gateway = try LoggedGateway(Self.configuration(), rules: self.rules)
    }

    private static func file(_ rules: String) -> String {
        "groups:\n- name: g\n  rules: [\n\(rules)\n]"
    }

    private static func configuration() throws -> Configuration {
        let names = ["temp", "speed", "lights"]
        return try .testing(
            signals: names.map { SignalConfiguration(name: $0, paths: [$0]) },
            sources: ["north", "south"]
        )
    }

    /// A reading of a second; it is heard at once unless another second is given.
    @discardableResult
    func reading(
        _ second: Int64,
        _ signals: String,
        heard: Int64? = nil,
        vehicle: String = "car",
        source: Int = 0
    ) throws -> Timeline {
        let time = Timestamp.seconds(second).milliseconds
        let message = TestMessage(
            "fleet/\(vehicle)/state",
            "{\"t\":\(time),\(signals)}",
            arrival: .seconds(heard ?? second),
            source: source
        )
        try gateway.process([message])
        return self
    }

    /// A look at the clock.
    @discardableResult
    func clock(_ second: Int64, isHeard: [Bool] = [true, true]) throws -> Timeline {
        try gateway.process([], clock: ClockReading(now: .seconds(second), isHeard: isHeard))
        return self
    }

    /// A crash and a start, maybe with other rules; orphaned alerts end at a second.
    @discardableResult
    func restart(rules: String? = nil, at second: Int64 = 0) throws -> Timeline {
        try gateway.restart(rules: rules.map(Self.file) ?? self.rules)
        let outcome = gateway.processor.orphaned(gateway.orphans, at: .seconds(second))
        try gateway.writer.commit(outcome, of: MessageBatch(), CommitExtras())
        return self
    }

    /// What was told, such as `car: hot firing at 10`.
    func told() throws -> [String] {
        try outliers()
            .map { outlier in
                let time = outlier.0.eventTime.testSeconds
                let second = time == time.rounded() ? "\(Int(time))" : "\(time)"
                return
                    "\(outlier.0.key): \(outlier.0.topic) \(outlier.1["state"]?.text ?? "?") at \(second)"
            }
    }

    /// When the cause of what was told arrived, in seconds.
    func arrivals() throws -> [Double] { try outliers().map { $0.0.arrival.testSeconds } }

    /// The ids of what was told.
    func ids() throws -> [String] {
        try outliers().compactMap { $0.1["id"]?.text }
    }

    /// The payloads of a stream, as text.
    func payloads(_ stream: String) throws -> [String] { try gateway.payloads(stream) }

    /// The number of alerts that the log holds.
    func storedAlerts() throws -> Int { try gateway.count("alert") }

    /// When the gateway will look at the clock by itself.
    var nextLook: Double? { gateway.processor.nextDeadline?.testSeconds }

    private func outliers() throws -> [(StoredEvent, [String: SignalValue])] {
        try gateway.events(StreamName.outlier)
            .map { event in
                (event, try flatten(String(decoding: event.payload, as: UTF8.self)))
            }
    }
}
