// SPDX-License-Identifier: Apache-2.0
// Goal: `gateway sql` as a person uses it, beside a log that is being written. Method: the program
// itself; for the prompt in a pseudo-terminal that python3 makes.
import Foundation
import GRDB
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) final class SQLCommandTests {
        private let folder: String
        private let log: EventLog

        init() throws {
            folder = NSTemporaryDirectory() + "gateway-sql-\(UUID().uuidString)"
            log = try EventLog(directory: folder)
            try append(1...5)
        }

        deinit {
            try? FileManager.default.removeItem(atPath: folder)
        }

        /// Commits events to `outlier` as a gateway does: rows and the stream's extent together.
        private func append(_ offsets: ClosedRange<Int>) throws {
            try log.pool.write { db in
                for offset in offsets {
                    try db.execute(
                        sql: "INSERT INTO outlier VALUES (?, 1, ?, 'car-1', 'speeding', '{}')",
                        arguments: [offset, WallClock.now().milliseconds]
                    )
                }
                try db.execute(
                    sql: "UPDATE stream SET next_offset = ? WHERE name = 'outlier'",
                    arguments: [offsets.upperBound + 1]
                )
            }
        }

        private func shell(_ command: String) throws -> (code: Int32, output: String) {
            let output = folder + "/output-\(UInt32.random(in: .min ... .max))"
            let environment = [
                "SQL": "\(Repository.gateway) sql --database \(log.path)",
                "XDG_STATE_HOME": folder + "/state", "TERM": "xterm", "LC_ALL": "C.UTF-8",
            ]
            let code = try ChildProcess(
                "/bin/bash",
                ["-c", command],
                output: output,
                environment: environment
            )
            .wait()
            return (code, try String(contentsOfFile: output, encoding: .utf8))
        }

        @Test(
            "exit codes and output are as documented",
            arguments: [
                ("$SQL --csv 'SELECT count(*) AS n FROM outlier'", 0, "n\r\n5\r\n"),
                ("printf '.quit\\nSELECT 1;' | $SQL", 0, ""),
                (
                    "printf 'SELECT 1\\n AS a;SELECT 2 AS b' | $SQL --json", 0,
                    "{\"a\":1}\n{\"b\":2}\n"
                ),
                ("$SQL 'SELEC 1'", 1, "syntax error"), ("$SQL --json --csv", 64, "exclude"),
                ("$SQL --follow 'SELECT 1'", 64, "reads no stream"),
                ("$SQL 'DELETE FROM raw'", 1, "only reads"),
                ("$SQL-not-there 'SELECT 1'", 73, "it is not there"),
                ("timeout -s INT 5 $SQL \"$LOOP\"; test $? = 124", 0, "interrupted"),
                ("$SQL \"$LOOP SELECT x FROM t\" | head -1; echo ${PIPESTATUS[0]}", 0, "0"),
            ]
        )
        func commandEndsAsDocumented(command: String, code: Int32, output: String) throws {
            let loop = "WITH t (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM t)"
            let isWhole = command.contains("head")
            let statement = isWhole ? loop : loop + " SELECT max(x) FROM t"
            let result = try shell("LOOP='\(statement)'\n" + command)
            #expect(result.code == code, "\(result.output)")
            let isRight = output.isEmpty ? result.output.isEmpty : result.output.contains(output)
            #expect(isRight, "\(result.output)")
        }

        @Test func userWhoMayOnlyReadIsServed() throws {
            try #require(getuid() == 0, "this test gives up root's rights")
            let asNobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
            for name in ["", "-wal", "-shm"] {
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o644],
                    ofItemAtPath: log.path + name
                )
            }
            let program = try shell("\(asNobody) test -x \(Repository.gateway)")
            // Where the package lies in root's home, nobody else can start it.
            guard program.code == 0 else { return }
            _ = unsafe chmod(folder, 0o755)
            let served = try shell("\(asNobody) $SQL --csv 'SELECT count(*) FROM outlier'")
            #expect(served.code == 0 && served.output.contains("5"), "\(served.output)")
            // Without a gateway SQLite has to make a file that this user may not make.
            try log.pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try log.pool.close()
            for name in ["-wal", "-shm"]
            where FileManager.default.fileExists(atPath: log.path + name) {
                try FileManager.default.removeItem(atPath: log.path + name)
            }
            let refused = try shell("\(asNobody) $SQL 'SELECT count(*) FROM outlier'")
            #expect(refused.code == 73, "\(refused.output)")
            #expect(refused.output.contains("as the gateway's user"), "\(refused.output)")
        }

        @Test func followedEventsComeSoonOnceAndInOrder() async throws {
            let output = folder + "/followed"
            let follower = try ChildProcess(
                Repository.gateway,
                [
                    "sql", "--database", log.path, "--json", "--follow", "--from", "beginning",
                    "SELECT offset FROM outlier",
                ],
                output: output
            )
            func seen() throws -> [Int] {
                try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
                    .compactMap { line in
                        Int(line.dropFirst(#"{"offset":"#.count).prefix { $0.isNumber })
                    }
            }
            try await until("what was there is shown") { try seen() == Array(1...5) }
            var last = 5
            for _ in 0..<20 {
                let count = Int.random(in: 1...50)
                try append(last + 1...last + count)
                last += count
                try await until("the events are shown") { try seen().last == last }
            }
            #expect(try seen() == Array(1...last))
            #expect(kill(follower.identifier, SIGINT) == 0)
            #expect(follower.wait() == 0)
        }

        @Test("the prompt completes, remembers, and survives Ctrl-C")
        func promptAtATerminal() throws {
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("sql-prompt.py").path
            let result = try shell("python3 \(script) $SQL")
            #expect(result.code == 0, "\(result.output)")
            let history = folder + "/state/fleet-edge-gateway/sql_history"
            let attributes = try FileManager.default.attributesOfItem(atPath: history)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
    }
}
