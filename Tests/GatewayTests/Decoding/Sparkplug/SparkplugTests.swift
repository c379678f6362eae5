// SPDX-License-Identifier: Apache-2.0
// Goal: births, data and deaths of Sparkplug B become readings. Method: the messages of one edge node with
// one device, through the processor and into its events.
import SparkplugProtocol
import SwiftProtobuf
import Testing

@testable import Gateway

@Suite struct SparkplugTests {
    private func gateway(
        rules: String = "groups: []",
        _ change: (inout LimitsConfiguration) -> Void = { _ in }
    ) throws -> TestGateway {
        var configuration = try Configuration.testing(topics: [SparkplugPlant.topic])
        change(&configuration.limits)
        return try TestGateway(configuration, rules: rules)
    }

    /// The enriched events of messages: vehicle, event time and signals.
    private func events(_ processed: ProcessedBatch) throws -> [[String: SignalValue]] {
        try processed.flat(StreamName.enriched)
            .map { event in
                var found: [String: SignalValue] = [:]
                for (path, value) in event {
                    switch path {
                    case "vehicle", "event_time", "clock", "late": found[path] = value
                    case _ where path.hasPrefix("signals."):
                        let name = String(path.dropFirst("signals.".count))
                        if !["vehicle", "timestamp"].contains(name) { found[name] = value }
                    default: break
                    }
                }
                return found
            }
    }

    private func time(_ seconds: Int64) -> SignalValue {
        .int(Timestamp.seconds(seconds).milliseconds)
    }

    private func reasons(_ processed: ProcessedBatch) throws -> [SignalValue?] {
        try processed.flat(StreamName.deadLetter).map { $0["reason"] }
    }

