// SPDX-License-Identifier: Apache-2.0
// What became of what publishers saw acknowledged, by the log.
import Foundation
import GRDB

@testable import Gateway

/// What became of what publishers saw acknowledged.
struct Account: Equatable {
    var lost = 0
    var doubled = 0
    var misordered = 0
}

extension LocalDepot {
    /// Waits until everything that was acknowledged is in the log, and compares.
    func settledAccount(
        of sent: NumberedPublisher.Sent,
        seconds: Double = 60
    ) async throws -> Account {
        try await until("everything acknowledged is in the log", seconds: seconds) {
            let numbers = try numbersInLog()
            return sent.acknowledged.allSatisfy { vehicle, acknowledged in
                acknowledged.isSubset(of: numbers[vehicle] ?? [])
            }
        }
        var account = Account()
        let numbers = try numbersInLog()
        for (vehicle, acknowledged) in sent.acknowledged {
            let logged = numbers[vehicle] ?? []
            account.lost += acknowledged.subtracting(logged).count
            account.doubled += logged.count - Set(logged).count
            account.misordered += zip(logged, logged.dropFirst()).count { $0 > $1 }
        }
        return account
    }

    /// The numbers that stand in the log, by vehicle, in the log's order.
    func numbersInLog() throws -> [String: [Int]] {
        try read { db in
            var numbers: [String: [Int]] = [:]
            let rows = try Row.fetchCursor(db, sql: "SELECT key, payload FROM raw ORDER BY offset")
            while let row = try rows.next() {
                let payload: String = row["payload"]
                let number = DeliveryCounter.number(after: #""seq":"#, in: Array(payload.utf8))
                numbers[row["key"], default: []].append(Int(number ?? -1))
            }
            return numbers
        }
    }
}
