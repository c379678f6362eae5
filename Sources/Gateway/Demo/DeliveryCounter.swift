// SPDX-License-Identifier: Apache-2.0
// The demo's witness: it knows what was published and what arrived upstream, and nothing from the
// gateway's own mouth. The k-th enriched message of a vehicle answers the k-th that it published.
import Foundation
import Synchronization

/// Counts what an independent subscriber sees against what publishers sent.
final class DeliveryCounter: Sendable {
    private struct Tally {
        /// When each message of a vehicle was published, in order.
        var published: [String: [UInt64]] = [:]
        var received: [String: Int] = [:]
        var offsets: [String: Set<Int64>] = [:]
        var duplicates = 0
        var enriched = 0
        var outliers = 0
        var outlierIDs: Set<String> = []
        var fired: Set<String> = []
        var named: [NamedOutlier] = []
        var latencies: [Double] = []
        var outlierLatencies: [Double] = []
        var lastArrival: UInt64 = 0
    }

    private let tally = Mutex(Tally())

    /// A vehicle is about to publish.
    func willPublish(vehicle: String) {
        let now = WallClock.monotonicNanoseconds()
        tally.withLock { $0.published[vehicle, default: []].append(now) }
    }

    /// Something arrived upstream.
    func receive(_ message: ReceivedMessage) {
        let levels = message.topic.split(separator: "/", omittingEmptySubsequences: false)
        guard levels.count >= 3 else { return }
        switch levels[1] {
        case "enriched": receiveEnriched(message, vehicle: String(levels[2]))
        case "outlier": receiveOutlier(message)
        default: break
        }
    }

    private func receiveEnriched(_ message: ReceivedMessage, vehicle: String) {
        let offset = Self.number(after: #""offset":"#, in: message.payload) ?? -1
        tally.withLock { tally in
            tally.lastArrival = message.arrivalNanoseconds
            guard tally.offsets[vehicle, default: []].insert(offset).inserted else {
                tally.duplicates += 1
                return
            }
            tally.enriched += 1
            let position = tally.received[vehicle, default: 0]
            tally.received[vehicle] = position + 1
            guard let sent = tally.published[vehicle], position < sent.count,
                message.arrivalNanoseconds > sent[position]
            else { return }
            tally.latencies.append(Double(message.arrivalNanoseconds - sent[position]) / 1e6)
        }
    }

    private func receiveOutlier(_ message: ReceivedMessage) {
        let now = WallClock.now()
        guard let outlier = ArrivedOutlier(message.payload) else { return }
        tally.withLock { tally in
            tally.lastArrival = message.arrivalNanoseconds
            guard tally.outlierIDs.insert(outlier.named.id).inserted else { return }
            tally.outliers += 1
            tally.named.append(outlier.named)
            if outlier.isFiring { tally.fired.insert("\(outlier.alert)/\(outlier.named.vehicle)") }
            tally.outlierLatencies.append(Double(now - outlier.named.time))
        }
    }

    /// The numbers so far; `acknowledged` counts what the broker took from the publishers.
    func summary(acknowledged: Int) -> DeliverySummary {
        tally.withLock { tally in
            let lost = tally.published.reduce(0) { sum, entry in
                sum + max(0, entry.value.count - tally.received[entry.key, default: 0])
            }
            return DeliverySummary(
                published: acknowledged,
                enriched: tally.enriched,
                outliers: tally.outliers,
                lost: lost,
                duplicates: tally.duplicates,
                fired: tally.fired,
                named: tally.named,
                latency: Percentiles(tally.latencies),
                outlierLatency: Percentiles(tally.outlierLatencies)
            )
        }
    }

    /// Waits until everything published has arrived, or nothing has for a while.
    func waitUntilComplete(quietSeconds: Double, isCancelled: () -> Bool) {
        while !isCancelled() {
            let (missing, last) = tally.withLock { tally in
                (
                    tally.published.values.reduce(0) { $0 + $1.count } - tally.enriched,
                    tally.lastArrival
                )
            }
            guard missing > 0 else { return }
            let quiet = Double(WallClock.monotonicNanoseconds() &- last) / 1e9
            guard quiet < quietSeconds else { return }
            ChildProcess.pause(0.02)
        }
    }

    /// The digits behind a key, without parsing the whole message.
    static func number(after key: String, in payload: [UInt8]) -> Int64? {
        guard let place = payload.firstRange(of: Array(key.utf8)) else { return nil }
        let digits = payload[place.upperBound...].prefix { (48...57).contains($0) }
        return Int64(String(decoding: digits, as: UTF8.self))
    }
}

/// An outlier as a consumer reads it.
private struct ArrivedOutlier {
    let named: NamedOutlier
    let alert: String
    let isFiring: Bool

    init?(_ payload: [UInt8]) {
        guard
            let object = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any],
            let id = object["id"] as? String, let vehicle = object["vehicle"] as? String,
            let alert = object["alert"] as? String,
            let time = (object["time"] as? String).flatMap({ Timestamp(iso8601: $0) })
        else { return nil }
        let enrichment = object["enrichment"] as? [String: Any]
        named = NamedOutlier(
            id: id,
            vehicle: vehicle,
            time: time,
            holder: Holder(
                plate: enrichment?["plate"] as? String,
                customer: enrichment?["customer"] as? String
            )
        )
        self.alert = alert
        isFiring = object["state"] as? String == "firing"
    }
}

/// What was counted.
struct DeliverySummary: Sendable {
    var published: Int
    var enriched: Int
    var outliers: Int
    var lost: Int
    var duplicates: Int
    /// `alert/vehicle` of every alert that fired.
    var fired: Set<String>
    /// Whom outliers named.
    var named: [NamedOutlier]
    /// From publish to arrival of the enriched message, in milliseconds.
    var latency: Percentiles
    /// From the time of an outlier to its arrival, in milliseconds.
    var outlierLatency: Percentiles
}

/// Percentiles of a set of measurements.
struct Percentiles: Sendable {
    private let sorted: [Double]

    init(_ values: [Double]) {
        sorted = values.sorted()
    }

    var count: Int { sorted.count }

    /// The value below which this part of the measurements lies; 0 without any.
    func at(_ part: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// One decimal, for a summary.
    func text(_ part: Double) -> String {
        String(format: "%.1f", at(part))
    }
}
