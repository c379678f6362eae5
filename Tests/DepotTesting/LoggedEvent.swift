// SPDX-License-Identifier: Apache-2.0
// The gateway's database, read by others than the gateway.
import Foundation
import GRDB

@testable import Gateway

/// One row of a stream.
struct LoggedEvent: Sendable {
    var offset: Int64
    var eventTime: Int64
    var arrival: Int64
    var key: String
    var topic: String
    var payload: String

    /// The payload as JSON; empty when it is none.
    var object: [String: Any] { parseJSON(payload) }
}

extension LocalDepot {
    /// A stream as it stands in the gateway's database, whether the gateway runs or not.
    func events(_ stream: String, data: String? = nil) throws -> [LoggedEvent] {
        try read(data: data) { db in
            try Row
                .fetchAll(
                    db,
                    sql: """
                        SELECT offset, event_time, arrival_time, key, topic, CAST(payload AS TEXT) AS text
                        FROM "\(stream)" ORDER BY offset
                        """
                )
                .map {
                    LoggedEvent(
                        offset: $0["offset"],
                        eventTime: $0["event_time"],
                        arrival: $0["arrival_time"],
                        key: $0["key"],
                        topic: $0["topic"],
                        payload: $0["text"]
                    )
                }
        }
    }

    /// The first offset that a stream still holds and the next that it will give.
    func extent(_ stream: String) throws -> (first: Int64, next: Int64) {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: "SELECT first_offset, next_offset FROM stream WHERE name = ?",
                arguments: [stream]
            )
            return (row?["first_offset"] ?? 1, row?["next_offset"] ?? 1)
        }
    }

    func read<Result>(data: String? = nil, _ body: (Database) throws -> Result) throws -> Result {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(
            path: (data ?? dataDirectory) + "/" + EventLog.fileName,
            configuration: configuration
        )
        return try queue.read(body)
    }
}
