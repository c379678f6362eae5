// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Messages of a typical size (about 310 bytes, 18 signals) for a benchmark's fleet.
struct BenchmarkLoad {
    /// Of so many messages one makes an alert fire or resolve.
    static let outlierEvery = 25

    let vehicles: Int
    private var counts: [Int]

    init(vehicles: Int) {
        self.vehicles = vehicles
        counts = Array(repeating: 0, count: vehicles)
    }

    /// The next message of the fleet; `isOutlier` says that it must cause an outlier.
    mutating func next(
        _ number: Int
    ) -> (topic: String, payload: [UInt8], vehicle: Int, isOutlier: Bool) {
        let vehicle = number % vehicles
        counts[vehicle] += 1
        let count = counts[vehicle]
        let isOutlier = count % Self.outlierEvery < 2
        let speed = Double(count % 100) + 0.5
        let isHot = count % Self.outlierEvery == 0
        let payload = """
            {"ts":\(WallClock.now().milliseconds),"v":{"engine":{"rpm":\(800 + count % 3000),\
            "coolant":\(isHot ? 130 : 80 + count % 9),"load":\(count % 90)},"motion":{"kmh":\(speed),\
            "odo":\(10_000 + count)},"body":{"lights":{"head":\(count % 2 == 0)},"doors":{"d":false,\
            "p":false,"rl":false,"rr":false}},"fuel":\(90 - count % 50),"batt":12.\(count % 9),\
            "gnss":{"lat":52.\(100_000 + count),"lon":13.\(200_000 + count)},"gear":\(count % 6),\
            "brake":\(count % 7 == 0),"ign":"run"}}
            """
        return ("fleet/car-\(vehicle)/state", Array(payload.utf8), vehicle, isOutlier)
    }

    /// The catalogue that goes with the messages.
    static let signals = """
        signals:
          engine_rpm: { path: v.engine.rpm, type: int }
          coolant_celsius: { path: v.engine.coolant, type: float }
          engine_load: { path: v.engine.load, type: float }
          speed_kmh: { path: v.motion.kmh, type: float }
          odometer_km: { path: v.motion.odo, type: float }
          headlights: { path: v.body.lights.head, type: bool }
          door_driver_open: { path: v.body.doors.d, type: bool }
          door_passenger_open: { path: v.body.doors.p, type: bool }
          fuel_percent: { path: v.fuel, type: float }
          battery_volts: { path: v.batt, type: float }
          gear: { path: v.gear, type: int }
          brake_pedal: { path: v.brake, type: bool }
          ignition: { path: v.ign, type: text }
        """

    /// Rules of which every message touches all of the first `touched`; the others read signals
    /// that no message carries.
    ///
    /// Only the first ever fires.
    static func rules(count: Int, touched: Int) -> String {
        let live = [
            "coolant_celsius > 120", "ignition = 'off' AND headlights AND speed_kmh = 0",
            "speed_kmh > 200", "door_driver_open AND speed_kmh > 10", "fuel_percent < 5",
            "battery_volts < 11", "engine_rpm > 6500", "brake_pedal AND speed_kmh > 250",
            "gear = 9 AND engine_rpm > 100", "engine_load > 99 AND coolant_celsius > 110",
        ]
        var text = "groups:\n  - name: bench\n    rules:\n"
        for index in 0..<count {
            let expression =
                index < touched
                ? live[index % live.count]
                    + (index < live.count ? "" : " AND odometer_km > \(index)e9")
                : "\"other.signal_\(index % 1_000)\" > \(index)"
            text +=
                "      - alert: rule_\(index)\n        expr: '\(expression.replacing("'", with: "''"))'\n"
        }
        return text
    }
}
