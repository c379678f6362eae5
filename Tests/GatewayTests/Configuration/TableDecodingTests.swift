// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct TableDecodingTests {
    private static let full = """
        tables:
          - name: reservation
            key: [id]
            columns:
              id: int
              vehicle: text
              starts: {type: time, format: epoch_ms}
              ends: {type: time, format: 'yyyy-MM-dd HH:mm:ss'}
              paid: bool
              price: float
              created: time
            index: [vehicle, [vehicle, paid]]
            format: debezium
            from: fleet.reservation
            valid_from: starts
            valid_to: ends
            history: 2d
            required: true
            large: true
            unknown_columns: ignore
            stale_after: 15m
            source:
              type: kafka
              brokers: [a:9092, b:9092]
              topic: cdc.reservation
              sasl: {mechanism: PLAIN, username: gateway, password: {env: KAFKA_PASSWORD}}
          - name: car
            key: vin
            operation: type
            row: data
            before: old
            position: position
            time: {path: ts, format: epoch_s}
            source:
              type: mqtt
              url: mqtt://localhost
              topic: [reference/car, reference/car/#]
              client_id: car-reader
          - name: depot
            key: [id]
            source: {type: file, path: depots.csv}
          - name: driver
            key: [id]
            format: dms
            source: {type: file, path: /var/drivers.txt, format: jsonl}
        """

    private func tables() throws -> [TableConfiguration] {
        let configuration = try Configuration.decode(
            text: "\(Mistake.minimal)\n\(Self.full)",
            file: "/etc/gateway.yaml",
            environment: ["KAFKA_PASSWORD": "hunter2"]
        )
        try #require(configuration.tables.count == 4)
        return configuration.tables
    }

    @Test func columnsIndexesAndTimesAreDecoded() throws {
        let table = try tables()[0]
        #expect(table.name == "reservation")
        #expect(table.key == ["id"])
        #expect(
            table.columns == [
                ColumnConfiguration(name: "id", type: .int),
                ColumnConfiguration(name: "vehicle", type: .text),
                ColumnConfiguration(name: "starts", type: .time(.epoch(unitsPerMillisecond: 1))),
                ColumnConfiguration(name: "ends", type: .time(.pattern("yyyy-MM-dd HH:mm:ss"))),
                ColumnConfiguration(name: "paid", type: .bool),
                ColumnConfiguration(name: "price", type: .float),
                ColumnConfiguration(name: "created", type: .time(.iso8601)),
            ]
        )
        #expect(table.indexes == [["vehicle"], ["vehicle", "paid"]])
        #expect(table.from == "fleet.reservation")
        #expect(table.validity?.from == "starts")
        #expect(table.validity?.to == "ends")
        #expect(table.validity?.historyMilliseconds == 172_800_000)
        #expect(table.isRequired && table.isLarge && table.ignoresUnknownColumns)
        #expect(table.staleMilliseconds == 900_000)
        #expect(table.feedName == "table/reservation")
        guard case .debezium = table.format else {
            Issue.record("\(table.format)")
            return
        }
    }

    @Test func kafkaFeedKeepsItsSecret() throws {
        guard case .kafka(let feed) = try tables()[0].feed else {
            Issue.record("not a feed from Kafka")
            return
        }
        #expect(feed.topic == "cdc.reservation")
        #expect(!"\(feed)".contains("hunter2"))
        #expect(try tables()[0].session == nil)
    }

    @Test func rowsFromMQTTAreDecoded() throws {
        let table = try tables()[1]
        #expect(table.key == ["vin"])
        #expect(table.columns == nil)
        guard case .rows(let rows) = table.format else {
            Issue.record("\(table.format)")
            return
        }
        #expect(rows.operation == "type")
        #expect(rows.row == "data")
        #expect(rows.before == "old")
        #expect(rows.position == "position")
        #expect(rows.time?.paths == ["ts"])
        let session = try #require(table.session)
        #expect(session.name == "table/car")
        #expect(session.connection.clientID == "car-reader")
        #expect(session.topics.map(\.pattern.text) == ["reference/car", "reference/car/#"])
    }

    @Test func filesAreDecodedByTheirEndingOrFormat() throws {
        let tables = try tables()
        guard case .file(let depots) = tables[2].feed, case .file(let drivers) = tables[3].feed
        else {
            Issue.record("no files")
            return
        }
        #expect(depots.path == "/etc/depots.csv")
        #expect(depots.format == .csv)
        #expect(drivers.format == .jsonl)
        #expect(!tables[2].isRequired && !tables[2].isLarge && !tables[2].ignoresUnknownColumns)
        #expect(tables[2].staleMilliseconds == nil)
    }

    @Test func defaultClientIsNamedAfterTheTable() throws {
        let configuration = try Configuration.decode(
            text: """
                \(Mistake.minimal)
                tables: {name: car, key: vin, source: {type: mqtt, url: 'mqtt://h', topic: car}}
                """,
            file: "/etc/gateway.yaml",
            environment: [:]
        )
        #expect(configuration.tables.first?.session?.connection.clientID == "depot-table-car")
    }
}
