// SPDX-License-Identifier: Apache-2.0

/// One vehicle: what its sensors read, and how that changes as time passes.
struct SimulatedVehicle {
    /// How a vehicle speaks.
    enum Dialect: Sendable {
        /// One nested object with everything.
        case state
        /// One OpenXC name/value message for each signal.
        case nameValue
    }

    /// A value that moves towards another one at a rate for each second.
    struct Drift {
        var value: Double
        var target: Double
        var perSecond: Double

        init(_ value: Double, towards target: Double? = nil, perSecond: Double = 1) {
            self.value = value
            self.target = target ?? value
            self.perSecond = perSecond
        }

        mutating func pass(seconds: Double) {
            let step = perSecond * seconds
            value = value < target ? min(target, value + step) : max(target, value - step)
        }
    }

    let id: String
    let dialect: Dialect
    var isSilent = true
    var isKeyOn = false
    var hasLightsOn = false
    var isDriverDoorOpen = false
    /// In km/h.
    var speed = Drift(0)
    var accelerationMPS2 = 0.0
    var coolantCelsius = Drift(82, towards: 90, perSecond: 0.5)
    var fuelPercent: Double
    var fuelLitresUsed = 0.0
    var batteryVolts = Drift(12.6)
    var odometerKM: Double
    var latitude: Double
    var longitude: Double
    /// What the gateway was told last, by signal; only a name/value vehicle remembers it.
    var told: [SignalValue?] = []
    /// Whose turn it is among the signals of a name/value vehicle.
    var turn = 0
    private var heading: (north: Double, east: Double) = (1, 0)
    private var followsTraffic = false
    private var nextChoice: Timestamp
    private var updatedAt: Timestamp
    private var generator: SplitMix64

    /// A vehicle at the depot, silent until it sets out.
    init(number: Int, dialect: Dialect, seed: UInt64, start: Timestamp) {
        let digits = String(number)
        id = "car-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        self.dialect = dialect
        var generator = SplitMix64(seed: seed)
        fuelPercent = .random(in: 35...95, using: &generator)
        odometerKM = .random(in: 2_000...180_000, using: &generator)
        latitude = .random(in: 48.30...48.42, using: &generator)
        longitude = .random(in: 10.80...10.98, using: &generator)
        // Seen first on the road: a minute is too short to watch everybody leave the depot.
        speed = Drift(.random(in: 40...100, using: &generator))
        nextChoice = start
        updatedAt = start
        self.generator = generator
    }

    var isBraking: Bool { accelerationMPS2 < -0.5 }

    var gear: String {
        guard speed.value > 0 else { return isKeyOn ? "neutral" : "park" }
        return ["first", "second", "third", "fourth", "fifth"][Self.gearIndex(speed.value)]
    }

    var engineRPM: Double {
        guard isKeyOn else { return 0 }
        let floor = Double(Self.gearIndex(speed.value)) * 25
        return speed.value > 0 ? 1_200 + (speed.value - floor) * 55 : 780
    }

    private static func gearIndex(_ kmh: Double) -> Int { min(4, Int(kmh / 25)) }

    /// Lets time pass.
    mutating func pass(to time: Timestamp) {
        let seconds = Double(time - updatedAt) / 1_000
        guard seconds > 0 else { return }
        updatedAt = time
        if followsTraffic, time >= nextChoice { chooseSpeed(at: time) }
        let before = speed.value
        speed.pass(seconds: seconds)
        accelerationMPS2 = (speed.value - before) / 3.6 / seconds
        coolantCelsius.pass(seconds: seconds)
        batteryVolts.pass(seconds: seconds)
        let kilometres = (before + speed.value) / 2 / 3_600 * seconds
        odometerKM += kilometres
        // A degree of latitude is 111 km everywhere, one of longitude 74 km at 48° north.
        latitude += heading.north * kilometres / 111
        longitude += heading.east * kilometres / 74
        fuelLitresUsed += kilometres * 0.07
        fuelPercent -= kilometres * 0.07 / 50 * 100
    }

    /// Traffic decides how fast to go, and a bend where to.
    private mutating func chooseSpeed(at time: Timestamp) {
        speed.target = .random(in: 40...110, using: &generator)
        speed.perSecond = .random(in: 3...7, using: &generator)
        nextChoice = time + .random(in: 4_000...9_000, using: &generator)
        let north = heading.north + .random(in: -0.4...0.4, using: &generator)
        let east = heading.east + .random(in: -0.4...0.4, using: &generator)
        let length = (north * north + east * east).squareRoot()
        heading = length > 0.1 ? (north / length, east / length) : (1, 0)
    }

    /// Does one thing, at the time to which it has come.
    mutating func perform(_ act: VehicleAct) {
        switch act {
        case .setOut: setOut()
        case .followTraffic: followTraffic()
        case .hold(let kmh): drive(speed.value, towards: kmh, perSecond: 9.6)
        case .pullOver: drive(speed.value, towards: 0, perSecond: 12)
        case .stand: drive(0, towards: 0, perSecond: 0)
        case .openDriverDoor: isDriverDoorOpen = true
        case .closeDriverDoor: isDriverDoorOpen = false
        case .turnKeyOff:
            isKeyOn = false
            batteryVolts = Drift(12.6, towards: 12.4, perSecond: 0.02)
        case .turnKeyOn:
            isKeyOn = true
            // The starter pulls the battery down for less than a second: not a low battery.
            batteryVolts = Drift(9.8)
        case .lightsOn: hasLightsOn = true
        case .lightsOff: hasLightsOn = false
        case .brakeHard: brakeHard()
        case .exceedTheLimit: drive(max(134, speed.value), towards: 148, perSecond: 6)
        case .warmUp: coolantCelsius = Drift(coolantCelsius.value, towards: 113, perSecond: 3)
        case .overheat: coolantCelsius = Drift(117, towards: 121, perSecond: 1)
        case .coolDown: coolantCelsius = Drift(106, towards: 90, perSecond: 3)
        case .startNearlyEmpty: fuelPercent = 12
        case .runLowOnFuel: fuelPercent = 9.6
        case .stopCharging: batteryVolts = Drift(12.5, towards: 12.1, perSecond: 0.2)
        case .runLowOnBattery: batteryVolts = Drift(11.6, towards: 11.4, perSecond: 0.05)
        case .chargeAgain: batteryVolts = Drift(13.8, towards: 14.2, perSecond: 0.2)
        // Nothing that a sensor reads.
        case .handOver: break
        case .fallSilent: isSilent = true
        }
    }

    private mutating func setOut() {
        isSilent = false
        isKeyOn = true
        hasLightsOn = true
        isDriverDoorOpen = false
        if fuelPercent < 20 { fuelPercent = 80 }
        batteryVolts = Drift(13.9, towards: 14.2, perSecond: 0.1)
        coolantCelsius = Drift(min(coolantCelsius.value, 95), towards: 90, perSecond: 0.5)
        followTraffic()
    }

    private mutating func followTraffic() {
        followsTraffic = true
        // The foot leaves whichever pedal it was on.
        accelerationMPS2 = 0
        chooseSpeed(at: updatedAt)
    }

    private mutating func drive(_ kmh: Double, towards target: Double, perSecond: Double) {
        followsTraffic = false
        speed = Drift(kmh, towards: target, perSecond: perSecond)
    }

    /// 8.4 m/s² is what dry asphalt and a frightened driver give.
    private mutating func brakeHard() {
        accelerationMPS2 = -8.4
        drive(speed.value, towards: speed.value * 0.2, perSecond: 8.4 * 3.6)
    }
}
