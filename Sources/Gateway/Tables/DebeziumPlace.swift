// SPDX-License-Identifier: Apache-2.0
// Each of Debezium's connectors counts in its own way (the `source` block of its documentation).
//
// Rows of a snapshot have no place here, though some connectors tell one: a transaction that was open
// when PostgreSQL's or Oracle's snapshot began has changes in front of it in the log, and commits
// behind it. By its place such a change would be older than the row that the snapshot read. The time
// of the capture has them right, for a connector streams after its snapshot.

/// Where a change stands in its database's log.
struct DebeziumPlace {
    var lineage: String
    var sequence: String

    /// `nil` when the fields behind these prefixes tell no place that is known.
    init?(_ prefixes: [String], _ fields: ChangeFields, time: Int64) {
        func text(_ name: String) -> String? {
            prefixes.lazy.compactMap { fields.text($0 + name) }.first
        }
        func texts(_ names: String...) -> [String]? {
            let found = names.compactMap { text($0) }
            return found.count == names.count ? found : nil
        }
        lineage = "debezium/" + (text("name") ?? "")
        if let place = texts("file", "pos") {
            // MySQL and MariaDB. One event of the log may hold several rows.
            sequence = (place + [text("row") ?? "0"]).joined(separator: "/")
            if let (server, number) = text("gtid").flatMap(Self.transaction) {
                // Files and positions are those of the server that the connector reads, and another
                // replica has others; the transaction's number is the same everywhere.
                lineage += "/" + server
                sequence = "\(number)/\(sequence)"
            } else {
                lineage += text("server_id").map { "/" + $0 } ?? ""
            }
        } else if let place = texts("commit_lsn", "change_lsn") {
            // SQL Server and Db2.
            sequence = (place + [text("event_serial_no")].compactMap(\.self)).joined(separator: "/")
        } else if let place = text("lsn") {
            // PostgreSQL. Transactions come in the order of their commits, and the changes of one row
            // have the order of its locks, so that their places ascend.
            sequence = place
        } else if let place = text("scn") {
            // Oracle. Several changes may have one SCN; the place in the redo log tells them apart,
            // and without one the time of the capture.
            let redo = texts("rs_id", "ssn") ?? ["\(time)"]
            sequence = ([text("commit_scn"), place].compactMap(\.self) + redo)
                .joined(separator: "/")
        } else {
            return nil
        }
    }

    /// The server and the number of a MySQL GTID: `3E11FA47-71CA-11E1-9E33-C80AA9429562:23`.
    private static func transaction(_ gtid: String) -> (server: String, number: String)? {
        guard let colon = gtid.lastIndex(of: ":") else { return nil }
        let number = gtid[gtid.index(after: colon)...]
        guard !number.isEmpty, number.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return (String(gtid[..<colon]), String(number))
    }
}
