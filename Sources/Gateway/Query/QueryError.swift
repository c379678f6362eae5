// SPDX-License-Identifier: Apache-2.0

/// What can go wrong with a query, in words for the person who typed it.
enum QueryError: Error, Equatable, CustomStringConvertible {
    /// The database can't be opened: why, and what to do.
    case cannotOpen(path: String, reason: String)
    /// SQLite refuses the statement or stopped it.
    case failed(SQLiteFailure)
    /// It would do something else than read.
    case refused(String)
    /// It ran longer than it may.
    case timedOut(milliseconds: Int64)
    /// Ctrl-C, or the end of the program.
    case interrupted
    /// Nobody reads the results any more.
    case outputClosed
    /// The results can't be written.
    case outputFailed(String)
    /// `--follow` on a statement that can't be followed.
    case cannotFollow(String)

    var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "the database \(path) can't be opened: \(reason)"
        case .failed(let failure):
            failure.message
        case .refused(let reason):
            "refused: \(reason)"
        case .timedOut(let milliseconds):
            "stopped after \(DurationText.text(milliseconds)): a statement that runs for long keeps "
                + "the gateway's write-ahead file from being emptied. Narrow it (WHERE offset > …, "
                + "LIMIT), or allow it more with --timeout"
        case .interrupted:
            "interrupted"
        case .outputClosed:
            "nobody reads the results any more"
        case .outputFailed(let reason):
            "the results can't be written: \(reason)"
        case .cannotFollow(let reason):
            "--follow: \(reason)"
        }
    }
}
