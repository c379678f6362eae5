// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A dead letter as it stands in the log.
struct StoredDeadLetter {
    /// What an event of the stream says; the gap event has neither source nor payload.
    private struct Content: Decodable {
        var source: String?
        var topic: String?
        var line: Int?
        var kind: String?
        var reason: String
        var position: Int?
        var elements: [Int]?
        var replay_of: Int64?
        var payload: String?
        var payload_base64: String?
        var stream: String?
    }

    let offset: Int64
    let arrival: Timestamp
    let vehicle: String
    /// The event, byte for byte.
    let json: [UInt8]
    /// When it was processed again.
    var replayedAt: Timestamp?
    private let content: Content

    /// Takes a row of the stream; a row that is no dead letter is told as one.
    init(
        offset: Int64,
        arrival: Timestamp,
        vehicle: String,
        json: [UInt8],
        replayedAt: Timestamp? = nil
    ) {
        self.offset = offset
        self.arrival = arrival
        self.vehicle = vehicle
        self.json = json
        self.replayedAt = replayedAt
        content =
            (try? JSONDecoder().decode(Content.self, from: Data(json)))
            ?? Content(reason: "not readable: the row is no dead letter")
    }

    init(_ event: StoredEvent) {
        self.init(
            offset: event.offset,
            arrival: event.arrival,
            vehicle: event.key,
            json: event.payload
        )
    }

    /// The configured name of what it came from, `sink/stream/offset`, or empty.
    var source: String { content.source ?? "" }
    /// The topic; of a gap event the stream that has the gap.
    var topic: String { content.topic ?? content.stream ?? "" }
    var line: Int? { content.line }
    var reason: String { content.reason }
    var position: Int? { content.position }
    var replayOf: Int64? { content.replay_of }

    /// A gap that the disk budget has torn: no message, but the news of many.
    var isGap: Bool { content.source == nil }

    /// A word for grouping; `nil` when an earlier version of the gateway wrote it.
    var kind: String? { isGap ? "gap" : content.kind }

    /// The message, byte for byte; `nil` when there is none.
    var payload: [UInt8]? {
        if let text = content.payload { return Array(text.utf8) }
        return content.payload_base64.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }

    /// Whether the payload is kept as text.
    var isText: Bool { content.payload != nil }

    /// Which elements of its array have not taken effect.
    enum Elements: Equatable {
        case all
        case some([Int])
        /// An earlier version named the first only.
        case unknown
    }

    var elements: Elements {
        if let elements = content.elements { return .some(elements) }
        guard content.kind == nil, let number = reason.wholeMatch(of: /element (\d+): .*/) else {
            return .all
        }
        guard reason.firstMatch(of: /\(and \d+ more elements\)$/) == nil,
            let element = Int(number.output.1)
        else { return .unknown }
        return .some([element])
    }
}
