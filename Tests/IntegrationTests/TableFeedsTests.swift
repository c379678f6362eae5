// SPDX-License-Identifier: Apache-2.0
// Goal: three tables, each from a feed of its own kind, are joined into what vehicles say, and survive the
// end of the process. Method: a file, a Kafka-wire broker and a second MQTT broker feed the built gateway.
import Foundation
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct TableFeedsTests {
        private static func tables(file: String, kafka: String, mqtt: Int) -> String {
            """
            tables:
              - name: device
                key: id
                source: {type: file, path: "\(file)"}
              - name: car
                key: id
                format: debezium
                source: {type: kafka, brokers: "\(kafka)", topic: cdc.car, reconnect_max: 300ms}
              - name: reservation
                key: id
                columns:
                  id: int
                  car: int
                  customer: text
                  starts: {type: time, format: epoch_ms}
                  ends: {type: time, format: epoch_ms}
                valid_from: starts
                valid_to: ends
                history: 5000d
                index: [car]
                large: true
                operation: op
                position: pos
                source: {type: mqtt, url: "mqtt://127.0.0.1:\(mqtt)", topic: cdc/reservation}
            """
        }

        private static let enrich = """
            enrich: |
              SELECT car.plate, reservation.customer FROM reading
              LEFT JOIN device ON device.id = reading.vehicle
              LEFT JOIN car ON car.id = device.car
              LEFT JOIN reservation ON reservation.car = car.id
            """

        private static let start: Int64 = 1_767_600_000_000

        /// What Debezium writes for a car.
        private static func car(_ id: Int, _ plate: String, lsn: Int) -> String {
            #"{"before":null,"after":{"id":\#(id),"plate":"\#(plate)"},"source":{"name":"pg","#
                + #""schema":"public","table":"car","lsn":\#(lsn),"snapshot":"false"},"op":"c","#
                + #""ts_ms":\#(start + Int64(lsn))}"#
        }

        private static func reservation(
            _ id: Int,
            _ customer: String,
            from: Int64,
            to: Int64,
            position: Int
        ) -> TestMessage {
            TestMessage(
                "cdc/reservation",
                #"{"op":"update","pos":\#(position),"id":\#(id),"car":7,"customer":"\#(customer)","#
                    + #""starts":\#(start + from),"ends":\#(start + to)}"#
            )
        }

        private func produce(_ value: String, to kafka: KafkaBroker, in depot: LocalDepot) throws {
            let file = depot.folder + "/record"
            try ("7:" + value).write(toFile: file, atomically: true, encoding: .utf8)
            let code = try ChildProcess(
                LocalDepot.find("kcat"),
                ["-P", "-b", kafka.address, "-t", "cdc.car", "-K:", "-l", file],
                output: kafka.log
            )
            .wait()
            try #require(code == 0)
        }

        /// Publishes one reading and gives what it was joined with.
        private func join(
            _ depot: LocalDepot,
            _ number: Int,
            at time: Int64
        ) async throws -> [String: String] {
            try depot.publish([.state("car-1", number, time: Self.start + time)])
            try await until("reading \(number) is enriched", explain: { depot.explanation }) {
                try depot.events("enriched").count == number
            }
            let event = try #require(try depot.events("enriched").last)
            let found = parseJSON(event.payload)["enrichment"] as? [String: Any]
            return (found ?? [:]).compactMapValues { $0 as? String }
        }

        @Test("a file, Kafka and MQTT feed tables that readings are joined with, over a kill")
        func everyFeedIsJoined() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let kafka = try KafkaBroker(folder: depot.folder, assets: depot.assets)
            defer { kafka.stop() }
            try kafka.start()
            let cdc = try TestBroker("cdc", in: depot)
            defer { cdc.stop() }
            let devices = depot.folder + "/device.csv"
            try "id,car\ncar-1,7\n".write(toFile: devices, atomically: true, encoding: .utf8)
            var file = GatewayFile()
            file.sources = [GatewayFile.source(lines: [Self.enrich])]
            file.rest = Self.tables(file: devices, kafka: kafka.address, mqtt: cdc.port)
            try depot.configure(file)
            try produce(Self.car(7, "B-XY 1", lsn: 10), to: kafka, in: depot)
            try await depot.runGateway()
            try await until("the reservation's feed is up", explain: { depot.explanation }) {
                depot.health.contains(#""reservation":{"status":"up"}"#)
            }
            try depot.publish(
                [
                    Self.reservation(1, "Ann", from: 0, to: 100, position: 1),
                    Self.reservation(2, "Bob", from: 100, to: 200, position: 2),
                ],
                as: cdc.client("office")
            )
            let changes = "gateway_table_changes_total"
            for table in ["car", "reservation"] {
                try await until("\(table) has come", explain: { depot.explanation }) {
                    depot.metrics.count(changes, ["table": table]) > 0
                }
            }
            try await until("the file is loaded", explain: { depot.explanation }) {
                depot.metrics.count("gateway_table_rows", ["table": "device"]) == 1
            }
            let join1 = try await join(depot, 1, at: 50)
            #expect(join1 == ["plate": "B-XY 1", "customer": "Ann"])
            let join2 = try await join(depot, 2, at: 150)
            #expect(join2 == ["plate": "B-XY 1", "customer": "Bob"])

            // An older change changes nothing, a newer one does; then the process dies.
            try depot.publish(
                [
                    Self.reservation(2, "Eve", from: 100, to: 200, position: 1),
                    Self.reservation(3, "Cid", from: 200, to: 300, position: 3),
                ],
                as: cdc.client("office")
            )
            try await until("the third has come") {
                depot.metrics.count(changes, ["table": "reservation"]) == 4
            }
            depot.killGateway()
            try produce(Self.car(7, "B-XY 2", lsn: 11), to: kafka, in: depot)
            try await depot.runGateway()
            try await until("Kafka's change has come", explain: { depot.explanation }) {
                depot.metrics.count(changes, ["table": "car", "kind": "upsert"]) == 1
            }
            let join3 = try await join(depot, 3, at: 150)
            #expect(join3 == ["plate": "B-XY 2", "customer": "Bob"])
            let join4 = try await join(depot, 4, at: 250)
            #expect(join4 == ["plate": "B-XY 2", "customer": "Cid"])
            // The file was not read again, and Kafka went on where it was.
            #expect(depot.metrics.count("gateway_table_snapshots_total") == 0)

            // A new version of the file takes the place of the old one.
            try "id,car\ncar-2,7\n".write(toFile: devices, atomically: true, encoding: .utf8)
            try await until("the new file is loaded", explain: { depot.explanation }) {
                depot.metrics.count("gateway_table_snapshots_total", ["table": "device"]) == 1
            }
            let join5 = try await join(depot, 5, at: 250)
            #expect(join5 == [:])
            #expect(try depot.events("dead_letter").isEmpty)
        }

        @Test("a file of which no row could be taken is down in /readyz after a kill too")
        func refusedFileStaysRefused() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let devices = depot.folder + "/device.csv"
            try "id,cart\ncar-1,7\n".write(toFile: devices, atomically: true, encoding: .utf8)
            var file = GatewayFile()
            file.rest = """
                tables:
                  - name: device
                    key: id
                    columns: {id: text, car: int}
                    source: {type: file, path: "\(devices)"}
                """
            try depot.configure(file)
            let refusal = #""device":{"status":"down","reason":"no row of the file could be taken"#
            for _ in 1...2 {
                try await depot.runGateway()
                try await until("it is refused", explain: { depot.explanation }) {
                    depot.health.contains(refusal)
                }
                depot.killGateway()
            }
            // It was not read again to find that out.
            #expect(try depot.events("dead_letter").count == 1)
        }

        // A broker sends a backlog as fast as it is read: without a bound it would fill whole batches.
        @Test("loads over MQTT leave vehicles room in every batch")
        func loadsOverMQTTLeaveVehiclesRoom() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            let cdc = try TestBroker("cdc", in: depot)
            defer { cdc.stop() }
            let tables = ["device", "car"]
            var file = GatewayFile()
            let sections = tables.map { Self.table($0, mqtt: cdc.port) }
            file.rest = (["tables:"] + sections).joined(separator: "\n")
            try depot.configure(file)
            try await depot.runGateway()
            try await until("the feeds are up", explain: { depot.explanation }) {
                tables.allSatisfy { depot.health.contains(#""\#($0)":{"status":"up"}"#) }
            }
            #expect(depot.endGateway() == 0)
            let changes = (1...2_000)
                .flatMap { id in tables.map { TestMessage("cdc/\($0)", #"{"id":\#(id)}"#) } }
            try depot.publish(changes, as: cdc.client("office"))
            try await depot.runGateway()
            try await until("all changes have come", explain: { depot.explanation }) {
                depot.metrics.count("gateway_table_changes_total") == changes.count
            }
            let metrics = depot.metrics
            let batches = metrics.count("gateway_intake_batch_messages_count")
            #expect(batches >= changes.count / TableFeeds.changesMax)
            let bound = ["le": "\(TableFeeds.changesMax)"]
            #expect(metrics.count("gateway_intake_batch_messages_bucket", bound) == batches)
        }

        private static func table(_ name: String, mqtt: Int) -> String {
            """
              - name: \(name)
                key: id
                columns: { id: int }
                source: { type: mqtt, url: "mqtt://127.0.0.1:\(mqtt)", topic: cdc/\(name) }
            """
        }
    }
}
