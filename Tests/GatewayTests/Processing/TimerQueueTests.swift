// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct TimerQueueTests {
    private let fleet = Fleet()

    private func vehicle(_ id: String) -> (vehicle: Vehicle, index: Int) {
        let vehicle = Vehicle(id: id, source: 0, eventTime: .seconds(0), heardAt: .seconds(0))
        return (vehicle, fleet.insert(vehicle))
    }

    @Test func vehiclesComeInTheOrderOfTheirTimes() {
        var queue = TimerQueue()
        let dues: [Int64] = [30, 10, 20, 10]
        for (index, due) in dues.enumerated() {
            let (vehicle, index) = vehicle("\(index)")
            queue.schedule(vehicle, index: index, due: .seconds(due))
        }
        #expect(queue.next == .seconds(10))
        var order: [Int] = []
        while let index = queue.popDue(by: .seconds(100), in: fleet) { order.append(index) }
        #expect(order == [1, 3, 2, 0])
        #expect(queue.next == nil)
    }

    @Test func nothingComesBeforeItsTime() {
        var queue = TimerQueue()
        let (vehicle, index) = vehicle("a")
        queue.schedule(vehicle, index: index, due: .seconds(10))
        #expect(queue.popDue(by: .seconds(10) + -1, in: fleet) == nil)
        #expect(queue.popDue(by: .seconds(10), in: fleet) == index)
        #expect(queue.popDue(by: .seconds(10), in: fleet) == nil)
    }

    @Test func earlierTimeReplacesALaterOne() {
        var queue = TimerQueue()
        let (vehicle, index) = vehicle("a")
        queue.schedule(vehicle, index: index, due: .seconds(20))
        queue.schedule(vehicle, index: index, due: .seconds(10))
        #expect(queue.popDue(by: .seconds(15), in: fleet) == index)
        #expect(queue.popDue(by: .seconds(99), in: fleet) == nil)
    }

    @Test func laterTimeWaitsForTheEarlierLook() {
        var queue = TimerQueue()
        let (vehicle, index) = vehicle("a")
        queue.schedule(vehicle, index: index, due: .seconds(10))
        queue.schedule(vehicle, index: index, due: .seconds(20))
        #expect(queue.popDue(by: .seconds(10), in: fleet) == index)
        #expect(queue.popDue(by: .seconds(99), in: fleet) == nil)
    }

    @Test func vehicleCanBeScheduledAgainAfterItsLook() {
        var queue = TimerQueue()
        let (vehicle, index) = vehicle("a")
        for due in [10, 20] as [Int64] {
            queue.schedule(vehicle, index: index, due: .seconds(due))
            #expect(queue.popDue(by: .seconds(due), in: fleet) == index)
        }
    }

    @Test(arguments: 1...10)
    func queueAgreesWithASortedList(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let vehicles = (0..<10).map { vehicle("\($0)") }
        var queue = TimerQueue()
        var model: [Int: Int64] = [:]
        for now in 0..<500 as Range<Int64> {
            let (vehicle, index) = random.pick(vehicles)
            let due = now + Int64(random.int(0...30))
            queue.schedule(vehicle, index: index, due: .seconds(due))
            model[index] = min(model[index] ?? .max, due)
            guard random.oneIn(3) else { continue }
            let expected = model.filter { $0.value <= now }
                .sorted { ($0.value, $0.key) < ($1.value, $1.key) }
            for (index, _) in expected {
                #expect(queue.popDue(by: .seconds(now), in: fleet) == index)
                model[index] = nil
            }
            #expect(queue.popDue(by: .seconds(now), in: fleet) == nil)
        }
    }
}
