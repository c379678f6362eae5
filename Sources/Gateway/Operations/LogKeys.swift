// SPDX-License-Identifier: Apache-2.0

/// The keys of all structured log metadata; no key is written out anywhere else.
enum LogKeys {
    // Where a record belongs.
    static let source = "source"
    static let sink = "sink"
    static let lane = "lane"
    static let stream = "stream"
    static let vehicle = "vehicle"
    static let topic = "topic"
    static let table = "table"
    static let rule = "rule"
    static let alert = "alert"
    static let client = "client_id"
    static let edgeNode = "edge_node"

    // What happened, and why.
    static let state = "state"
    static let reason = "reason"
    static let hint = "hint"
    static let code = "code"
    static let error = "error"
    static let errorType = "error_type"
    static let signal = "signal"
    static let expected = "expected"
    static let seen = "seen"

    // Places in files, streams and networks.
    static let file = "file"
    static let line = "line"
    static let column = "column"
    static let path = "path"
    static let partition = "partition"
    static let offset = "offset"
    static let firstOffset = "first_offset"
    static let lastOffset = "last_offset"
    static let packetID = "packet_id"
    static let host = "host"
    static let port = "port"
    static let url = "url"

    // Amounts, with their unit last.
    static let attempt = "attempt"
    static let count = "count"
    static let messages = "messages"
    static let events = "events"
    static let bytes = "bytes"
    static let limit = "limit"
    static let days = "days"
    static let eventsPerSecond = "events_per_s"
    static let seconds = "seconds"
    static let secondsToGo = "seconds_to_go"
    static let delayMilliseconds = "delay_ms"
    static let durationMilliseconds = "duration_ms"

    // The process itself.
    static let version = "version"
    static let pid = "pid"
}
