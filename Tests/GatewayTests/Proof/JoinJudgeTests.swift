// SPDX-License-Identifier: Apache-2.0
// Goal: the judge of the proof of tables lets no wrong join pass and refuses no right one.
// Method: a small history, and joins as a gateway with one mistake each would make them.
import Testing

@testable import Gateway

@Suite struct JoinJudgeTests {
    private static let minute: Int64 = 60_000
    private static let base: Int64 = 1_767_600_000_000

    /// Two cars; Ann has car 1 in the first hour, Bob in the second; the change of version 7 gives the first
    /// hour to Cem, that of version 8 deletes Bob's.
    private static func model() -> TableModel {
        var model = TableModel()
        func row(_ values: SignalValue...) -> SourceRow { SourceRow(values: values) }
        func reservation(
            _ id: Int64,
            _ car: Int64,
            _ customer: String,
            _ hour: Int64,
            _ version: Int64
        )
            -> SourceRow
        {
            let starts = base + hour * 60 * minute
            return row(
                .int(id),
                .int(car),
                .text(customer),
                .int(starts),
                .int(starts + 60 * minute),
                .int(version)
            )
        }
        let changes: [(SourceTable, SourceRow?, SourceRow?)] = [
            (.car, nil, row(.int(1), .text("B-1"), .null, .int(1))),
            (.car, nil, row(.int(2), .text("B-2"), .null, .int(2))),
            (.device, nil, row(.text("d"), .int(1), .int(3))),
            (.reservation, nil, reservation(10, 1, "Ann", 0, 4)),
            (.reservation, nil, reservation(11, 1, "Bob", 1, 5)),
            (.reservation, nil, reservation(12, 2, "Dan", 0, 6)),
            (.reservation, reservation(10, 1, "Ann", 0, 4), reservation(10, 1, "Cem", 0, 7)),
            (.reservation, reservation(11, 1, "Bob", 1, 5), nil),
        ]
        for (number, (table, before, after)) in changes.enumerated() {
            let version = Int64(number + 1)
            model.apply(
                SourceChange(
                    version: version,
                    // Bob's is deleted when it has held for ten minutes.
                    time: base + 70 * minute - 8 + version,
                    table: table,
                    kind: after == nil ? .delete : before == nil ? .insert : .update,
                    before: before,
                    after: after
                )
            )
            model.sentAt[version] = base + 70 * minute + version
        }
        return model
    }

    /// Every key as far as a version.
    private static func bounds(_ model: TableModel, upTo version: Int64) -> JoinJudge.Bounds {
        var bounds = JoinJudge.Bounds()
        let keys: [(SourceTable, [SignalValue])] = [
            (.device, [.text("d")]), (.car, [.int(1), .int(2)]),
            (.reservation, [.int(10), .int(11), .int(12)]),
        ]
        for (table, keys) in keys {
            for key in keys {
                let state = model.states(table, key).last { $0.version <= version }
                bounds.applied[table.rawValue][key] = state?.version
                bounds.rows[table.rawValue][key] = state?.row?.version
            }
        }
        return bounds
    }

    private let model = Self.model()

    private func verdict(
        _ join: Join,
        at minutes: Int64,
        knowing version: Int64 = 8,
        arrival: Int64 = Self.base + 100 * Self.minute
    ) -> JoinJudge.Verdict {
        JoinJudge(model: model)
            .judge(
                join,
                of: "d",
                at: Self.base + minutes * Self.minute,
                arrival: arrival,
                Self.bounds(model, upTo: version)
            )
    }

    private func truth(at minutes: Int64) -> Join {
        model.asOf("d", Self.base + minutes * Self.minute)
    }

    private func reservation(_ id: Int64, version: Int64) throws -> SourceRow {
        try #require(
            model.states(.reservation, .int(id)).last { $0.version <= version }?.row
        )
    }

    @Test(arguments: [-1, 0, 30, 59, 60, 65, 69, 70, 75, 119, 120] as [Int64])
    func theTrueJoinIsRightAndTheOnlyOne(minutes: Int64) {
        #expect(verdict(truth(at: minutes), at: minutes) == .init(isExact: true, fault: nil))
    }

    @Test func theRowThatHoldsAtArrivalIsWrong() {
        // The reading is of minute 65 and arrives in minute 100.
        #expect(verdict(truth(at: 100), at: 65).fault != nil)
        #expect(verdict(truth(at: 65), at: 30).fault != nil)
    }

    @Test func anOlderChangeThatOverwroteANewerIsWrong() throws {
        var join = truth(at: 30)
        join.reservation = try reservation(10, version: 4)
        #expect(verdict(join, at: 30).fault != nil)
    }

    @Test func aRowThatIsMissingIsWrong() {
        for part in [\Join.device, \Join.car, \Join.reservation] {
            var join = truth(at: 30)
            join[keyPath: part] = nil
            #expect(verdict(join, at: 30).fault != nil)
        }
    }

    @Test func aDeletedRowThatIsStillJoinedIsWrong() throws {
        var join = truth(at: 75)
        #expect(join.reservation == nil)
        join.reservation = try reservation(11, version: 5)
        #expect(verdict(join, at: 75).fault != nil)
        // What it was before the delete is kept, and with the end that the delete gave it.
        #expect(truth(at: 65).reservation?.ends == Self.base + 70 * Self.minute)
        join = truth(at: 65)
        join.reservation = try reservation(11, version: 5)
        #expect(verdict(join, at: 65).fault != nil)
    }

    @Test func aJoinFromAnotherCarIsWrong() throws {
        var join = truth(at: 30)
        join.reservation = try reservation(12, version: 6)
        #expect(verdict(join, at: 30).fault != nil)
        join = truth(at: 30)
        join.car = model.current(.car, .int(2))
        #expect(verdict(join, at: 30).fault != nil)
    }

    @Test func whileAChangeTravelsBothItsSidesAreRight() throws {
        var before = truth(at: 30)
        before.reservation = try reservation(10, version: 4)
        for join in [before, truth(at: 30)] {
            #expect(
                verdict(join, at: 30, knowing: 6) == .init(isExact: false, fault: nil)
            )
        }
        // Nothing has been sent beyond what is known when the reading arrives early enough.
        let early = Self.base + 70 * Self.minute + 6 - JoinJudge.slackMilliseconds
        #expect(verdict(before, at: 30, knowing: 6, arrival: early).fault == nil)
        #expect(verdict(truth(at: 30), at: 30, knowing: 6, arrival: early).fault != nil)
        // What is committed is never undone.
        #expect(verdict(before, at: 30, knowing: 7).fault != nil)
        // And neither side is nothing.
        before.reservation = nil
        #expect(verdict(before, at: 30, knowing: 6).fault != nil)
    }

    @Test func aSnapshotForgetsWhatWasKeptOfDeletedRows() {
        var model = model
        let rows = Array(model.rows(of: .reservation).values.filter { $0.key != .int(11) })
        model.apply(
            SourceSnapshot(
                version: 9,
                time: Self.base + 80 * Self.minute,
                table: .reservation,
                rows: rows
            )
        )
        #expect(model.asOf("d", Self.base + 65 * Self.minute).reservation == nil)
        #expect(model.asOf("d", Self.base + 30 * Self.minute).reservation != nil)
    }
}
