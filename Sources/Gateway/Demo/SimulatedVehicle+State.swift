// SPDX-License-Identifier: Apache-2.0
// The nested object of one vehicle, with the paths of the recorded `state` messages.

extension SimulatedVehicle {
    /// Everything the vehicle measures, in one message.
    func stateMessage(at time: Timestamp) -> SimulatedMessage {
        var json = JSONWriter()
        json.raw("{")
        json.member("vehicleId")
        json.string(id)
        json.member("ts")
        json.int(time.milliseconds)
        json.object("v") { json in
            json.object("powertrain") { writePowertrain(into: &$0) }
            json.object("chassis") { writeChassis(into: &$0) }
            json.object("body") { writeBody(into: &$0) }
            json.object("gnss") { json in
                json.object("position") { json in
                    json.object("wgs84") { json in
                        json.member("latitude", Self.number(latitude, places: 1e6))
                        json.member("longitude", Self.number(longitude, places: 1e6))
                    }
                }
            }
        }
        json.raw("}")
        return SimulatedMessage(
            vehicle: id,
            topic: "fleet/\(id)/state",
            payload: json.bytes,
            eventTime: time
        )
    }

    private func writePowertrain(into json: inout JSONWriter) {
        json.object("engine") { json in
            json.object("speed") { $0.member("rpm", Self.number(engineRPM)) }
            json.object("coolant") { json in
                json.object("temperature") {
                    $0.member("celsius", Self.number(coolantCelsius.value))
                }
            }
        }
        json.object("ignition") { json in
            json.object("key") { $0.member("status", .text(isKeyOn ? "run" : "off")) }
        }
        json.object("transmission") { json in
            json.object("gear") { $0.member("position", .text(gear)) }
        }
        json.object("fuel") { json in
            json.object("tank") { $0.member("percent", Self.number(fuelPercent)) }
        }
        json.object("battery") { json in
            json.object("voltage") { $0.member("volts", Self.number(batteryVolts.value)) }
        }
    }

    private func writeChassis(into json: inout JSONWriter) {
        json.object("motion") { json in
            json.object("speed") { $0.member("kmh", Self.number(speed.value)) }
            json.object("acceleration") { $0.member("mps2", Self.number(accelerationMPS2)) }
            json.object("odometer") { $0.member("km", Self.number(odometerKM)) }
        }
        json.object("brake") { json in
            json.object("pedal") { $0.member("pressed", .bool(isBraking)) }
            json.object("parking") { $0.member("engaged", .bool(!isKeyOn)) }
        }
    }

    private func writeBody(into json: inout JSONWriter) {
        json.object("lights") { json in
            json.object("headlamp") { $0.member("status", .bool(hasLightsOn)) }
            json.object("highBeam") { $0.member("status", .bool(false)) }
        }
        json.object("doors") { json in
            for (door, isOpen) in [
                ("driver", isDriverDoorOpen), ("passenger", false), ("rear_left", false),
                ("rear_right", false),
            ] {
                json.object(door) { $0.member("open", .bool(isOpen)) }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func object(_ name: String, _ body: (inout JSONWriter) -> Void) {
        member(name)
        raw("{")
        body(&self)
        raw("}")
    }

    fileprivate mutating func member(_ name: String, _ value: SignalValue) {
        member(name)
        self.value(value)
    }
}
