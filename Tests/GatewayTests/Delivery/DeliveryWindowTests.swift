// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct DeliveryWindowTests {
    @Test func cursorMovesOverTheAcknowledgedPrefixOnly() {
        var window = DeliveryWindow(cursor: 10)
        for offset in [11, 12, 15] as [Int64] { window.send(offset) }
        #expect(window.acknowledge(12) == false)
        #expect(window.cursor == 10)
        #expect(window.acknowledge(11) == true)
        #expect(window.cursor == 12)
        #expect(window.inFlightCount == 1)
        #expect(window.acknowledge(15) == true)
        #expect(window.cursor == 15)
        #expect(window.inFlightCount == 0)
    }

    @Test(arguments: [5, 10, 12, 99] as [Int64])
    func acknowledgementOfWhatWasNotSentMovesNothing(offset: Int64) {
        var window = DeliveryWindow(cursor: 10)
        window.send(11)
        window.send(13)
        #expect(window.acknowledge(offset) == false)
        #expect(window.cursor == 10)
        #expect(window.inFlightCount == 2)
    }

    @Test func secondAcknowledgementMovesNothing() {
        var window = DeliveryWindow(cursor: 0)
        window.send(1)
        #expect(window.acknowledge(1) == true)
        #expect(window.acknowledge(1) == false)
    }

    @Test func rewindSendsEverythingBehindTheCursorAgain() {
        var window = DeliveryWindow(cursor: 0)
        for offset in 1...5 as ClosedRange<Int64> { window.send(offset) }
        _ = window.acknowledge(1)
        _ = window.acknowledge(3)
        window.rewind()
        #expect(window.cursor == 1)
        #expect(window.sent == 1)
        #expect(window.inFlightCount == 0)
        window.send(2)
        #expect(window.acknowledge(2) == true)
        #expect(window.cursor == 2)
    }

    /// The obvious way to say the same.
    private struct Model {
        var cursor: Int64
        var inFlight: [Int64] = []
        var acknowledged: Set<Int64> = []

        mutating func acknowledge(_ offset: Int64) {
            guard inFlight.contains(offset) else { return }
            acknowledged.insert(offset)
            while let first = inFlight.first, acknowledged.contains(first) {
                cursor = first
                inFlight.removeFirst()
            }
        }
    }

    @Test(arguments: 1...10)
    func windowAgreesWithAnObviousModel(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let start = Int64(random.int(0...100))
        var window = DeliveryWindow(cursor: start)
        var model = Model(cursor: start)
        for _ in 0..<4_000 {
            switch random.int(0...99) {
            case 0..<50:
                let offset = (model.inFlight.last ?? model.cursor) + Int64(random.int(1...3))
                window.send(offset)
                model.inFlight.append(offset)
            case 50..<99:
                let known = model.inFlight.prefix(2_000)
                let offset =
                    known.isEmpty || random.oneIn(10)
                    ? model.cursor + Int64(random.int(-3...3)) : random.pick(Array(known))
                let before = model.cursor
                model.acknowledge(offset)
                #expect(window.acknowledge(offset) == (model.cursor != before))
            default:
                guard random.oneIn(5) else { continue }
                window.rewind()
                model = Model(cursor: model.cursor)
            }
            #expect(window.cursor == model.cursor)
            #expect(window.inFlightCount == model.inFlight.count)
        }
    }

    @Test func longPrefixIsForgotten() {
        var window = DeliveryWindow(cursor: 0)
        for offset in 1...10_000 as ClosedRange<Int64> {
            window.send(offset)
            if offset > 10 { #expect(window.acknowledge(offset - 10) == true) }
        }
        #expect(window.cursor == 9_990)
        #expect(window.inFlightCount == 10)
    }

    @Test func eventsMustBeSentInTheirOrder() async {
        await #expect(processExitsWith: .failure) {
            var window = DeliveryWindow(cursor: 5)
            window.send(5)
        }
    }
}
