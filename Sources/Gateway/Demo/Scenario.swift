// SPDX-License-Identifier: Apache-2.0

/// What a vehicle, or the one who drives it, does at one moment.
enum VehicleAct: Sendable, Hashable {
    /// An ordinary trip begins, whatever was before: driver in, tank and battery in order.
    case setOut
    /// Goes with the traffic, now faster, now slower.
    case followTraffic
    /// Holds a speed, in km/h.
    case hold(Double)
    /// Slows down until it stands.
    case pullOver
    /// Stands, to the last digit.
    case stand
    case openDriverDoor
    case closeDriverDoor
    case turnKeyOff
    case turnKeyOn
    case lightsOn
    case lightsOff
    case brakeHard
    case exceedTheLimit
    /// The coolant rises, but only to below what an alert is about.
    case warmUp
    case overheat
    case coolDown
    case startNearlyEmpty
    case runLowOnFuel
    /// The alternator charges no more.
    case stopCharging
    case runLowOnBattery
    case chargeAgain
    /// The customer's reservation ends, and the next one's begins.
    case handOver
    /// Says what there is to say and then nothing more.
    case fallSilent
}

/// The alerts of rules/fleet.yaml that scenarios cause, with the `for` that stands there.
enum FleetAlert: String, CaseIterable, Sendable {
    case headlightsLeftOn = "headlights_left_on"
    case harshBraking = "harsh_braking"
    case speeding
    case doorOpenWhileMoving = "door_open_while_moving"
    case lowFuel = "low_fuel"
    case lowBattery = "low_battery"
    case engineTooHot = "engine_too_hot"

    /// How long the cause must last before the alert fires; a test compares it with the file.
    var forMilliseconds: Int64 {
        switch self {
        case .headlightsLeftOn, .harshBraking, .doorOpenWhileMoving: 0
        case .speeding, .engineTooHot: 2_000
        case .lowFuel, .lowBattery: 3_000
        }
    }
}

/// What happens to one vehicle in one cycle.
enum Scenario: Sendable {
    case brakeHard
    case speed
    case openDoorWhileMoving
    case overheat
    case runLowOnFuel
    case runLowOnBattery
    case forgetLights
    /// Forgets the lights, which empty the battery until the vehicle falls silent: the second alert
    /// has a `for` and must fire although no message follows.
    case forgetLightsAndFallSilent
    /// Parks as one should; no alert.
    case park
    /// One customer brakes hard, parks and hands the car over to another, who brakes hard as well.
    case changeHands

    /// One moment of a scenario.
    struct Moment {
        /// Milliseconds from the scenario's main cause; negative before it.
        var offset: Int64
        var acts: [VehicleAct]
        var causes: FleetAlert?

        init(_ offset: Int64, _ acts: VehicleAct..., causes: FleetAlert? = nil) {
            self.offset = offset
            self.acts = acts
            self.causes = causes
        }
    }

    /// What is different from the start of the cycle on.
    var opening: [VehicleAct] {
        if case .runLowOnFuel = self { return [.startNearlyEmpty] }
        return []
    }

    /// Its moments in order.
    ///
    /// No two changes that together make an alert's condition true share a moment, because a
    /// name/value vehicle tells them one after the other.
    var moments: [Moment] {
        switch self {
        case .brakeHard:
            [
                Moment(-2_000, .hold(95)), Moment(0, .brakeHard, causes: .harshBraking),
                Moment(1_500, .followTraffic),
            ]
        case .speed:
            [
                Moment(-9_000, .hold(126)), Moment(0, .exceedTheLimit, causes: .speeding),
                Moment(4_500, .hold(100)), Moment(8_000, .followTraffic),
            ]
        case .openDoorWhileMoving:
            [
                Moment(-3_000, .hold(45)),
                Moment(0, .openDriverDoor, causes: .doorOpenWhileMoving),
                Moment(2_500, .closeDriverDoor), Moment(4_000, .followTraffic),
            ]
        case .overheat:
            [
                Moment(-8_000, .warmUp), Moment(0, .overheat, causes: .engineTooHot),
                Moment(6_000, .coolDown),
            ]
        case .runLowOnFuel:
            [Moment(0, .runLowOnFuel, causes: .lowFuel)]
        case .runLowOnBattery:
            [
                Moment(-2_500, .stopCharging), Moment(0, .runLowOnBattery, causes: .lowBattery),
                Moment(7_000, .chargeAgain),
            ]
        case .forgetLights:
            Self.leavingWithLightsOn + [
                // Who forgot them is gone; the next customer turns them off.
                Moment(5_000, .handOver), Moment(8_000, .openDriverDoor),
                Moment(9_000, .lightsOff), Moment(10_000, .closeDriverDoor),
            ]
        case .forgetLightsAndFallSilent:
            Self.leavingWithLightsOn + [
                Moment(2_000, .runLowOnBattery, .fallSilent, causes: .lowBattery)
            ]
        case .park:
            [
                Moment(-10_000, .pullOver), Moment(-2_500, .stand), Moment(-2_000, .lightsOff),
                Moment(-1_500, .turnKeyOff), Moment(-1_000, .openDriverDoor),
                Moment(0, .closeDriverDoor), Moment(7_000, .handOver),
                Moment(15_000, .turnKeyOn), Moment(15_800, .chargeAgain, .lightsOn),
                Moment(16_500, .followTraffic),
            ]
        case .changeHands:
            [
                Moment(-2_000, .hold(95)), Moment(0, .brakeHard, causes: .harshBraking),
                Moment(1_500, .pullOver), Moment(6_500, .stand), Moment(6_900, .lightsOff),
                Moment(7_300, .turnKeyOff), Moment(7_700, .openDriverDoor),
                Moment(8_100, .closeDriverDoor), Moment(9_000, .handOver),
                Moment(9_600, .turnKeyOn), Moment(10_200, .chargeAgain, .lightsOn),
                Moment(10_800, .hold(95)), Moment(18_000, .brakeHard, causes: .harshBraking),
                Moment(19_500, .followTraffic),
            ]
        }
    }

    private static let leavingWithLightsOn = [
        Moment(-10_000, .pullOver), Moment(-2_500, .stand), Moment(-2_200, .openDriverDoor),
        Moment(-1_800, .turnKeyOff),
        Moment(0, .closeDriverDoor, causes: .headlightsLeftOn),
    ]
}
