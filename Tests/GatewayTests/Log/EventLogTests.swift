// SPDX-License-Identifier: Apache-2.0
// Opening: one gateway at a time, and a schema that is there from the first moment.
import Foundation
import Testing

import class GRDB.Row

@testable import Gateway

@Suite struct EventLogTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func open() throws -> EventLog { try EventLog(directory: folder.path) }

    private func pragma(_ name: String, of log: EventLog) throws -> String {
        try log.pool.write { try String.fetchOne($0, sql: "PRAGMA \(name)") } ?? ""
    }

    @Test func secondLogOnTheSameFolderIsRefused() throws {
        let log = try open()
        let error = #expect(throws: LogError.self) { try open() }
        guard case .inUse(let path)? = error else {
            Issue.record("not refused as in use: \(error.map(String.init) ?? "no error")")
            return
        }
        #expect(path.hasPrefix(folder.path))
        #expect(error?.description.contains("in use by another gateway") == true)
        withExtendedLifetime(log) {}
    }

    /// A descriptor that is closed twice is somebody else's by then.
    @Test func refusedLockClosesNothingOfOthers() throws {
        let path = folder.path + "/lock"
        let held = try FileLock(path: path)
        let isOver = StopSignal()
        Thread.detachNewThread {
            for _ in 0..<2_000 {
                #expect(throws: LogError.self) { _ = try FileLock(path: path) }
            }
            isOver.set()
        }
        var opened = 0
        var lost = 0
        while !isOver.isSet {
            let mine = (0..<8).map { _ in unsafe Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }
                .filter { $0 >= 0 }
            opened += mine.count
            lost += mine.count { Glibc.close($0) != 0 }
        }
        #expect(opened > 0)
        #expect(lost == 0)
        _ = consume held
    }

    @Test func folderIsFreeAgainWhenTheLogIsGone() throws {
        do { _ = try open() }
        #expect(throws: Never.self) { try open() }
    }

    @Test func folderIsMadeWhenItIsMissing() throws {
        let log = try EventLog(directory: folder.path + "/a/b")
        #expect(FileManager.default.fileExists(atPath: log.path))
    }

    @Test func folderThatCannotBeMadeIsTold() throws {
        let file = try folder.write("", to: "file")
        let error = #expect(throws: LogError.self) { try EventLog(directory: file + "/log") }
        #expect(error?.description.contains("can't be opened") == true)
    }

    @Test func fileThatIsNoDatabaseIsTold() throws {
        try folder.write(String(repeating: "not a database ", count: 500), to: EventLog.fileName)
        let error = #expect(throws: LogError.self) { try open() }
        #expect(error?.description.contains("can't be opened") == true)
    }

    @Test func logOfANewerGatewayIsLeftAlone() throws {
        do {
            let log = try open()
            try log.pool.write { db in
                try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')")
            }
        }
        let error = #expect(throws: LogError.self) { try open() }
        #expect(error?.description.contains("a newer version of the gateway") == true)
    }

    @Test func emptyFileBecomesALog() throws {
        try folder.write("", to: EventLog.fileName)
        let log = try open()
        let migrations = try log.pool.read {
            try String.fetchAll($0, sql: "SELECT identifier FROM grdb_migrations ORDER BY rowid")
        }
        #expect(migrations.first == "1")
        let streams = try log.pool.read {
            try String.fetchAll(
                $0,
                sql: "SELECT name FROM stream WHERE next_offset = 1 ORDER BY name"
            )
        }
        #expect(streams == StreamName.all.sorted())
    }

    @Test func migrationsRunOnce() throws {
        do {
            let log = try open()
            try log.pool.write {
                try $0.execute(sql: "UPDATE stream SET next_offset = 42 WHERE name = 'raw'")
            }
        }
        let log = try open()
        let next = try log.pool.read {
            try Int.fetchOne($0, sql: "SELECT next_offset FROM stream WHERE name = 'raw'")
        }
        #expect(next == 42)
    }

    @Test func writerIsDurable() throws {
        let log = try open()
        #expect(try pragma("journal_mode", of: log) == "wal")
        // With 1 (NORMAL) a commit in WAL mode is not on disk when it returns.
        #expect(try pragma("synchronous", of: log) == "2")
        #expect(try pragma("wal_autocheckpoint", of: log) == "0")
        #expect(try pragma("secure_delete", of: log) == "0")
    }

    @Test func personCanReadAStreamWithSQL() throws {
        let gateway = try LoggedGateway()
        try gateway.process([#"{"speed":12}"#])
        let row = try gateway.log.pool.read {
            try Row.fetchOne(
                $0,
                sql: """
                    SELECT key, topic, payload ->> '$.speed' AS speed, typeof(payload) AS type FROM raw
                    """
            )
        }
        #expect(row?["key"] as String? == "car")
        #expect(row?["topic"] as String? == "fleet/car/state")
        #expect(row?["speed"] as Int? == 12)
        #expect(row?["type"] as String? == "text")
    }
}
