// SPDX-License-Identifier: Apache-2.0
import Foundation

import class GRDB.DatabasePool

@testable import Gateway

/// A log that is written by a `LogWriter`, and queries on it whose output goes to a file.
final class QueryRig {
    let gateway: LoggedGateway
    private let folder: TemporaryFolder
    private let file: FileHandle

    init(_ configuration: Configuration? = nil, rules: String = "groups: []") throws {
        gateway = try LoggedGateway(configuration, rules: rules)
        folder = try TemporaryFolder()
        let path = try folder.write("", to: "out")
        file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    }

    var path: String { gateway.log.path }

    func output(_ budget: QueryBudget) -> ResultOutput {
        ResultOutput(descriptor: file.fileDescriptor, budget: budget)
    }

    /// What was written since the last call.
    func written() throws -> String {
        try file.seek(toOffset: 0)
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        try file.truncate(atOffset: 0)
        return text
    }

    func runner(
        _ format: ResultFormat = .csv,
        milliseconds: Int64 = 30_000
    ) throws -> QueryRunner {
        let budget = QueryBudget(milliseconds: milliseconds)
        return QueryRunner(
            database: try ReadOnlyDatabase(path: path, budget: budget),
            output: output(budget),
            format: format
        )
    }

    /// What statements write.
    func result(_ sql: String, _ format: ResultFormat = .csv) throws -> String {
        try runner(format).run(sql)
        return try written()
    }

    func follow(
        _ sql: String,
        fromBeginning: Bool = false,
        report: @escaping (String) -> Void = { _ in }
    ) throws -> Follow {
        let budget = QueryBudget(milliseconds: 30_000)
        return try Follow(
            sql,
            path: path,
            fromBeginning: fromBeginning,
            format: .csv,
            output: output(budget),
            budget: budget,
            report: report
        )
    }

    /// Runs SQL as somebody who may write.
    func write(_ sql: String) throws {
        try gateway.log.pool.write { try $0.execute(sql: sql) }
    }
}
