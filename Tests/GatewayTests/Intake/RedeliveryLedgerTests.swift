// SPDX-License-Identifier: Apache-2.0
// A message takes effect once: recognised is what has DUP, and the id and content of something that
// was committed before the session was resumed.
import Testing

@testable import Gateway

@Suite struct RedeliveryLedgerTests {
    private typealias Entry = RedeliveryLedger.Entry

    private static let message = Entry(packetID: 7, digest: 0xFEED)

    /// A ledger that has committed these and whose session was then resumed.
    private func resumed() -> RedeliveryLedger {
        var ledger = connected()
        ledger.take([Self.message])
        ledger.connected(isSessionPresent: true)
        return ledger
    }

    private func connected() -> RedeliveryLedger {
        var ledger = RedeliveryLedger()
        ledger.connected(isSessionPresent: false)
        return ledger
    }

    @Test func redeliveredMessageIsRecognised() {
        var ledger = resumed()
        #expect(ledger.recognise(Self.message, isDuplicate: true) == true)
    }

    @Test func reusedPacketIDWithoutDUPIsANewMessage() {
        var ledger = resumed()
        #expect(ledger.recognise(Self.message, isDuplicate: false) == false)
    }

    @Test func otherContentUnderTheSameIDIsANewMessage() {
        var ledger = resumed()
        #expect(ledger.recognise(Entry(packetID: 7, digest: 0xBEEF), isDuplicate: true) == false)
    }

    @Test func sameContentUnderAnotherIDIsANewMessage() {
        var ledger = resumed()
        #expect(ledger.recognise(Entry(packetID: 8, digest: 0xFEED), isDuplicate: true) == false)
    }

    @Test func messageOfThisConnectionIsNotRecognised() {
        var ledger = connected()
        ledger.take([Self.message])
        #expect(ledger.recognise(Self.message, isDuplicate: true) == false)
    }

    @Test func sessionThatWasNotResumedVoidsTheLedger() {
        var ledger = resumed()
        ledger.connected(isSessionPresent: false)
        #expect(ledger.recognise(Self.message, isDuplicate: true) == false)
        #expect(!ledger.hasSuspects)
    }

    @Test func messageThatWasNotCommittedIsNotRecognised() {
        var ledger = connected()
        _ = ledger.recognise(Self.message, isDuplicate: false)
        ledger.connected(isSessionPresent: true)
        #expect(ledger.pending.isEmpty)
        #expect(ledger.recognise(Self.message, isDuplicate: true) == false)
    }

    @Test func messageIsRecognisedAgainWhenItsAcknowledgementIsLostAgain() {
        var ledger = resumed()
        for _ in 0..<3 {
            #expect(ledger.recognise(Self.message, isDuplicate: true) == true)
            ledger.commit()
            ledger.connected(isSessionPresent: true)
        }
        #expect(ledger.recognise(Self.message, isDuplicate: true) == true)
    }

    @Test func redeliveryWhoseCommitFailedIsRecognisedAgain() {
        var ledger = resumed()
        #expect(ledger.recognise(Self.message, isDuplicate: true) == true)
        ledger.connected(isSessionPresent: true)
        #expect(ledger.recognise(Self.message, isDuplicate: true) == true)
    }

    @Test func newMessageUnderAFreedIDIsTheOneThatCanComeAgain() {
        var ledger = resumed()
        let next = Entry(packetID: 7, digest: 0xBEEF)
        ledger.take([next])
        ledger.connected(isSessionPresent: true)
        #expect(ledger.recognise(Self.message, isDuplicate: true) == false)
        #expect(ledger.recognise(next, isDuplicate: true) == true)
    }

    // Watching.

    @Test func freshLedgerHasNoSuspects() {
        #expect(!connected().hasSuspects)
        #expect(resumed().hasSuspects)
    }

    @Test func suspicionEndsWhenAllPacketIDsHaveComeAround() {
        var ledger = resumed()
        for id in 1..<UInt16(RedeliveryLedger.reach) {
            ledger.take([Entry(packetID: id, digest: 1)])
        }
        #expect(ledger.hasSuspects)
        ledger.take([Entry(packetID: .max, digest: 1)])
        #expect(!ledger.hasSuspects)
    }

    // The log.

    @Test func ledgerOfTheLogIsTheLedgerThatWasWritten() {
        var ledger = connected()
        var batches: [[UInt8]] = []
        let entries = (0..<6).map { Entry(packetID: 60_000 + $0, digest: .max - UInt64($0)) }
        for pair in [entries[0..<1], entries[1..<1], entries[1..<6]] {
            for entry in pair { _ = ledger.recognise(entry, isDuplicate: false) }
            batches.append(ledger.encodePending())
            ledger.commit()
        }
        #expect(batches.map(\.count) == [10, 0, 50])
        var restored = RedeliveryLedger()
        restored.restore(batches)
        restored.connected(isSessionPresent: true)
        let recognised = entries.filter { restored.recognise($0, isDuplicate: true) }
        #expect(recognised == entries)
        #expect(restored.recognise(Self.message, isDuplicate: true) == false)
    }

    @Test func laterBatchOfTheLogWins() {
        var restored = RedeliveryLedger()
        let next = Entry(packetID: 7, digest: 0xBEEF)
        restored.restore(
            [Self.message, next]
                .map { entry in
                    var ledger = connected()
                    _ = ledger.recognise(entry, isDuplicate: false)
                    return ledger.encodePending()
                }
        )
        restored.connected(isSessionPresent: true)
        #expect(restored.recognise(Self.message, isDuplicate: true) == false)
        #expect(restored.recognise(next, isDuplicate: true) == true)
    }

    @Test func tornBatchIsReadAsFarAsItGoes() {
        var restored = RedeliveryLedger()
        restored.restore([[7, 0, 0xED, 0xFE, 0, 0, 0, 0, 0, 0, 9, 9]])
        restored.connected(isSessionPresent: true)
        #expect(restored.recognise(Self.message, isDuplicate: true) == true)
    }

    @Test func whateverIsInFlightIsRemembered() {
        var random = SplitMix64(seed: 6)
        var ledger = connected()
        var sent: [Entry] = []
        for number in 0..<200_000 {
            let packetID = UInt16(number % RedeliveryLedger.reach + 1)
            sent.append(Entry(packetID: packetID, digest: random.next()))
            ledger.take([sent[number]])
            guard random.oneIn(20_000) else { continue }
            ledger.connected(isSessionPresent: true)
            let inFlight = sent.suffix(random.int(0...RedeliveryLedger.reach))
            let recognised = inFlight.filter { ledger.recognise($0, isDuplicate: true) }
            #expect(recognised.count == inFlight.count)
            ledger.commit()
        }
    }
}

extension RedeliveryLedger {
    /// Receives and commits one batch of new messages.
    fileprivate mutating func take(_ entries: [Entry]) {
        for entry in entries { _ = recognise(entry, isDuplicate: false) }
        commit()
    }
}
