// SPDX-License-Identifier: Apache-2.0
// Goal: a vehicle's current record is told when it has changed, not more often than wanted, and whatever
// restarts in between. Method: the processor over a real log; records are saved by hand, as intake does.
import Testing

@testable import Gateway

@Suite struct CurrentRecordStreamTests {
    private let gateway: LoggedGateway

    init() throws {
        var configuration = try Configuration.testing()
        var stream = SinkStreamConfiguration(
            stream: StreamName.current,
            topic: try TopicTemplate("fleet/current/{vehicle}"),
            isRetained: true
        )
        stream.minIntervalMilliseconds = 10_000
        configuration.sinks = [
            SinkConfiguration(
                name: "depot",
                transport: .mqtt(configuration.sources[0].connection),
                streams: [stream]
            )
        ]
        gateway = try LoggedGateway(configuration)
    }

    /// Tells what is due and gives the speeds that were told so far.
    private func tell(at second: Int64) throws -> [SignalValue?] {
        let (outcome, vehicles) = gateway.processor.currentRecords(at: .seconds(second))
        try gateway.writer.saveRecords(outcome, of: vehicles)
        return try gateway.payloads(StreamName.current).map { try flatten($0)["signals.speed"] }
    }

    @Test func recordIsToldOnceForAState() throws {
        try gateway.process([#"{"speed":1}"#])
        #expect(try tell(at: 0) == [.int(1)])
        try gateway.process([#"{"speed":1}"#], arrival: .seconds(20))
        #expect(try tell(at: 20) == [.int(1)])
        try gateway.process([#"{"speed":2}"#], arrival: .seconds(21))
        #expect(try tell(at: 21) == [.int(1), .int(2)])
    }

    @Test func changesWithinTheIntervalAreToldTogether() throws {
        try gateway.process([#"{"speed":1}"#])
        #expect(try tell(at: 0) == [.int(1)])
        try gateway.process([#"{"speed":2}"#], arrival: .seconds(1))
        #expect(try tell(at: 5) == [.int(1)])
        try gateway.process([#"{"speed":3}"#], arrival: .seconds(6))
        #expect(try tell(at: 10) == [.int(1), .int(3)])
        #expect(try tell(at: 30) == [.int(1), .int(3)])
    }

    @Test func restartTellsWhatWasNotToldAndNothingTwice() throws {
        try gateway.process([#"{"speed":1}"#])
        try gateway.process([#"{"speed":5}"#], vehicle: "other")
        #expect(try tell(at: 0).count == 2)
        try gateway.process([#"{"speed":2}"#], arrival: .seconds(1))
        try gateway.saveVehicles()
        try gateway.restart()
        #expect(try tell(at: 30) == [.int(1), .int(5), .int(2)])
        try gateway.restart()
        #expect(try tell(at: 60).count == 3)
    }

    @Test func nothingIsToldWhenNobodyAsks() throws {
        let gateway = try LoggedGateway()
        try gateway.process([#"{"speed":1}"#])
        #expect(gateway.processor.currentRecords(at: .seconds(100)).vehicles.isEmpty)
    }
}
