// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The gateway of the proof of tables: for each fleet three tables and a source that joins all of them.
struct TablesConfiguration {
    var fleets: [TablesFleet]
    /// `host:port` of Kafka.
    var kafka: String?

    /// With the depot's placeholders.
    var template: String {
        let tables = fleets.flatMap { fleet in SourceTable.allCases.map { table($0, fleet) } }
        return """
            gateway: { id: proof, data_directory: "@DATA@" }
            sources:
            \(fleets.map(source).joined(separator: "\n"))
            tables:
            \(tables.joined(separator: "\n"))
            sinks:
            \(ProofConfiguration.mqttSink("5"))
            http: { port: @HTTP_PORT@ }
            """
    }

    func write(to depot: LocalDepot) throws { try depot.writeConfiguration(template: template) }

    private static let connection = """
        url: mqtts://localhost:@PORT@
            reconnect_max: 500ms
            tls: { ca: @CERTS@/ca.crt, certificate: @CERTS@/gateway.crt, key: @CERTS@/gateway.key }
        """

    private func source(_ fleet: TablesFleet) -> String {
        """
          - name: \(fleet.transport.rawValue)
            \(Self.connection)
            topics:
              - pattern: fleet/{vehicle}/\(fleet.transport.rawValue)
                event_time: { path: ts, format: epoch_ms }
            enrich:
              select: |
        \(Self.select(fleet.transport).split(separator: "\n").map { "        " + $0 }
            .joined(separator: "\n"))
        """
    }

    /// Returns every column of every table, under a name of its own.
    static func select(_ transport: TablesFleet.Transport) -> String {
        func name(_ table: SourceTable) -> String { TablesFleet.tableName(table, transport) }
        let columns = SourceTable.allCases.flatMap { table in
            table.columns.map { "\(name(table)).\($0) AS \(table.name)_\($0)" }
        }
        let (device, car, reservation) = (name(.device), name(.car), name(.reservation))
        return """
            SELECT \(columns.joined(separator: ", "))
            FROM reading
            LEFT JOIN \(device) ON \(device).id = reading.vehicle
            LEFT JOIN \(car) ON \(car).id = \(device).car
            LEFT JOIN \(reservation) ON \(reservation).car = \(car).id
            ORDER BY \(reservation).starts LIMIT 1
            """
    }

    private func table(_ table: SourceTable, _ fleet: TablesFleet) -> String {
        let topic = TablesFleet.topic(table, fleet.transport)
        let feed =
            fleet.transport == .mqtt
            ? """
            source:
                  type: mqtt
                  topic: \(topic)
                  \(Self.connection.replacing("\n", with: "\n  "))
            """
            : """
            source: { type: kafka, brokers: ["\(kafka ?? "")"], topic: \(topic), reconnect_max: 500ms }
            """
        return """
              - name: \(TablesFleet.tableName(table, fleet.transport))
            \(fleet.wires[table.rawValue].configuration(of: table))\
                snapshot_quiet: 1s
                \(feed)
            """
    }
}
