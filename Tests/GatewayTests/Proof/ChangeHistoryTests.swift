// SPDX-License-Identifier: Apache-2.0
// Goal: what the proof of tables calls the truth is one. Method: look at long histories.
import Testing

@testable import Gateway

@Suite struct ChangeHistoryTests {
    private static func history(_ seed: UInt64, _ count: Int) -> (ChangeHistory, [SourceChange]) {
        var history = ChangeHistory(seed: seed, vehicles: ["car-1", "car-2", "car-3"])
        let start: Int64 = 1_767_600_000_000
        var changes = history.opening(at: start)
        for number in 0..<count { changes.append(history.next(at: start + Int64(number) * 20)) }
        return (history, changes)
    }

    @Test func sameSeedGivesTheSameHistory() {
        let (one, other) = (Self.history(7, 500).1, Self.history(7, 500).1)
        #expect(one.map { [$0.before, $0.after] } == other.map { [$0.before, $0.after] })
        #expect(
            one.map { [$0.before, $0.after] }
                != Self.history(8, 500).1.map { [$0.before, $0.after] }
        )
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func noTwoReservationsOfACarOverlap(seed: UInt64) {
        var model = TableModel()
        for change in Self.history(seed, 800).1 {
            model.apply(change)
            guard change.table == .reservation else { continue }
            let rows = model.rows(of: .reservation).values
            let car = change.after?.car ?? change.before?.car
            let times = rows.filter { $0.car == car }.map { ($0.starts, $0.ends ?? .max) }
                .sorted { $0 < $1 }
            for (earlier, later) in zip(times, times.dropFirst()) {
                #expect(earlier.1 <= later.0, "seed \(seed), version \(change.version)")
            }
        }
    }

    @Test func everyKindOfChangeComesUp() {
        let changes = Self.history(1, 1_500).1
        func has(_ condition: (SourceChange) -> Bool) -> Bool { changes.contains(where: condition) }
        for table in SourceTable.allCases {
            #expect(has { $0.table == table && $0.kind == .delete }, "\(table)")
            #expect(has { $0.table == table && $0.kind == .update }, "\(table)")
        }
        let reservations = changes.filter { $0.table == .reservation }
        let deleted = reservations.filter { $0.kind == .delete }
        #expect(deleted.contains { ($0.before?.starts ?? 0) >= $0.time })
        #expect(deleted.contains { $0.before?.closed(at: $0.time)?.ends == $0.time })
        #expect(
            reservations.contains {
                $0.before != nil && $0.after != nil && $0.before?.key != $0.after?.key
            }
        )
        #expect(reservations.contains { $0.after != nil && $0.after?.ends == nil })
        #expect(has { $0.table == .device && $0.after?.car == .null })
    }

    @Test func versionsAndTimesGrow() {
        let changes = Self.history(3, 300).1
        #expect(changes.map(\.version) == Array(1...Int64(changes.count)))
        #expect(zip(changes, changes.dropFirst()).allSatisfy { $0.time < $1.time })
        #expect(changes.allSatisfy { ($0.after ?? $0.before)?.version ?? 0 <= $0.version })
    }

    @Test func trafficBringsEachChangeAndKeepsTheOrderOfAKeyInKafka() {
        var traffic = ChangeTraffic(seed: 5, keepsKeyOrder: true)
        let messages = (1...2_000)
            .map { number in
                ChangeMessage(
                    version: Int64(number),
                    table: .car,
                    key: .int(Int64(number % 7)),
                    payload: [1]
                )
            }
        let sent = messages.flatMap { traffic.send($0) } + traffic.flush()
        #expect(Set(sent.map(\.version)) == Set(messages.map(\.version)))
        #expect(sent.count > messages.count)
        #expect(sent.map(\.version) != sent.map(\.version).sorted())
        // Of what is sent for the first time.
        var seen: Set<Int64> = []
        let first = sent.filter { seen.insert($0.version).inserted }
        for key in 0..<7 as Range<Int64> {
            let versions = first.filter { $0.key == .int(key) }.map(\.version)
            #expect(versions == versions.sorted())
        }
    }
}
