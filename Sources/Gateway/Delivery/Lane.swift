// SPDX-License-Identifier: Apache-2.0

/// Streams of one sink that are delivered together, over a connection of their own.
///
/// Outliers never wait behind a backlog of anything else: they have a lane for themselves.
struct Lane: Sendable {
    enum Kind: String, Sendable {
        case urgent
        case bulk
    }

    let kind: Kind
    let sink: SinkConfiguration
    let streams: [SinkStreamConfiguration]

    /// The lanes of a sink; one without streams is left out.
    static func lanes(of sink: SinkConfiguration) -> [Lane] {
        let isUrgent: (SinkStreamConfiguration) -> Bool = {
            $0.stream == StreamName.outlier || $0.stream == StreamName.firing
        }
        let urgent = Lane(kind: .urgent, sink: sink, streams: sink.streams.filter(isUrgent))
        let bulk = Lane(kind: .bulk, sink: sink, streams: sink.streams.filter { !isUrgent($0) })
        return [urgent, bulk].filter { !$0.streams.isEmpty }
    }

    /// The cap on the bulk lane; outliers never wait for one.
    var drainLimit: RateLimit? {
        kind == .bulk ? sink.drainRate.map { RateLimit(perSecond: $0) } : nil
    }

    /// What health and threads call it.
    var name: String { "\(sink.name)/\(kind.rawValue)" }
}
