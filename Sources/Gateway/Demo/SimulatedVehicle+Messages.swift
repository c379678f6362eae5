// SPDX-License-Identifier: Apache-2.0
// What vehicles say and when. Most publish nested objects, see SimulatedVehicle+State.swift; the
// others OpenXC's name/value messages (https://github.com/openxc/openxc-message-format).

extension SimulatedVehicle {
    /// A signal as a name/value message tells it.
    private struct Signal {
        let name: String
        /// With an event, `value` tells of which part: `door_status` of the `driver` is open.
        let part: String?
        let value: SignalValue

        init(_ name: String, part: String? = nil, _ value: SignalValue) {
            self.name = name
            self.part = part
            self.value = value
        }
    }

    /// What the vehicle says when its turn has come; nothing while it is silent.
    mutating func regularMessages(at time: Timestamp) -> [SimulatedMessage] {
        guard !isSilent else { return [] }
        pass(to: time)
        switch dialect {
        case .state: return [stateMessage(at: time)]
        case .nameValue:
            let signals = self.signals
            let position = turn % signals.count
            turn += 1
            return [tell(signals, position, at: time)]
        }
    }

    /// What the vehicle says because something happens to it: everything that is different.
    mutating func messages(doing acts: [VehicleAct], at time: Timestamp) -> [SimulatedMessage] {
        pass(to: time)
        for act in acts { perform(act) }
        switch dialect {
        case .state: return [stateMessage(at: time)]
        case .nameValue:
            let signals = self.signals
            if told.isEmpty { told = Array(repeating: nil, count: signals.count) }
            let different = signals.indices.filter { told[$0] != signals[$0].value }
            return different.map { tell(signals, $0, at: time) }
        }
    }

    /// Everything there is to tell, in the order in which it is told.
    ///
    /// The ignition comes before the lights, so that a vehicle that sets out never seems to stand
    /// with its lights on.
    private var signals: [Signal] {
        [
            Signal("vehicle_speed", Self.number(speed.value)),
            Signal("ignition_status", .text(isKeyOn ? "run" : "off")),
            Signal("engine_speed", Self.number(engineRPM)),
            Signal("transmission_gear_position", .text(gear)),
            Signal("headlamp_status", .bool(hasLightsOn)),
            Signal("high_beam_status", .bool(false)),
            Signal("brake_pedal_status", .bool(isBraking)),
            Signal("parking_brake_status", .bool(!isKeyOn)),
            Signal("door_status", part: "driver", .bool(isDriverDoorOpen)),
            Signal("door_status", part: "passenger", .bool(false)),
            Signal("door_status", part: "rear_left", .bool(false)),
            Signal("door_status", part: "rear_right", .bool(false)),
            Signal("fuel_level", Self.number(fuelPercent)),
            Signal("fuel_consumed_since_restart", Self.number(fuelLitresUsed, places: 1e4)),
            Signal("odometer", Self.number(odometerKM)),
            Signal("latitude", Self.number(latitude, places: 1e6)),
            Signal("longitude", Self.number(longitude, places: 1e6)),
        ]
    }

    private mutating func tell(
        _ signals: [Signal],
        _ position: Int,
        at time: Timestamp
    )
        -> SimulatedMessage
    {
        let signal = signals[position]
        if told.isEmpty { told = Array(repeating: nil, count: signals.count) }
        told[position] = signal.value
        var json = JSONWriter()
        json.raw("{")
        json.member("name")
        json.string(signal.name)
        json.member("value")
        if let part = signal.part {
            json.string(part)
            json.member("event")
        }
        json.value(signal.value)
        json.member("timestamp")
        json.double(Double(time.milliseconds) / 1_000)
        json.raw("}")
        return SimulatedMessage(
            vehicle: id,
            topic: "fleet/\(id)/signal/\(signal.name)",
            payload: json.bytes,
            eventTime: time
        )
    }

    /// A sensor's resolution: two decimals where nothing else is said.
    static func number(_ value: Double, places: Double = 100) -> SignalValue {
        .double((value * places).rounded() / places)
    }
}
