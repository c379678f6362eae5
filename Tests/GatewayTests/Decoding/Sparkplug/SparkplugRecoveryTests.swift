// SPDX-License-Identifier: Apache-2.0
// Goal: a restart changes nothing. Method: a random plant, once in one life and once with a restart after
// every batch, and the two logs compared.
import SparkplugProtocol
import Testing

@testable import Gateway

@Suite struct SparkplugRecoveryTests {
    private func gateway() throws -> LoggedGateway {
        try LoggedGateway(.testing(topics: [SparkplugPlant.topic]))
    }

    @Test func aliasesSurviveARestart() throws {
        let gateway = try gateway()
        try gateway.process(SparkplugPlant.births(session: 3))
        try gateway.restart()
        try gateway.process([
            SparkplugPlant.message(
                "DDATA",
                "arm",
                seq: 2,
                at: .seconds(1),
                [.init(nil, alias: 7, .intValue(UInt32(bitPattern: -9)))]
            )
        ])
        let event = try #require(try gateway.payloads(StreamName.enriched).last)
        #expect(try flatten(event)["signals.Motor.Speed"] == .int(-9))
        #expect(try flatten(event)["signals.seq_gap"] == .bool(false))
        try gateway.recover()
        try gateway.process([SparkplugPlant.message("NDEATH", arrival: .seconds(2), [.bdSeq(3)])])
        #expect(try gateway.events(StreamName.enriched).suffix(2).map(\.key) == ["press", "arm"])
        #expect(try gateway.count("sparkplug_node") == 0)
        #expect(try gateway.count("sparkplug_birth") == 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func lifeWithRestartsIsTheSameLife(seed: UInt64) throws {
        let (whole, broken) = (try gateway(), try gateway())
        for batch in try plant(seed: seed) {
            try whole.process(batch)
            try broken.process(batch)
            try broken.restart()
            #expect(try tables(whole) == tables(broken))
        }
        for stream in [StreamName.enriched, StreamName.deadLetter] {
            #expect(try whole.payloads(stream) == broken.payloads(stream))
        }
        #expect(try whole.payloads(StreamName.enriched).count > 100)
        #expect(try whole.payloads(StreamName.deadLetter).count > 10)
    }

    private func tables(_ gateway: LoggedGateway) throws -> [Int] {
        [try gateway.count("sparkplug_node"), try gateway.count("sparkplug_birth")]
    }

    /// Messages of one edge node and two devices: in any order, with gaps and deaths of any session.
    private func plant(seed: UInt64) throws -> [[TestMessage]] {
        var random = SplitMix64(seed: seed)
        var sequence: UInt64 = 0
        return try (0..<100)
            .map { batch in
                try (0..<Int.random(in: 1...6, using: &random))
                    .map { _ in
                        let time = Timestamp.seconds(Int64(batch))
                        let device = ["arm", "leg"].randomElement(using: &random)
                        sequence &+= Int.random(in: 0..<20, using: &random) == 0 ? 2 : 1
                        let session = UInt64.random(in: 0...1, using: &random)
                        let data = SparkplugMetric(
                            nil,
                            alias: UInt64.random(in: 1...3, using: &random),
                            .intValue(UInt32.random(in: 0...9, using: &random))
                        )
                        let names = (1...2)
                            .map { SparkplugMetric("m/\($0)", alias: UInt64($0), type: 3) }
                        let seq = sequence % 256
                        switch Int.random(in: 0..<20, using: &random) {
                        case 0..<2:
                            return try SparkplugPlant.message(
                                "NBIRTH",
                                seq: seq,
                                at: time,
                                names + [.bdSeq(session)]
                            )
                        case 2..<6:
                            return try SparkplugPlant.message(
                                "DBIRTH",
                                device,
                                seq: seq,
                                at: time,
                                names
                            )
                        case 6:
                            return try SparkplugPlant.message("NDEATH", at: time, [.bdSeq(session)])
                        case 7:
                            return try SparkplugPlant.message("DDEATH", device, seq: seq, at: time)
                        case 8..<12:
                            return try SparkplugPlant.message("NDATA", seq: seq, at: time, [data])
                        default:
                            return try SparkplugPlant.message(
                                "DDATA",
                                device,
                                seq: seq,
                                at: time,
                                [data]
                            )
                        }
                    }
            }
    }
}
