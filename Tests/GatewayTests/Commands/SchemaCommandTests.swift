// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Testing

@testable import Gateway

@Suite struct SchemaCommandTests {
    @Test(arguments: [
        ["diff", "1"], ["diff", "1", "2", "3"], ["history", "--limit=0"],
        ["history", "--limit=100001"], ["export", "--version=x"],
        ["list", "--config=a", "--database=b"], ["show", "--ranges"], ["histroy"],
    ])
    func wrongArgumentsAreRefused(arguments: [String]) {
        let error = #expect(throws: (any Error).self) {
            try SchemaCommand.parseAsRoot(arguments)
        }
        if let error { #expect(SchemaCommand.exitCode(for: error).rawValue == 64) }
    }

    @Test(arguments: [
        [String](), ["list"], ["--json", "--source=a"], ["diff", "4.1", "4.2@3", "--topic=t"],
        ["history", "--limit=5", "--group", ""], ["export", "--ranges", "--version=2"],
        ["show", "--database=b"],
    ])
    func rightArgumentsAreTaken(arguments: [String]) {
        #expect(throws: Never.self) { try SchemaCommand.parseAsRoot(arguments) }
    }
}
