// SPDX-License-Identifier: Apache-2.0
// Goal: readings are joined with what the tables knew at the reading's own time, and rules, events and
// vehicles see it. Method: the processor over a real log, fed with changes and readings by hand.
import Testing

@testable import Gateway

@Suite struct EnrichmentTests {
    static let yaml = """
        gateway: {id: depot, data_directory: /nonexistent}
        sources:
          - name: vehicles
            url: mqtt://localhost:1883
            topics:
              - pattern: "fleet/{vehicle}/state"
                event_time: {path: t, format: epoch_s}
            enrich:
              select: |
                SELECT car.plate, reservation.customer, reservation.id AS reservation
                FROM reading
                LEFT JOIN device ON device.id = reading.vehicle
                LEFT JOIN car ON car.id = device.car
                LEFT JOIN reservation ON reservation.car = car.id
              reference_age: true
        tables:
          - name: device
            key: id
            columns: {id: text, car: int}
            source: {type: mqtt, url: "mqtt://localhost:1883", topic: "cdc/device"}
            operation: op
            position: pos
          - name: car
            key: id
            source: {type: mqtt, url: "mqtt://localhost:1883", topic: "cdc/car"}
            operation: op
            position: pos
          - name: reservation
            key: id
            columns: {id: int, car: int, customer: text, starts: {type: time, format: epoch_s}, ends: {type: time, format: epoch_s}}
            valid_from: starts
            valid_to: ends
            index: [car]
            large: true
            source: {type: mqtt, url: "mqtt://localhost:1883", topic: "cdc/reservation"}
            operation: op
            position: pos
        signals:
          lights: {type: bool}
        """

    static let rules = """
        groups:
          - name: g
            rules:
              - alert: lights_of_customer
                expr: lights AND customer IS NOT NULL
                annotations: {summary: "{{ plate }}: tell {{ customer }}"}
              - select: trip
                query: SELECT vehicle.vehicle, plate, speed_x FROM vehicle, (SELECT "speed" AS speed_x FROM reading) WHERE speed_x > 50
        """

    static func configuration() throws -> Configuration {
        var configuration = try Configuration.decode(text: yaml, file: "/etc/gateway.yaml")
        configuration.derivedStreams = ["trip"]
        return configuration
    }

    private let gateway: LoggedGateway

    init() throws {
        gateway = try LoggedGateway(Self.configuration(), rules: Self.rules)
    }

    /// Sends a change to a table, by its place in the configuration.
    private func change(_ table: Int, _ json: String, at second: Int64 = 0) throws {
        let names = ["device", "car", "reservation"]
        try gateway.process([
            TestMessage("cdc/\(names[table])", json, arrival: .seconds(second), source: 1 + table)
        ])
        #expect(try gateway.payloads("dead_letter") == [])
    }

    private func reading(_ json: String, at second: Int64 = 0) throws {
        try gateway.process([TestMessage("fleet/d1/state", json, arrival: .seconds(second))])
    }

    private static let base: Int64 = 1_767_600_000

