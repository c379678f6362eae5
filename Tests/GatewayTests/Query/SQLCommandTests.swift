// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Testing

@testable import Gateway

@Suite struct SQLCommandTests {
    @Test(arguments: [
        ["--json", "--csv"], ["--follow"], ["--from=now", "SELECT 1"], ["--timeout=0", "SELECT 1"],
        ["--timeout=2d"], ["--timeout=soon"], ["--config=a", "--database=b"],
        ["--follow", "--from=yesterday", "SELECT 1"], ["SELECT 1", "SELECT 2"],
    ])
    func wrongArgumentsAreRefused(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try SQLCommand.parse(arguments) }
        if let error { #expect(SQLCommand.exitCode(for: error).rawValue == 64) }
    }

    @Test(arguments: [
        [String](), ["--database=b"], ["--timeout=5m", "SELECT 1"],
        ["--follow", "--from=beginning", "--json", "SELECT * FROM raw"],
    ])
    func rightArgumentsAreTaken(arguments: [String]) {
        #expect(throws: Never.self) { try SQLCommand.parse(arguments) }
    }

    @Test func historyIsKeptWhereXDGSays() throws {
        let folder = try TemporaryFolder()
        #expect(
            QueryHistory.file(environment: ["XDG_STATE_HOME": folder.path, "HOME": "/nowhere"])
                == folder.path + "/fleet-edge-gateway/sql_history"
        )
        #expect(
            QueryHistory.file(environment: ["HOME": folder.path])
                == folder.path + "/.local/state/fleet-edge-gateway/sql_history"
        )
        #expect(QueryHistory.file(environment: [:]) == nil)
    }
}
