// SPDX-License-Identifier: Apache-2.0
// Goal: `gateway schema` ends as it is documented. Method: the program itself, on a log with a history.
import Foundation
import GRDB
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) final class SchemaCommandTests {
        private let folder: String
        private let log: EventLog

        init() throws {
            folder = NSTemporaryDirectory() + "gateway-schema-\(UUID().uuidString)"
            log = try EventLog(directory: folder)
            try log.pool.write { db in
                for (id, name) in [(1, "4.1"), (2, "4.2")] {
                    try db.execute(
                        sql: """
                            INSERT INTO schema_group
                                VALUES (\(id), 'vehicles', 'fleet/{vehicle}/state', '\(name)', NULL, 1, 1, 5, 1, 0, 9);
                            INSERT INTO schema_version VALUES (\(id), 1, 0, '00', 1, '{"change":"schema_learned"}');
                            INSERT INTO schema_path VALUES (\(id), 'p\(id)', 'int', 1, NULL, 'p\(id)', 1, 5, 0, 0, 9,
                                5, 'car-1', '5', '6', 5, 6, NULL, NULL, 0, 0, NULL);
                            """
                    )
                }
            }
        }

        deinit {
            try? FileManager.default.removeItem(atPath: folder)
        }

        private func shell(_ command: String) throws -> (code: Int32, output: String) {
            let output = folder + "/output-\(UInt32.random(in: .min ... .max))"
            let code = try ChildProcess(
                "/bin/bash",
                ["-c", command],
                output: output,
                environment: [
                    "SCHEMA": "\(Repository.gateway) schema", "DB": "--database \(log.path)",
                    "TERM": "xterm", "LC_ALL": "C.UTF-8",
                ]
            )
            .wait()
            return (code, try String(contentsOfFile: output, encoding: .utf8))
        }

        @Test(
            "exit codes and output are as documented",
            arguments: [
                ("$SCHEMA $DB", 0, "| learned"), ("$SCHEMA list --json $DB", 0, "{\"groups\":[{"),
                (
                    "$SCHEMA history $DB", 0,
                    "  version 1   1970-01-01T00:00:00.000Z   1 path   learned"
                ),
                ("$SCHEMA show $DB --group 4.1", 0, "| 5 to 6 | 5, 6"),
                ("$SCHEMA export $DB --group 4.1", 0, "\n  \"required\": [\"p1\"],\n"),
                ("$SCHEMA export $DB", 64, "2 groups match; say which with --group:"),
                ("$SCHEMA diff $DB 4.1 4.2", 1, "path_gone    p1"),
                ("$SCHEMA diff $DB 4.1 4.1", 0, "\nequal: 1 path\n"),
                ("$SCHEMA diff $DB 4.1 4.2@7", 64, "has only version 1, and no version 7"),
                ("$SCHEMA diff $DB 4.1", 64, "Missing expected argument"),
                ("$SCHEMA list $DB-not-there", 73, "it is not there"),
                ("$SCHEMA history $DB | head -1; echo ${PIPESTATUS[0]}", 0, "\n0\n"),
            ]
        )
        func commandEndsAsDocumented(command: String, code: Int32, output: String) throws {
            let result = try shell(command)
            #expect(result.code == code, "\(result.output)")
            #expect(result.output.contains(output), "\(result.output)")
        }
    }
}
