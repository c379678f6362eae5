// SPDX-License-Identifier: Apache-2.0
// Who gets into which trouble, and when. A cycle is a minute: in its first three quarters an alert
// fires about every two and a half seconds, few enough to be read; then the fleet calms down.

/// One moment of one vehicle's scenario, at its time.
struct ScenarioStep: Sendable {
    let time: Timestamp
    /// The vehicle's index in the fleet.
    let vehicle: Int
    let acts: [VehicleAct]
    let causes: FleetAlert?
}

/// Plans one cycle after the other.
enum ScenarioPlan {
    static let cycleMilliseconds: Int64 = 60_000
    /// Vehicles set out within this time, one after the other.
    private static let settingOutMilliseconds: Int64 = 600
    private static let jitterMilliseconds: Int64 = 300

    /// A place in the cycle that some vehicle fills.
    private struct Place {
        let scenario: Scenario
        let dialect: SimulatedVehicle.Dialect
        /// When its main cause comes, in milliseconds from the start of the cycle.
        let cause: Int64

        init(_ scenario: Scenario, _ dialect: SimulatedVehicle.Dialect = .state, at cause: Int64) {
            self.scenario = scenario
            self.dialect = dialect
            self.cause = cause
        }
    }

    /// The most telling first, for fleets too small to fill all.
    ///
    /// Only what OpenXC vehicles measure in the recorded traces happens to name/value vehicles.
    private static let places = [
        Place(.forgetLightsAndFallSilent, at: 19_700),
        Place(.brakeHard, at: 3_000),
        Place(.forgetLights, .nameValue, at: 29_500),
        Place(.changeHands, at: 6_300),
        Place(.openDoorWhileMoving, at: 5_500),
        Place(.overheat, at: 10_400),
        Place(.forgetLights, at: 14_800),
        Place(.speed, .nameValue, at: 15_300),
        Place(.runLowOnBattery, at: 4_700),
        Place(.runLowOnFuel, .nameValue, at: 19_200),
        Place(.speed, at: 30_000),
        Place(.runLowOnFuel, at: 36_300),
        Place(.openDoorWhileMoving, .nameValue, at: 34_400),
        Place(.brakeHard, at: 9_900),
        Place(.overheat, at: 34_900),
        Place(.brakeHard, at: 27_000),
        Place(.speed, at: 39_800),
        Place(.brakeHard, at: 44_200),
        Place(.park, .nameValue, at: 18_000),
        Place(.park, at: 13_000),
        Place(.park, at: 21_000),
        Place(.park, at: 26_000),
    ]

    /// The steps of the cycle that begins at `start`, in the order of their times.
    static func steps(
        for dialects: [SimulatedVehicle.Dialect],
        from start: Timestamp,
        using generator: inout SplitMix64
    ) -> [ScenarioStep] {
        var free = Array(dialects.indices).shuffled(using: &generator)
        var steps: [ScenarioStep] = []
        var openings = [[VehicleAct]](repeating: [], count: dialects.count)
        for place in places {
            let jitter = Int64.random(
                in: -jitterMilliseconds...jitterMilliseconds,
                using: &generator
            )
            guard let position = free.firstIndex(where: { dialects[$0] == place.dialect }) else {
                continue
            }
            let vehicle = free.remove(at: position)
            openings[vehicle] = place.scenario.opening
            steps += place.scenario.moments.map { moment in
                ScenarioStep(
                    time: start + place.cause + jitter + moment.offset,
                    vehicle: vehicle,
                    acts: moment.acts,
                    causes: moment.causes
                )
            }
        }
        for (vehicle, opening) in openings.enumerated() {
            let offset = settingOutMilliseconds * Int64(vehicle) / Int64(dialects.count)
            steps.append(
                ScenarioStep(
                    time: start + offset,
                    vehicle: vehicle,
                    acts: [.setOut] + opening,
                    causes: nil
                )
            )
        }
        // The vehicle breaks ties, so that the order does not depend on how sorting works.
        return steps.sorted { ($0.time, $0.vehicle) < ($1.time, $1.vehicle) }
    }
}
