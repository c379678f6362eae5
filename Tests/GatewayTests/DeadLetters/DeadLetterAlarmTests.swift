// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct DeadLetterAlarmTests {
    /// What an alarm does at sizes that follow one another.
    private func changes(_ bytes: [Int64], limit: Int64 = 100, since: Timestamp? = nil) -> [String]
    {
        var alarm = DeadLetterAlarm(bytesMax: limit, since: since)
        return bytes.enumerated()
            .map { second, bytes in
                guard let change = alarm.change(bytes: bytes, at: .seconds(Int64(second))) else {
                    return "-"
                }
                alarm.committed(change)
                switch change {
                case .fires: return "fires"
                case .resolves: return "resolves"
                }
            }
    }

    @Test func firesOnceAndResolvesWithDistance() {
        #expect(
            changes([99, 100, 101, 150, 95, 90, 89, 100, 101]) == [
                "-", "-", "fires", "-", "-", "-", "resolves", "-", "fires",
            ]
        )
    }

    @Test func restartDoesNotFireAgain() {
        #expect(changes([150, 89], since: .seconds(0)) == ["-", "resolves"])
    }

    @Test func zeroTurnsItOff() {
        #expect(changes([1 << 40], limit: 0) == ["-"])
        #expect(changes([1 << 40], limit: 0, since: .seconds(0)) == ["resolves"])
    }

    @Test func itIsAnOutlierOfTheGatewayAndSurvivesARestart() throws {
        let gateway = try LoggedGateway()
        let alarm = DeadLetterAlarm(bytesMax: 1 << 20, since: nil)
        let change = try #require(alarm.change(bytes: 2 << 20, at: .seconds(3)))
        var extras = CommitExtras()
        extras.deadLetters.alarm = change
        let outcome = gateway.processor.announce(change, bytes: 2 << 20, alarm, at: .seconds(3))
        try gateway.writer.commit(outcome, of: MessageBatch(), extras)
        let event = try #require(try gateway.events("outlier").first)
        #expect(event.key == "depot")
        #expect(event.topic == "dead_letters_growing")
        let members = try flatten(String(decoding: event.payload, as: UTF8.self))
        #expect(members["state"] == .text("firing"))
        #expect(
            members["id"] == .text("dead_letters_growing/depot/1767600003000/firing")
        )
        try gateway.restart()
        #expect(try gateway.log.deadLetterAlarm() == .seconds(3))
        extras.deadLetters.alarm = .resolves
        try gateway.writer.commit(Outcome(), of: MessageBatch(), extras)
        #expect(try gateway.log.deadLetterAlarm() == nil)
    }
}
