// SPDX-License-Identifier: Apache-2.0
// Goal: the examples of docs/examples/formats do what their comments say. Method: decode each, send its samples
// through a processor, and compare with the comments and, leaf by leaf, with the model.
import Foundation
import Testing

@testable import Gateway

@Suite struct FormatExamplesTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../..").standardizedFileURL.path

    /// A processor with an example, and the samples beside that.
    private struct Example {
        let configuration: Configuration
        let gateway: TestGateway
        let samples: [MakerDocument]

        init(_ name: String, in folder: TemporaryFolder) throws {
            for name in ["ca.crt", "gateway.crt", "gateway.key"] { try folder.write("x", to: name) }
            let set = try #require(DocumentSet.all.first { $0.name == name })
            let text = try String(
                contentsOfFile: "\(DocumentSet.folder(root))/\(name).yaml",
                encoding: .utf8
            )
            let file = try folder.write(
                text.replacing("/etc/fleet-edge-gateway/tls/", with: folder.path + "/"),
                to: "\(name).yaml"
            )
            configuration = try .load(path: file, environment: [:])
            gateway = try TestGateway(configuration)
            samples = try set.documents(assets: root, data: nil)
        }

        func process(_ sample: MakerDocument) throws -> ProcessedBatch {
            try gateway.process([
                TestMessage(sample.topic, sample.payload, arrival: .seconds(86_400))
            ])
        }
    }

    @Test("each example has a set of documents, and each set an example")
    func nothingIsLeftOut() throws {
        let files = try FileManager.default
            .contentsOfDirectory(atPath: DocumentSet.folder(Self.root))
            .filter { $0.hasSuffix(".yaml") }
        #expect(Set(files) == Set(DocumentSet.all.map { "\($0.name).yaml" }))
    }

    @Test("samples become what the model says, and dead letters where it says so")
    func samplesAreTheModels() throws {
        for set in DocumentSet.all {
            let example = try Example(set.name, in: TemporaryFolder())
            let model = LeafModel(example.configuration)
            for sample in example.samples {
                let expected = try model.expect(topic: sample.topic, payload: sample.payload)
                let batch = try example.process(sample)
                let events = batch.payloads(StreamName.enriched)
                let place = "\(set.name): \(sample.topic)"
                #expect(events.count == expected.readings.count, "\(place)")
                for (event, reading) in zip(events, expected.readings) {
                    let faults = DocumentEvent(Array(event.utf8)).faults(reading)
                    #expect(faults.isEmpty, "\(place): \(faults)")
                }
                let letters = batch.payloads(StreamName.deadLetter)
                #expect(letters.isEmpty != expected.isDeadLetter, "\(place): \(letters)")
            }
        }
    }

    /// What the comment of an example says about its first reading, or a later one.
    struct Claim: Sendable {
        let example: String
        var sample = 0
        var reading = 0
        var vehicle: String?
        let signals: [String: SignalValue]
    }

    static let claims = [
        Claim(
            example: "aws_iot",
            vehicle: "truck-1",
            signals: ["connected": .bool(true), "versionNumber": .int(0)]
        ),
        Claim(
            example: "aws_iot",
            sample: 4,
            signals: [
                "e.cargo.u": .text("Cel"), "cargo_celsius": .double(4.5), "e.door.v": .int(1),
            ]
        ),
        Claim(
            example: "connectedcars",
            vehicle: "4711",
            signals: ["type": .text("can_vehicle_speed_kph"), "value": .double(88.5)]
        ),
        Claim(
            example: "flespi",
            vehicle: "865905020000001",
            signals: [
                "latitude": .double(52.52), "speed_kmh": .double(54), "ain#1": .int(0),
                "ignition": .bool(true),
            ]
        ),
        Claim(
            example: "gbfs",
            reading: 1,
            vehicle: "b-18",
            signals: ["reserved": .bool(true), "latitude": .double(56.96), "version": .text("3.0")]
        ),
        Claim(
            example: "gbfs",
            sample: 2,
            vehicle: "s-1",
            signals: ["data.stations.name.de.text": .text("Dom")]
        ),
        Claim(
            example: "mds",
            reading: 1,
            vehicle: "d-9",
            signals: ["latitude": .double(38.91), "telemetry.provider_id": .text("p-1")]
        ),
        Claim(
            example: "myskoda",
            vehicle: "TMBACME0000000001",
            signals: [
                "soc_percent": .int(74), "range_km": .int(207), "data.state": .text("charging"),
            ]
        ),
        Claim(
            example: "viss",
            signals: [
                "speed_kmh": .double(52.5), "fuel_percent": .double(61),
                "data.Vehicle.Speed.dp.ts": .text("2026-01-05T08:00:01Z"),
            ]
        ),
        Claim(
            example: "fleetwise",
            vehicle: "van-3",
            signals: [
                "speed_kmh": .double(52.5), "brake_pedal": .bool(true),
                "signals.Vehicle.Speed.1.value": .double(51),
            ]
        ),
        Claim(
            example: "fleetwise",
            sample: 1,
            signals: ["eventId": .unsigned(18_446_744_073_709_551_615)]
        ),
        Claim(example: "tesla", signals: ["speed_mph": .double(61.5)]),
        Claim(example: "tesla", sample: 1, signals: ["speed_mph": .double(61.5)]),
        Claim(example: "tesla", sample: 4, signals: ["latitude": .double(56.95)]),
        Claim(example: "tesla", sample: 7, signals: ["Name": .text("VCFRONT_a192")]),
        Claim(
            example: "skoda_status",
            signals: [
                "mileage_km": .int(25_938),
                "warningLights.TIRE.defects.0.text": .text("Pressure low"),
            ]
        ),
        Claim(
            example: "bmw",
            signals: [
                "mileage_km": .int(1_121), "state.requiredServices.OIL.status": .text("DUE"),
                "tyre_front_left_kpa": .int(241),
            ]
        ),
        Claim(
            example: "hyundai_kia",
            signals: [
                "soc_percent": .double(76), "charge_limit_dc_percent": .int(80),
                "charge_limit_ac_percent": .int(100), "battery_12v_percent": .int(85),
            ]
        ),
        Claim(
            example: "renault",
            signals: ["soc_percent": .int(50), "range_km": .int(128)]
        ),
        Claim(
            example: "renault",
            sample: 3,
            reading: 1,
            vehicle: "VF1ACME0000000002",
            signals: ["accountId": .text("acme"), "vehicleLinks.mileage": .int(311)]
        ),
    ]

    @Test("what an example says becomes of its messages becomes of them", arguments: claims)
    func commentsAreTrue(_ claim: Claim) throws {
        let example = try Example(claim.example, in: TemporaryFolder())
        let events = try example.process(example.samples[claim.sample])
            .payloads(StreamName.enriched)
        let event = DocumentEvent(Array(events[claim.reading].utf8))
        for (name, value) in claim.signals {
            #expect(event.signals[name] == value, "\(claim.example): \(name)")
        }
        if let vehicle = claim.vehicle { #expect(event.vehicle == vehicle) }
    }

    @Test("a day of Skoda's trip statistics stands at its own date")
    func daysHaveTheirDate() throws {
        let example = try Example("skoda_status", in: TemporaryFolder())
        let sample = try #require(example.samples.first { $0.topic.hasSuffix("trip_statistics") })
        let times = try example.process(sample).outcome.events(of: StreamName.enriched)
            .map(\.eventTime.iso8601)
        #expect(times == ["2026-01-03T00:00:00.000Z", "2026-01-04T00:00:00.000Z"])
    }
}
