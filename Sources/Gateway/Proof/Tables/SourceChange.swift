// SPDX-License-Identifier: Apache-2.0
// What happens in the source database of the proof of tables. Times are whole milliseconds since 1970.

/// The tables of one fleet, as its source database has them.
enum SourceTable: Int, CaseIterable, Sendable {
    case device
    case car
    case reservation

    var name: String { "\(self)" }

    /// The key comes first, and last the version of the change that made the row.
    var columns: [String] {
        switch self {
        case .device: ["id", "car", "version"]
        case .car: ["id", "plate", "model", "version"]
        case .reservation: ["id", "car", "customer", "starts", "ends", "version"]
        }
    }

    /// Columns that hold times.
    static let times: Set<String> = ["starts", "ends"]
}

/// One row, its values in the order of its table's columns.
struct SourceRow: Equatable, Sendable {
    var values: [SignalValue]

    var key: SignalValue { values[0] }

    var version: Int64 {
        guard case .int(let version)? = values.last else { return 0 }
        return version
    }

    /// A reservation's car, or a device's.
    var car: SignalValue { values[1] }

    // Of a reservation.

    var starts: Int64 { Self.time(values[3]) ?? .max }

    /// `nil`: nobody knows yet.
    var ends: Int64? {
        get { Self.time(values[4]) }
        set { values[4] = newValue.map { .int($0) } ?? .null }
    }

    /// Whether the reservation holds at a time.
    func holds(at time: Int64) -> Bool { starts <= time && ends.map { time < $0 } ?? true }

    /// What is kept of a reservation that is deleted at a time: it goes on holding for what happened
    /// before.
    ///
    /// `nil` when it never held.
    func closed(at time: Int64) -> SourceRow? {
        guard starts < time else { return nil }
        if let ends, ends <= time { return self }
        var row = self
        row.ends = time
        return row
    }

    private static func time(_ value: SignalValue) -> Int64? {
        guard case .int(let time) = value else { return nil }
        return time
    }
}

/// One change of the source database.
struct SourceChange: Sendable {
    enum Kind: Sendable {
        case insert
        case update
        case delete
    }

    /// Counts all changes of the fleet; also the change's place in the source's log.
    var version: Int64
    /// No two changes have the same.
    var time: Int64
    var table: SourceTable
    var kind: Kind
    var before: SourceRow?
    var after: SourceRow?

    /// The key that the change is known by: where it goes in Kafka.
    var key: SignalValue { (after ?? before)?.key ?? .null }
}

/// All rows of one table as of one version.
struct SourceSnapshot: Sendable {
    var version: Int64
    var time: Int64
    var table: SourceTable
    var rows: [SourceRow]
}
