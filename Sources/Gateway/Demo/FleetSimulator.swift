// SPDX-License-Identifier: Apache-2.0
// The demo's fleet. Time is handed in and chance comes from a seed, so that a run can be repeated
// and a test can know beforehand which alerts must fire, for whom and when.
//
// Messages have two causes. The regular ones come at the fleet's rate, from one vehicle after the
// other. Beside them a vehicle speaks up at once when its scenario changes something: the message
// that causes an alert has exactly the event time at which the cause came about, whatever the rate.

/// One message that a simulated vehicle publishes.
struct SimulatedMessage: Sendable, Hashable {
    let vehicle: String
    let topic: String
    let payload: [UInt8]
    let eventTime: Timestamp
}

/// An alert that the scenario must cause.
struct ExpectedOutlier: Sendable, Hashable {
    let alert: String
    let vehicle: String
    /// When the alert should fire: its cause plus the rule's `for`.
    let causedAt: Timestamp
}

/// A car that changes hands.
struct HandOver: Sendable, Hashable {
    let vehicle: String
    let time: Timestamp
}

/// A deterministic fleet that drives, parks and gets into trouble.
struct FleetSimulator {
    private let start: Timestamp
    private let slotMilliseconds: Double
    private var vehicles: [SimulatedVehicle]
    private var generator: SplitMix64
    /// Regular messages so far, those of silent vehicles included; decides whose turn it is.
    private var slot = 0
    private var steps: [ScenarioStep] = []
    private var nextStep = 0
    private var nextCycleStart: Timestamp
    /// Grows as scenarios happen.
    private(set) var expected: [ExpectedOutlier] = []
    /// Known from the start of their cycle on: who rents cars out knows before the car does.
    private(set) var handOvers: [HandOver] = []

    /// A fleet whose first messages are due at `start`; every fifth vehicle speaks name/value.
    init(vehicleCount: Int, messagesPerSecond: Double, seed: UInt64, start: Timestamp) {
        precondition(vehicleCount > 0, "a fleet has at least one vehicle")
        precondition(messagesPerSecond > 0, "a fleet says something")
        self.start = start
        slotMilliseconds = 1_000 / messagesPerSecond
        nextCycleStart = start
        var generator = SplitMix64(seed: seed)
        vehicles = (0..<vehicleCount)
            .map { index in
                SimulatedVehicle(
                    number: index + 1,
                    dialect: index % 5 == 4 ? .nameValue : .state,
                    seed: generator.next(),
                    start: start
                )
            }
        self.generator = generator
    }

    var vehicleIDs: [String] { vehicles.map(\.id) }

    /// All messages due up to `now`, in event-time order; `now` grows.
    mutating func advance(to now: Timestamp) -> [SimulatedMessage] {
        var messages: [SimulatedMessage] = []
        while true {
            let slotTime = start + Int64(Double(slot) * slotMilliseconds)
            let stepTime = nextStep < steps.count ? steps[nextStep].time : nextCycleStart
            guard min(slotTime, stepTime) <= now else { return messages }
            if slotTime < stepTime {
                let index = slot % vehicles.count
                messages += vehicles[index].regularMessages(at: slotTime)
                slot += 1
            } else if nextStep < steps.count {
                messages += perform(steps[nextStep])
                nextStep += 1
            } else {
                planCycle()
            }
        }
    }

    private mutating func perform(_ step: ScenarioStep) -> [SimulatedMessage] {
        if let alert = step.causes {
            expected.append(
                ExpectedOutlier(
                    alert: alert.rawValue,
                    vehicle: vehicles[step.vehicle].id,
                    causedAt: step.time + alert.forMilliseconds
                )
            )
        }
        return vehicles[step.vehicle].messages(doing: step.acts, at: step.time)
    }

    private mutating func planCycle() {
        steps = ScenarioPlan.steps(
            for: vehicles.map(\.dialect),
            from: nextCycleStart,
            using: &generator
        )
        handOvers += steps.filter { $0.acts.contains(.handOver) }
            .map { HandOver(vehicle: vehicles[$0.vehicle].id, time: $0.time) }
        nextStep = 0
        nextCycleStart = nextCycleStart + ScenarioPlan.cycleMilliseconds
    }
}
