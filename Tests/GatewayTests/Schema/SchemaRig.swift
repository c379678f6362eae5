// SPDX-License-Identifier: Apache-2.0
import Foundation
import GRDB
import Testing

@testable import Gateway

/// A fleet that publishes to a gateway which knows schemas after few messages.
final class SchemaRig {
    let gateway: LoggedGateway
    private let rules: String
    private(set) var now = Timestamp.seconds(0)

    init(
        rules: String = "groups: []",
        signals: [SignalConfiguration] = [],
        topics: [TopicConfiguration]? = nil,
        _ change: (inout SchemaConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = try Configuration.testing(topics: topics, signals: signals)
        configuration.schema.learnMessages = 10
        configuration.schema.goneMessages = 40
        change(&configuration.schema)
        self.rules = rules
        gateway = try LoggedGateway(configuration, rules: rules)
    }

    /// Publishes payloads, 10 ms apart, in one batch.
    func send(_ payloads: [String], vehicle: String = "car") throws {
        try gateway.process(
            payloads.map { TestMessage("fleet/\(vehicle)/state", $0, arrival: tick()) }
        )
    }

    /// When the next message arrives.
    func tick() -> Timestamp {
        now = now + 10
        return now
    }

    /// Publishes a payload several times.
    func send(_ payload: String, times: Int = 1, vehicle: String = "car") throws {
        try send([String](repeating: payload, count: times), vehicle: vehicle)
    }

    /// Lets so much time pass that every burst is over.
    func settle() throws {
        now = now + 10_000
        try gateway.process([], clock: ClockReading(now: now, isHeard: [true]))
    }

    func restart() throws { try gateway.restart(rules: rules) }

    /// The events of the schema stream.
    func events() throws -> [[String: Any]] {
        try gateway.events(StreamName.schema)
            .map { event in
                let json = try JSONSerialization.jsonObject(with: Data(event.payload))
                return try #require(json as? [String: Any])
            }
    }

    /// What has changed, event by event: `path_added speed`.
    func changes() throws -> [[String]] {
        try events().filter { $0["change"] as? String == "schema_changed" }
            .map { event in
                let changes = try #require(event["changes"] as? [[String: Any]])
                return changes.map { "\($0["change"] ?? "") \($0["path"] ?? "")" }
            }
    }

    /// The one change that was told last.
    func change() throws -> [String: Any] {
        let changes = try #require(try events().last?["changes"] as? [[String: Any]])
        #expect(changes.count == 1)
        return try #require(changes.first)
    }

    /// The versions of all groups, as the log has them.
    func versions() throws -> [String] {
        try gateway.log.pool.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT name, v.version, fingerprint, paths FROM schema_version v
                    JOIN schema_group ON id = group_id ORDER BY name, v.version
                    """
            )
            .map {
                "\($0["name"] as String) \($0["version"] as Int) \($0["fingerprint"] as String)"
            }
        }
    }

    /// The paths of a version, as the log has them.
    func paths(version: Int) throws -> [String] {
        try gateway.log.pool.read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT path || ' ' || type FROM schema_path
                    WHERE added_in <= ?1 AND (gone_in IS NULL OR gone_in > ?1) ORDER BY 1
                    """,
                arguments: [version]
            )
        }
    }
}
