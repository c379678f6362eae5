// SPDX-License-Identifier: Apache-2.0
// What a firmware roll-out does to the messages of a fleet, step by step, and what must be said of it.

/// One change of the firmware.
struct FirmwareStep: Sendable {
    let name: String
    /// What is different from here on.
    let change: @Sendable (inout FirmwareFeatures) -> Void
    /// What must be told, as `kind path`, in one event.
    let expected: Set<String>
    /// What must be told later, when the former form has been silent for long enough.
    var later: Set<String> = []
    /// Rounds of the whole fleet in the former form, behind a kill: what a guess compares with is sampled,
    /// and a kill costs the samples of the last seconds.
    var roundsBefore = 0
    /// Rounds of the whole fleet until everything must have shown.
    var rounds = 4
}

/// How a vehicle's messages look.
struct FirmwareFeatures: Sendable {
    var hasMileage = false
    var nestsDoor = false
    var gearIsText = false
    var hasFraction = false
    var hasNull = false
    var cells = 4
    var extras = 0
    var hasTemperature = true
    var isImperial = false

    /// A state of a vehicle; numbers grow with each.
    func payload(vehicle: Int, number: Int) -> [UInt8] {
        let odometer = 40_000 + vehicle * 1_000 + number
        // The fleet drives in a column: ranges of a group tell a unit only when its vehicles are alike.
        let speed = 78 + Double((vehicle * 7 + number * 3) % 40) / 10
        let cells = (0..<cells).map { #"{"mv":\#(3_600 + ($0 * 13 + number) % 200)}"# }
        var members = [
            #""\#(hasMileage ? "mileage" : "odometer")":\#(odometer)"#,
            nestsDoor ? #""body":{"door":"closed"}"# : #""door":"closed""#,
            gearIsText ? #""gear":"D3""# : #""gear":3"#,
            hasFraction ? #""load":\#(number % 90).5"# : #""load":\#(number % 90)"#,
            hasNull ? #""lights":{"head":null}"# : #""lights":{"head":false}"#,
            #""cells":[\#(cells.joined(separator: ","))]"#,
            #""speed":\#(isImperial ? speed / 1.609344 : speed)"#,
        ]
        if hasTemperature { members.append(#""temperature":21.5"#) }
        if extras > 0 {
            let paths = (0..<extras).map { #""p\#($0)":"on""# }
            members.append(#""extra":{\#(paths.joined(separator: ","))}"#)
        }
        return Array(#"{"n":\#(number),"v":{\#(members.joined(separator: ","))}}"#.utf8)
    }
}

/// The whole roll-out.
enum FirmwareScript {
    static let extras = 200
    /// Messages without a path after which it is gone.
    static let goneMessages = 400

    static let steps: [FirmwareStep] = [
        FirmwareStep(
            name: "a field is renamed",
            change: { $0.hasMileage = true },
            expected: ["likely_rename v.mileage"],
            later: ["path_gone v.odometer"]
        ),
        FirmwareStep(
            name: "a field is nested",
            change: { $0.nestsDoor = true },
            expected: ["likely_rename v.body.door"],
            later: ["path_gone v.door"]
        ),
        FirmwareStep(
            name: "a number becomes a text",
            change: { $0.gearIsText = true },
            expected: ["type_changed v.gear"],
            later: ["type_gone v.gear"]
        ),
        FirmwareStep(
            name: "an integer gets a fraction",
            change: { $0.hasFraction = true },
            expected: ["type_widened v.load"]
        ),
        FirmwareStep(
            name: "a value becomes null",
            change: { $0.hasNull = true },
            expected: ["nullability v.lights.head"],
            later: ["type_gone v.lights.head"]
        ),
        FirmwareStep(
            name: "a list grows",
            change: { $0.cells = 6 },
            expected: ["array_grown v.cells"]
        ),
        FirmwareStep(
            name: "a speed is told in miles",
            change: { $0.isImperial = true },
            expected: ["unit_jump v.speed"],
            roundsBefore: 120,
            rounds: 160
        ),
        FirmwareStep(
            name: "\(extras) paths come at once",
            change: { $0.extras = extras },
            expected: Set((0..<extras).map { "path_added v.extra.p\($0)" })
        ),
        FirmwareStep(
            name: "a field is dropped",
            change: { $0.hasTemperature = false },
            expected: ["path_gone v.temperature"],
            rounds: 30
        ),
    ]
}
