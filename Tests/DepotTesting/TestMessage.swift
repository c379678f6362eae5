// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import Gateway

/// A message to publish.
struct TestMessage: Sendable {
    var topic: String
    var payload: [UInt8]

    init(_ topic: String, _ payload: String) {
        self.topic = topic
        self.payload = Array(payload.utf8)
    }

    /// What a vehicle says: five levels deep, numbered, with as much padding as asked for.
    static func state(
        _ vehicle: String,
        _ number: Int,
        ignition: String = "run",
        headlights: Bool = false,
        speed: Int = 50,
        padding: Int = 0,
        time: Int64? = nil
    ) -> TestMessage {
        let time = time ?? WallClock.now().milliseconds
        let pad = padding > 0 ? #","pad":"\#(String(repeating: "x", count: padding))""# : ""
        return TestMessage(
            "fleet/\(vehicle)/state",
            """
            {"ts":\(time),"seq":\(number),"v":{"powertrain":{"ignition":{"key":{"status":\
            "\(ignition)"}}},"chassis":{"motion":{"speed":{"kmh":\(speed)}}},"body":{"lights":\
            {"headlamp":{"status":\(headlights)}}}}\(pad)}
            """
        )
    }
}

/// A JSON object; empty when the text is none.
func parseJSON(_ text: String) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]) ?? [:]
}
