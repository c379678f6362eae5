// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct NamingAccountTests {
    private static let start = Timestamp(milliseconds: 1_767_600_000_000)
    private var data = BusinessData(vehicles: ["car-1", "car-2"], seed: 3, start: start)

    /// An outlier as the gateway should write it.
    private func right(_ vehicle: String, at time: Timestamp) throws -> NamedOutlier {
        let holder = try #require(data.holder(of: vehicle, at: time))
        return NamedOutlier(id: vehicle, vehicle: vehicle, time: time, holder: holder)
    }

    @Test func rightNamesAreCounted() throws {
        let account = NamingAccount(
            [try right("car-1", at: Self.start), try right("car-2", at: Self.start)],
            data
        )
        #expect(account.rightCount == 2)
        #expect(account.firstWrong == nil)
        #expect(account.changedVehicles == [])
    }

    // A check that has never failed is none.
    @Test(arguments: [
        Holder(plate: "B-FE 1001", customer: "Somebody Else"),
        Holder(plate: "B-FE 1001", customer: nil), Holder(plate: nil, customer: nil),
    ])
    func wrongNameIsNotRightAndTold(holder: Holder) {
        let outlier = NamedOutlier(id: "x", vehicle: "car-1", time: Self.start, holder: holder)
        let account = NamingAccount([outlier], data)
        #expect(account.outlierCount == 1)
        #expect(account.rightCount == 0)
        #expect(account.firstWrong?.hasPrefix("x named \(holder.customer ?? "nobody")") == true)
        #expect(account.lines.last?.hasPrefix("demo: WRONG: x named") == true)
    }

    @Test func outlierOfAStrangerIsWrong() {
        let holder = Holder(plate: nil, customer: nil)
        let outlier = NamedOutlier(id: "x", vehicle: "car-9", time: Self.start, holder: holder)
        #expect(NamingAccount([outlier], data).rightCount == 0)
    }

    @Test mutating func customerOfBeforeIsWrongAfterTheHandOver() throws {
        let late = Self.start + 10_000
        let before = try right("car-1", at: Self.start)
        let stale = NamedOutlier(id: "s", vehicle: "car-1", time: late, holder: before.holder)
        _ = data.handOver("car-1", at: late)
        let after = try right("car-1", at: late)
        let account = NamingAccount([before, stale, after], data)
        #expect(account.rightCount == 2)
        #expect(account.changedVehicles == ["car-1"])
    }
}
