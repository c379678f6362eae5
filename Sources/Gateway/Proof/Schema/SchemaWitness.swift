// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Notes what the gateway says, each event once whatever is delivered twice after a kill.
final class SchemaWitness: Sendable {
    /// One event of the `schema` stream.
    struct Told: Sendable {
        let kind: String
        let group: String
        /// What has changed, as `kind path`.
        let changes: [String]
    }

    /// One event of the `dead_letter` stream.
    struct Letter: Sendable {
        let payload: String
        let reason: String
    }

    private struct State {
        var enriched: [Int64: [UInt8]] = [:]
        var letters: [Letter] = []
        var told: [Told] = []
        var seen: Set<[UInt8]> = []
    }

    private let state = Mutex(State())

    /// Enriched events so far.
    var enrichedCount: Int { state.withLock { $0.enriched.count } }

    /// The payloads of enriched events in the order of their offsets.
    var enriched: [[UInt8]] {
        state.withLock { state in
            state.enriched.keys.sorted().compactMap { state.enriched[$0] }
        }
    }

    var deadLetters: [Letter] { state.withLock { $0.letters } }

    var told: [Told] { state.withLock { $0.told } }

    func receive(_ message: ReceivedMessage) {
        if message.topic.hasPrefix("fleet/schema/") { return note(message.payload) }
        if message.topic == "fleet/dead_letter" { return noteLetter(message.payload) }
        guard let offset = DeliveryCounter.number(after: #""offset":"#, in: message.payload)
        else { return }
        state.withLock { $0.enriched[offset] = message.payload }
    }

    private func noteLetter(_ payload: [UInt8]) {
        let json = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
        let letter = Letter(
            payload: json?["payload"] as? String ?? "",
            reason: json?["reason"] as? String ?? ""
        )
        state.withLock { $0.letters.append(letter) }
    }

    private func note(_ payload: [UInt8]) {
        let json = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
        let changes = json?["changes"] as? [[String: Any]] ?? []
        let told = Told(
            kind: json?["change"] as? String ?? "",
            group: json?["group"] as? String ?? "",
            changes: changes.map { "\($0["change"] ?? "") \($0["path"] ?? "")" }
        )
        state.withLock { state in
            guard state.seen.insert(payload).inserted else { return }
            state.told.append(told)
        }
    }
}
