// SPDX-License-Identifier: Apache-2.0
// Which documents are sent through which example of docs/examples/formats, and on which topics. The examples
// have small samples of their own beside them; what makers have published is in a folder of its own, outside of
// the repository.
import Foundation

/// A document and the topic it is published on.
struct MakerDocument: Sendable {
    let topic: String
    let payload: [UInt8]
}

/// A line of a file of documents.
struct DocumentLine {
    /// Everything in the line, as Foundation reads it.
    let fields: [String: Any]
    /// The document: what stands under `payload` or `message`.
    let document: Any
    /// The same as it stands in the line; the file has it last.
    let payload: [UInt8]

    var object: [String: Any] { document as? [String: Any] ?? [:] }

    init(_ line: Substring) throws {
        let name = line.contains(#""payload":"#) ? "payload" : "message"
        guard let fields = try Self.json(line) as? [String: Any], let document = fields[name],
            let start = line.firstRange(of: "\"\(name)\":")?.upperBound
        else { throw DepotError(description: "no document in the line \(line.prefix(200))") }
        self.fields = fields
        self.document = document
        payload = Array(line[start...].dropLast().utf8)
    }

    func text(_ name: String) -> String { fields[name] as? String ?? "" }

    private static func json(_ text: Substring) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }
}

/// The documents of one maker, and the example that decodes them.
struct DocumentSet: Sendable {
    /// Names the example, `NAME.yaml`, and its samples, `samples/NAME.jsonl`.
    let name: String
    /// Files below the folder of data.
    var files: [String] = []
    /// The topic of a line of these files; `nil` when the line belongs to another set.
    var topic: @Sendable (DocumentLine) -> String? = { _ in nil }

    static func folder(_ assets: String) -> String { assets + "/docs/examples/formats" }

    /// The samples, and what the folder of data has.
    func documents(assets: String, data: String?) throws -> [MakerDocument] {
        let samples = try Self.lines(Self.folder(assets) + "/samples/\(name).jsonl")
            .map { MakerDocument(topic: $0.text("topic"), payload: $0.payload) }
        guard let data else { return samples }
        return try samples
            + files.flatMap { file in
                try Self.lines("\(data)/\(file)")
                    .compactMap { line in
                        topic(line).map { MakerDocument(topic: $0, payload: line.payload) }
                    }
            }
    }

    private static func lines(_ file: String) throws -> [DocumentLine] {
        try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            .map { try DocumentLine($0) }
    }
}

extension DocumentSet {
    static let all = [
        DocumentSet(name: "aws_iot", files: ["formats/aws_iot.jsonl"], topic: awsTopic),
        DocumentSet(
            name: "connectedcars",
            files: ["formats/connectedcars_push.jsonl"],
            topic: { line in
                let first = (line.document as? [[String: Any]])?.first
                return "connectedcars/\(first?["type"] as? String ?? "api")"
            }
        ),
        DocumentSet(
            name: "flespi",
            files: ["formats/flespi_traccar_tests.jsonl"],
            topic: { _ in "flespi/message/gw/devices/1" }
        ),
        DocumentSet(name: "gbfs", files: ["formats/gbfs.jsonl"], topic: gbfsTopic),
        DocumentSet(name: "mds", files: ["formats/mds.jsonl"], topic: mdsTopic),
        DocumentSet(
            name: "myskoda",
            files: ["formats/myskoda_mqtt.jsonl", "formats/myskoda_mqtt_messages.jsonl"],
            topic: myskodaTopic
        ),
        DocumentSet(
            name: "viss",
            files: ["formats/viss.jsonl"],
            topic: { _ in "viss/car/answer" }
        ),
        DocumentSet(name: "fleetwise"),
        DocumentSet(name: "tesla"),
        DocumentSet(
            name: "skoda_status",
            files: ["nested/skoda_fixtures.jsonl"],
            topic: { "skoda/\($0.text("vehicle"))/\($0.text("endpoint"))" }
        ),
        DocumentSet(name: "bmw", files: ["nested/other_oem_state.jsonl"], topic: bmwTopic),
        DocumentSet(
            name: "hyundai_kia",
            files: ["nested/other_oem_state.jsonl"],
            topic: hyundaiTopic
        ),
        DocumentSet(name: "renault", files: ["nested/other_oem_state.jsonl"], topic: renaultTopic),
    ]

    private static let awsTopic: @Sendable (DocumentLine) -> String? = { line in
        if let event = line.object["eventType"], let thing = line.object["clientId"] {
            return "aws/events/presence/\(event)/\(thing)"
        }
        return line.text("origin").contains("shadow")
            ? "aws/things/thing/shadow/update/accepted" : "dt/docs/thing/json"
    }

    /// The feed's name stands in the heading; examples without one tell by what they hold.
    private static let gbfsTopic: @Sendable (DocumentLine) -> String? = { line in
        let heading = line.text("section")
        if heading.hasSuffix(".json") { return "gbfs/city/\(heading.dropLast(5))" }
        let content = line.object["data"] as? [String: Any] ?? [:]
        if content["stations"] != nil { return "gbfs/city/station_information" }
        return content["geofencing_zones"] != nil
            ? "gbfs/city/geofencing_zones" : "gbfs/city/system_information"
    }

    private static let mdsTopic: @Sendable (DocumentLine) -> String? = { line in
        let list = ["trips", "events", "vehicles_status"].first { line.object[$0] != nil }
        return "mds/provider/\(list ?? "stops")"
    }

    private static let myskodaTopic: @Sendable (DocumentLine) -> String? = { line in
        if let topic = line.fields["topic"] as? String { return topic }
        return line.object["operation"] == nil
            ? "user/car/service-event/event" : "user/car/operation-request/any/operation"
    }

    /// `F31/bmw-eadrax-vcs_v4_vehicles_state_VIN.json`.
    private static let bmwTopic: @Sendable (DocumentLine) -> String? = { line in
        guard line.text("oem") == "bmw" else { return nil }
        let file = line.text("file")
        let kind =
            file.contains("_state_")
            ? "state" : file.contains("_profile_") ? "profile" : "charging"
        return "bmw/\(file.prefix { $0 != "/" })/\(kind)"
    }

    private static let hyundaiTopic: @Sendable (DocumentLine) -> String? = { line in
        guard line.text("oem") == "hyundai_kia" else { return nil }
        let car = line.text("file").replacing(".json", with: "")
        return "hyundai/\(car)/\(car.contains("ccs2") ? "ccs2" : "status")"
    }

    /// `kamereon/vehicle_data/cockpit.zoe.json` and `kamereon/vehicles/zoe_40.1.json`.
    private static let renaultTopic: @Sendable (DocumentLine) -> String? = { line in
        guard line.text("oem") == "renault" else { return nil }
        let file = line.text("file")
        guard file.contains("vehicle_data"), let name = file.split(separator: "/").last else {
            return "renault/accounts/account"
        }
        let parts = name.split(separator: ".")
        return "renault/vehicles/\(parts.count > 2 ? parts[1] : "car")/\(parts[0])"
    }
}