    @Test func birthsAreReadings() throws {
        let processed = try gateway().process(SparkplugPlant.births())
        #expect(
            try events(processed) == [
                [
                    "vehicle": .text("press"), "event_time": time(0), "online": .bool(true),
                    "seq_gap": .bool(false), "Node Control.Rebirth": .bool(false),
                ],
                [
                    "vehicle": .text("arm"), "event_time": time(0), "online": .bool(true),
                    "seq_gap": .bool(false), "Motor.Speed": .int(-5), "Motor.Hot": .bool(false),
                ],
            ]
        )
        #expect(processed.outcome.deadLetter.isEmpty)
    }

    @Test func dataSpeakByAliasOrByName() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births())
        let processed = try gateway.process([
            SparkplugPlant.message(
                "DDATA",
                "arm",
                seq: 2,
                at: .seconds(1),
                [.init(nil, alias: 7, .intValue(UInt32(bitPattern: -6)))]
            ),
            SparkplugPlant.message(
                "NDATA",
                seq: 3,
                at: .seconds(2),
                [.init("Node Control/Rebirth", .booleanValue(true))]
            ),
        ])
        #expect(
            try events(processed) == [
                [
                    "vehicle": .text("arm"), "event_time": time(1), "online": .bool(true),
                    "seq_gap": .bool(false), "Motor.Speed": .int(-6),
                ],
                [
                    "vehicle": .text("press"), "event_time": time(2), "online": .bool(true),
                    "seq_gap": .bool(false), "Node Control.Rebirth": .bool(true),
                ],
            ]
        )
    }

    @Test func dataWithoutTheirBirthAreDeadLetters() throws {
        let gateway = try gateway()
        let speed = SparkplugMetric(nil, alias: 7, .intValue(1))
        let early = try gateway.process([
            SparkplugPlant.message("DDATA", "arm", seq: 2, at: .seconds(1), [speed]),
            SparkplugPlant.message("DBIRTH", "arm", seq: 2, at: .seconds(1), []),
        ])
        let node = "no birth seen of edge node plant/press; the node must be asked to rebirth"
        #expect(try reasons(early) == [.text(node), .text(node)])
        #expect(early.outcome.counts.deadLetters.keys.map(\.kind) == [.noBirth])
        try gateway.process(SparkplugPlant.births())
        let late = try gateway.process([
            SparkplugPlant.message("DDATA", "leg", seq: 2, at: .seconds(1), [speed]),
            SparkplugPlant.message(
                "DDATA",
                "arm",
                seq: 3,
                at: .seconds(1),
                [speed, .init(nil, alias: 9, .intValue(1))]
            ),
            SparkplugPlant.message("DDATA", "arm", seq: 4, at: .seconds(1), [speed]),
        ])
        #expect(
            try reasons(late) == [
                .text("no birth seen of device leg; the node must be asked to rebirth"),
                .text("no birth seen for alias 9; the node must be asked to rebirth"),
            ]
        )
        // They count in the sequence all the same.
        #expect(try events(late).map { $0["seq_gap"] } == [.bool(false)])
    }

    // Deaths.

    @Test func deathOfAnEdgeNodeIsThatOfItsDevices() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births(session: 4, at: .seconds(100)))
        // The will is as old as the session; the clock of the vehicles is 40 s ahead of ours.
        let processed = try gateway.process([
            SparkplugPlant.message(
                "NDEATH",
                at: .seconds(60),
                arrival: .seconds(110),
                [.bdSeq(4)]
            )
        ])
        #expect(
            try events(processed)
                == ["press", "arm"]
                .map { vehicle in
                    [
                        "vehicle": .text(vehicle), "event_time": time(110), "online": .bool(false),
                        "clock": .text("absent"),
                    ]
                }
        )
        #expect(processed.outcome.counts.clockFlagged.isEmpty)
        let after = try gateway.process([
            SparkplugPlant.message("NDATA", seq: 2, at: .seconds(120)),
            SparkplugPlant.message("NDEATH", arrival: .seconds(130), [.bdSeq(4)]),
        ])
        #expect(try events(after).isEmpty)
        #expect(after.outcome.deadLetter.count == 1)
    }

    @Test func deathOfAnotherSessionIsIgnored() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births(session: 4))
        for death in [[SparkplugMetric.bdSeq(3)], []] {
            let processed = try gateway.process([SparkplugPlant.message("NDEATH", nil, death)])
            #expect(try events(processed).isEmpty)
            #expect(processed.outcome.deadLetter.isEmpty)
        }
        let dead = try gateway.process([SparkplugPlant.message("NDEATH", nil, [.bdSeq(4)])])
        #expect(try events(dead).count == 2)
    }

    @Test func deathOfADeviceIsItsOwn() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births())
        let processed = try gateway.process([
            SparkplugPlant.message("DDEATH", "arm", seq: 2, at: .seconds(5)),
            SparkplugPlant.message("DDEATH", "arm", seq: 3, at: .seconds(6)),
            SparkplugPlant.message("NDATA", seq: 4, at: .seconds(7)),
        ])
        #expect(try events(processed).map { $0["vehicle"] } == [.text("arm"), .text("press")])
        #expect(try events(processed).map { $0["online"] } == [.bool(false), .bool(true)])
        #expect(try events(processed).last?["seq_gap"] == .bool(false))
        let dead = try gateway.process([SparkplugPlant.message("NDEATH", nil, [.bdSeq(0)])])
        #expect(try events(dead).map { $0["vehicle"] } == [.text("press")])
    }

    @Test func birthInAnotherSessionTellsTheDeathThatNobodyTold() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births(session: 1))
        let again = try gateway.process([SparkplugPlant.births(session: 2, at: .seconds(9))[0]])
        #expect(try events(again).map { $0["vehicle"] } == [.text("arm"), .text("press")])
        #expect(try events(again).map { $0["online"] } == [.bool(false), .bool(true)])
    }

    @Test func rebirthLeavesDevicesOnlineButNameless() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births(session: 1))
        let again = try gateway.process([
            SparkplugPlant.births(session: 1, at: .seconds(9))[0],
            SparkplugPlant.message(
                "DDATA",
                "arm",
                seq: 1,
                at: .seconds(9),
                [.init(nil, alias: 7, .intValue(1))]
            ),
        ])
        #expect(try events(again).map { $0["vehicle"] } == [.text("press")])
        #expect(try reasons(again).count == 1)
        // It has not died, and so it can.
        let dead = try gateway.process([SparkplugPlant.message("NDEATH", nil, [.bdSeq(1)])])
        #expect(try events(dead).map { $0["vehicle"] } == [.text("press"), .text("arm")])
    }

    @Test func offlineFires() throws {
        let gateway = try gateway(
            rules: """
                groups:
                  - name: plant
                    rules:
                      - {alert: offline, expr: 'NOT "online"'}
                """
        )
        try gateway.process(SparkplugPlant.births())
        let dead = try gateway.process([
            SparkplugPlant.message("NDEATH", arrival: .seconds(3), [.bdSeq(0)])
        ])
        #expect(dead.outcome.outlier.map(\.key) == ["press", "arm"])
        let born = try gateway.process(SparkplugPlant.births(session: 1, at: .seconds(9)))
        #expect(born.outcome.outlier.map(\.key) == ["press", "arm"])
    }

    // Dead letters that are processed again.

    @Test func replayedDataLeaveTheSessionAlone() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births())
        var late = try SparkplugPlant.message(
            "DDATA",
            "arm",
            seq: 200,
            at: .seconds(1),
            [.init(nil, alias: 8, .booleanValue(true))]
        )
        late.replay = DeadLetterReplay(offset: 1)
        let replayed = try gateway.process([late])
        #expect(try events(replayed).map { $0["Motor.Hot"] } == [.bool(true)])
        let next = try gateway.process([
            SparkplugPlant.message("NDATA", seq: 2, at: .seconds(2))
        ])
        for processed in [replayed, next] {
            #expect(try events(processed).map { $0["seq_gap"] } == [.bool(false)])
            #expect(processed.outcome.counts.sparkplugGaps.isEmpty)
        }
    }

    @Test(arguments: ["NBIRTH", "DBIRTH", "NDEATH", "DDEATH"])
    func birthsAndDeathsAreNotReplayed(kind: String) throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births())
        var late = try SparkplugPlant.message(
            kind,
            kind.hasPrefix("D") ? "arm" : nil,
            seq: 0,
            at: .seconds(1),
            [.bdSeq(0)]
        )
        late.replay = DeadLetterReplay(offset: 1)
        let processed = try gateway.process([late])
        #expect(processed.outcome.enriched.isEmpty)
        let letter = try #require(try processed.flat(StreamName.deadLetter).first)
        #expect(letter["kind"] == .text("wrong_form"))
        #expect(processed.outcome.sparkplug.isEmpty)
    }

    // Sequence numbers.

    @Test func gapIsTold() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births())
        var seen: [SignalValue?] = []
        var gaps: [SparkplugGap] = []
        for seq in Array(2...255) + [0, 1, 4, 5, 9] as [UInt64] {
            let processed = try gateway.process([
                SparkplugPlant.message("NDATA", seq: seq, at: .seconds(Int64(seq)))
            ])
            seen += try events(processed).map { $0["seq_gap"] }
            gaps += processed.outcome.counts.sparkplugGaps
        }
        #expect(
            seen == Array(repeating: .bool(false), count: 256)
                + Array(repeating: .bool(true), count: 3)
        )
        let node = SparkplugNodes.Key(source: 0, edgeNode: "plant/press")
        #expect(
            gaps == [
                SparkplugGap(node: node, expected: 2, seen: 4, isFirst: true),
                SparkplugGap(node: node, expected: 6, seen: 9, isFirst: false),
            ]
        )
        let born = try gateway.process(SparkplugPlant.births(at: .seconds(999)))
        #expect(try events(born).map { $0["seq_gap"] } == [.bool(false), .bool(false)])
        #expect(born.outcome.counts.sparkplugGaps.isEmpty)
    }

    // Times.

    @Test func pastBecomesReadingsOfItsOwn() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births())
        let speed = { (number: UInt32) in SparkplugMetric(nil, alias: 7, .intValue(number)) }
        let processed = try gateway.process([
            SparkplugPlant.message(
                "DDATA",
                "arm",
                seq: 2,
                at: .seconds(9),
                [
                    speed(5).historical(at: .seconds(5)), speed(9),
                    speed(3).historical(at: .seconds(3)),
                    SparkplugMetric(nil, alias: 8, .booleanValue(true)).historical(at: .seconds(5)),
                ]
            )
        ])
        let events = try events(processed)
        #expect(events.map { $0["event_time"] } == [time(3), time(5), time(9)])
        #expect(events.map { $0["Motor.Speed"] } == [.int(3), .int(5), .int(9)])
        #expect(events.map { $0["Motor.Hot"] } == [nil, .bool(true), nil])
        #expect(events.map { $0["online"] } == [nil, nil, .bool(true)])
    }

    // What is not for us, and what is broken.

    @Test(arguments: [
        "spBv1.0/STATE/host1", "spBv1.0/plant/NCMD/press", "spBv1.0/plant/DCMD/press/arm",
    ])
    func messagesOfHostsAreIgnored(topic: String) throws {
        let processed = try process(Array("{\"online\":false}".utf8), topic)
        #expect(processed.outcome.enriched.isEmpty)
        #expect(processed.outcome.deadLetter.isEmpty)
        #expect(processed.outcome.raw.count == 1)
    }

    @Test(arguments: [
        "spBv1.0/plant/NBIRTH/press/arm", "spBv1.0/plant/DBIRTH/press", "spBv1.0/plant/XDATA/press",
        "spBv1.0/plant/DDATA/press/arm/hand",
    ])
    func otherTopicsAreDeadLetters(topic: String) throws {
        #expect(
            try reasons(process([], topic)) == [.text("the topic is none of Sparkplug B's")]
        )
    }

    @Test func brokenPayloadChangesNothing() throws {
        let processed = try process([0x12, 0x05, 0x01], "spBv1.0/plant/NBIRTH/press")
        #expect(processed.outcome.counts.deadLetters.keys.map(\.kind) == [.notSparkplug])
        #expect(processed.outcome.sparkplug.isEmpty)
    }

    private func process(_ payload: [UInt8], _ topic: String) throws -> ProcessedBatch {
        var configuration = try Configuration.testing(topics: [SparkplugPlant.topic])
        configuration.sources[0].topics[0].pattern = try TopicPattern("spBv1.0/#")
        return try TestGateway(configuration)
            .process([TestMessage(topic, payload, arrival: .seconds(0))])
    }

    // Bounds.

    @Test func birthsAreBounded() throws {
        let many = try gateway { $0.signalsMax = 1 }.process(SparkplugPlant.births())
        #expect(try reasons(many).first == .text("a birth has more metrics than limits.signals"))
        let crowd = try gateway { $0.vehiclesMax = 1 }.process(SparkplugPlant.births())
        #expect(
            try reasons(crowd) == [.text("one edge node or device more than limits.vehicles")]
        )
        let long = try gateway { $0.eventBytesMax = 10 }.process(SparkplugPlant.births())
        #expect(
            try reasons(long).first == .text("the names of a birth are longer than limits.event")
        )
    }

    @Test func shortAliasesOfALongNameAreBounded() throws {
        let gateway = try gateway { $0.unpackedBytesMax = 100_000 }
        let name = String(repeating: "n", count: 1_000)
        try gateway.process([
            SparkplugPlant.message("NBIRTH", seq: 0, [.init(name, alias: 1, type: 3, .intValue(1))])
        ])
        let metrics = Array(repeating: SparkplugMetric(nil, alias: 1, .intValue(1)), count: 1_000)
        let processed = try gateway.process([SparkplugPlant.message("NDATA", seq: 1, metrics)])
        #expect(processed.outcome.counts.deadLetters.keys.map(\.kind) == [.overLimit])
        #expect(
            try reasons(processed) == [
                .text(
                    "the payload is longer than limits.unpacked when it is written as JSON"
                )
            ]
        )
    }
}
