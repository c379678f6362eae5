// SPDX-License-Identifier: Apache-2.0
// Goal: whatever a SELECT gives, each reading has its event, and the vehicle what the first row said.
import Testing

@testable import Gateway

@Suite struct EnrichmentRowsTests {
    private static func enrich(_ select: String, rows: String = "first") -> String {
        """
        enrich:
          rows: \(rows)
          select: >-
        \(select.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
        """
    }

    private static let select =
        #"SELECT car.v AS price FROM reading JOIN car ON car.w = reading."w" ORDER BY car.v"#

    private func filled(
        _ enrich: String,
        rules: String = "groups: []",
        streams: [String] = []
    )
        throws -> TableRig
    {
        let rig = try TableRig(enrich: enrich, rules: rules, streams: streams)
        try rig.changes(
            (1...3).map { #"{"op":"insert","pos":\#($0),"id":\#($0),"v":\#($0 * 10),"w":"x"}"# }
        )
        return rig
    }

    private func price(_ rig: TableRig) throws -> SignalValue? {
        let vehicle = try #require(rig.gateway.processor.fleet.vehicles.first)
        let signal = try #require(rig.gateway.processor.signals.existingID(ofName: "price"))
        return vehicle.value(of: signal)
    }

    @Test(arguments: [("first", [10]), ("each", [10, 20, 30])] as [(String, [Int64])])
    func severalRowsGiveTheFirstOrAnEventEach(rows: String, prices: [Int64]) throws {
        let rig = try filled(Self.enrich(Self.select, rows: rows))
        try rig.reading(#"{"w":"x"}"#)
        let events = try rig.events("enriched")
        #expect(events.map { $0["enrichment.price"] } == prices.map { .int($0) })
        let numbers = events.map { $0["row"] }
        #expect(numbers == (rows == "each" ? prices.indices.map { .int(Int64($0)) } : [nil]))
        #expect(try price(rig) == .int(10))
        // Recovery merges the events again, and takes the first row too.
        try rig.restart()
        #expect(try price(rig) == .int(10))
        try rig.reading(#"{"w":"nothing"}"#)
        #expect(try price(rig) == .null)
        try rig.restart()
        #expect(try price(rig) == .null)
    }

    @Test func noRowGivesNullsAndAMiss() throws {
        for rows in ["first", "each"] {
            let rig = try filled(Self.enrich(Self.select, rows: rows))
            let outcome = try rig.reading(#"{"w":"nothing"}"#)
            #expect(outcome.counts.misses == [0: 1])
            #expect(try rig.events("enriched").map { $0["enrichment.price"] } == [.null])
        }
    }

    @Test func selectThatFailsWhileRunningGivesNullsAndIsCounted() throws {
        let endless = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
            SELECT count(*) AS price FROM n, reading WHERE reading."w" = 'x'
            """
        let rig = try filled(Self.enrich(endless, rows: "each"))
        let outcome = try rig.reading(#"{"w":"x","speed":5}"#)
        #expect(outcome.failure == nil)
        let event = try rig.events("enriched")[0]
        #expect(event["enrichment"] == .null)
        #expect(event["signals.speed"] == .int(5))
        let failures = try #require(rig.gateway.processor.rules.enrichments[0]).select.failures
        #expect(failures.count == 1)
        // What is the gateway's own goes on.
        try rig.change(#"{"op":"insert","pos":9,"id":9}"#)
        #expect(try rig.rows().count == 4)
    }

    // A SELECT is compiled once; a swap, new columns and a start give its tables other rows.
    @Test func selectFollowsItsTableThroughSwaps() throws {
        let rig = try filled(Self.enrich(Self.select))
        for round in 1...3 {
            let place = 10 * round
            try rig.changes([
                #"{"op":"begin","pos":\#(place)}"#,
                #"{"op":"load","pos":\#(place + 1),"id":1,"v":\#(round),"w":"x"}"#,
                #"{"op":"end","pos":\#(place + 2)}"#,
            ])
            try rig.reading(#"{"w":"x"}"#)
        }
        #expect(
            try rig.events("enriched").map { $0["enrichment.price"] } == [
                .int(1), .int(2), .int(3),
            ]
        )
    }

    // Select rules.

    private static let rules = """
        groups:
          - name: g
            rules:
              - select: offers
                query: SELECT car.id, price FROM vehicle, car ORDER BY car.id DESC LIMIT 2
              - select: fast
                query: SELECT "speed" AS speed FROM reading WHERE "speed" > 50
        """

    @Test func selectRulesHaveStreamsWhoseOffsetsGoOnAfterAStart() throws {
        let rig = try filled(
            Self.enrich(Self.select),
            rules: Self.rules,
            streams: ["offers", "fast"]
        )
        try rig.reading(#"{"w":"x","speed":60}"#)
        try rig.restart()
        try rig.reading(#"{"w":"x","speed":40}"#, at: 1)
        let offers = try rig.gateway.payloads("offers")
        #expect(
            offers == [
                #"{"id":3,"price":10}"#, #"{"id":2,"price":10}"#, #"{"id":3,"price":10}"#,
                #"{"id":2,"price":10}"#,
            ]
        )
        #expect(try rig.gateway.offsets("offers") == [1, 2, 3, 4])
        #expect(try rig.gateway.payloads("fast") == [#"{"speed":60}"#])
        let event = try rig.gateway.events("offers")[3]
        #expect(event.key == "d1")
        #expect(event.topic == "fleet/d1/state")
        // A rule that is gone leaves its stream; retention lets it go.
        try rig.gateway.saveVehicles()
        var log = LogConfiguration()
        log.streams["offers"] = RetentionConfiguration(ageSeconds: 60, bytes: 1 << 30)
        let eviction = try rig.gateway.writer.evictChunk(log, cursors: [:], now: .seconds(1_000))
        #expect(eviction?.stream == "offers")
        #expect(try rig.gateway.offsets("offers") == [4])
    }
}
