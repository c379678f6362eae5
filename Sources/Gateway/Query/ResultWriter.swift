// SPDX-License-Identifier: Apache-2.0

/// How results are written.
enum ResultFormat {
    case table
    case json
    case csv

    /// A writer for the results of one statement.
    func writer(to output: ResultOutput, columns: [String]) -> any ResultWriter {
        switch self {
        case .table: TableWriter(output, columns: columns)
        case .json: JSONLinesWriter(output, columns: columns)
        case .csv: CSVWriter(output, columns: columns)
        }
    }
}

/// Writes the rows of one statement, each as it comes.
protocol ResultWriter: AnyObject {
    func write(_ row: [SQLValue]) throws(QueryError)
    /// For now there is no further row: everything must be on its way.
    func pause() throws(QueryError)
    /// There is no further row.
    func finish() throws(QueryError)
}
