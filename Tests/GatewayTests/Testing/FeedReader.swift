// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

@testable import Gateway

/// Takes records out of a feed's box, in the place of the intake loop.
final class FeedReader {
    let box = FeedBox(topic: "feed", intake: WakeUp())
    private(set) var places: [RecordPlace] = []
    private(set) var payloads: [String] = []
    private(set) var keys: [String?] = []

    /// Takes what is in the box.
    func take() {
        let limits = LimitsConfiguration()
        while box.hasRecords {
            var batch = MessageBatch()
            box.take(into: &batch, feed: 0, limits: limits, at: WallClock.now())
            for message in batch.messages {
                guard let place = batch.record(of: message) else { continue }
                places.append(place)
                payloads.append(String(decoding: batch.bytes[message.payload], as: UTF8.self))
                keys.append(place.key.map { String(decoding: batch.bytes[$0], as: UTF8.self) })
            }
        }
    }

    /// Forgets what was taken.
    func forget() {
        places = []
        payloads = []
        keys = []
    }
}