    private func fill() throws {
        try change(0, #"{"op":"insert","pos":1,"id":"d1","car":7}"#)
        try change(1, #"{"op":"insert","pos":1,"id":7,"plate":"B-XY 1"}"#)
        for (id, customer, from, to) in [(1, "Ann", 0, 100), (2, "Bob", 100, 200)] {
            try change(
                2,
                """
                {"op":"insert","pos":\(id),"id":\(id),"car":7,"customer":"\(customer)",\
                "starts":\(Self.base + Int64(from)),"ends":\(Self.base + Int64(to))}
                """
            )
        }
    }

    private func enrichments() throws -> [[String: SignalValue]] {
        try gateway.payloads("enriched").map { try flatten($0) }
    }

    @Test func readingIsJoinedAsOfItsOwnTime() throws {
        try fill()
        for time in [50, 150, 250, 99, 100] {
            try reading(#"{"t":\#(Self.base + Int64(time)),"speed":60}"#, at: 250)
        }
        let found = try enrichments()
        #expect(
            found.map { $0["enrichment.customer"] } == [
                .text("Ann"), .text("Bob"), .null, .text("Ann"), .text("Bob"),
            ]
        )
        #expect(found.allSatisfy { $0["enrichment.plate"] == .text("B-XY 1") })
        #expect(found.allSatisfy { $0["reference_age.car"] == .double(250) })
        #expect(found[0]["enrichment.reservation"] == .int(1))
    }

    @Test func rulesAndOutliersSeeWhatTheJoinFound() throws {
        try fill()
        try reading(#"{"t":\#(Self.base + 10),"lights":true}"#)
        try reading(#"{"t":\#(Self.base + 110)}"#)
        try reading(#"{"t":\#(Self.base + 210)}"#)
        let outliers = try gateway.payloads("outlier").map { try flatten($0) }
        #expect(outliers.map { $0["state"] } == [.text("firing"), .text("resolved")])
        #expect(outliers[0]["summary"] == .text("B-XY 1: tell Ann"))
        #expect(outliers[0]["values.customer"] == .text("Ann"))
    }

    // The rule knows nothing of tables; who reads its outliers still wants to know whom to tell.
    @Test func outlierNamesWhatTheLatestReadingOfItsVehicleWasJoinedWith() throws {
        let rules = RuleText.file(["dark": "lights"])
        let gateway = try LoggedGateway(Self.configuration(), rules: rules)
        func send(_ topic: String, _ json: String, _ source: Int = 0) throws {
            try gateway.process([TestMessage(topic, json, arrival: .seconds(0), source: source)])
        }
        try send("fleet/d1/state", #"{"t":\#(Self.base + 1),"lights":true}"#)
        try send("cdc/device", #"{"op":"insert","pos":1,"id":"d1","car":7}"#, 1)
        try send("cdc/car", #"{"op":"insert","pos":1,"id":7,"plate":"B-XY 1"}"#, 2)
        try send("fleet/d1/state", #"{"t":\#(Self.base + 2),"lights":false}"#)
        let outliers = try gateway.payloads("outlier")
        try #require(outliers.count == 2)
        let nobody = #"{"plate":null,"customer":null,"reservation":null}"#
        let found = #"{"plate":"B-XY 1","customer":null,"reservation":null}"#
        #expect(outliers[0].contains(#""values":{"lights":true},"enrichment":\#(nobody),"since":"#))
        #expect(outliers[1].contains(#""values":{"lights":false},"enrichment":\#(found),"since":"#))
    }

    @Test func selectMakesAStreamOfItsOwn() throws {
        try fill()
        try reading(#"{"t":\#(Self.base + 10),"speed":60}"#)
        try reading(#"{"t":\#(Self.base + 11),"speed":40}"#)
        #expect(
            try gateway.payloads("trip") == [#"{"vehicle":"d1","plate":"B-XY 1","speed_x":60}"#]
        )
    }

    @Test func restartKnowsTablesAndVehicles() throws {
        try fill()
        try reading(#"{"t":\#(Self.base + 10),"lights":true}"#)
        try gateway.restart(rules: Self.rules)
        try reading(#"{"t":\#(Self.base + 20)}"#)
        #expect(try enrichments().last?["enrichment.customer"] == .text("Ann"))
        #expect(try gateway.count("reservation") == 2)
        let vehicle = try #require(gateway.processor.fleet.vehicles.first)
        let customer = try #require(gateway.processor.signals.existingID(ofName: "customer"))
        #expect(vehicle.value(of: customer) == .text("Ann"))
    }

    @Test func joinThatFindsNothingIsVisibleAndCounted() throws {
        var batch = MessageBatch()
        batch.append(
            TestMessage("fleet/d1/state", "{}", arrival: .seconds(0)),
            patterns: gateway.configuration.patterns(of: 0)
        )
        let outcome = gateway.processor.process(batch, clock: nil)
        #expect(outcome.counts.misses == [1: 1, 2: 1])
        #expect(outcome.enriched.count == 1)
    }

    @Test func deleteEndsAReservationAndKeepsWhatItWas() throws {
        try fill()
        try change(2, #"{"op":"delete","pos":3,"id":2}"#, at: 130)
        for time in [120, 140] { try reading(#"{"t":\#(Self.base + Int64(time))}"#, at: 150) }
        #expect(
            try enrichments().map { $0["enrichment.customer"] } == [.text("Bob"), .null]
        )
    }

    @Test func aVehicleCannotSayWhatOnlyTablesKnow() throws {
        try fill()
        try reading(#"{"t":\#(Self.base + 10),"customer":"Mallory"}"#)
        try gateway.restart(rules: Self.rules)
        let vehicle = try #require(gateway.processor.fleet.vehicles.first)
        let customer = try #require(gateway.processor.signals.existingID(ofName: "customer"))
        #expect(vehicle.value(of: customer) == .text("Ann"))
        #expect(try enrichments()[0]["signals.customer"] == .text("Mallory"))
    }
}
