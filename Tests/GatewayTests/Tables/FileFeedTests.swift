// SPDX-License-Identifier: Apache-2.0
// Goal: a table follows its file, whatever happens to it. Method: the loop on a thread, a real folder,
// and a test in the intake's place.
import Foundation
import Logging
import Synchronization
import Testing

@testable import Gateway

@Suite struct FileFeedTests {
    /// A text that two threads share.
    private final class Text: Sendable {
        private let text = Mutex("")
        var value: String { text.withLock { $0 } }
        func append(_ more: String) { text.withLock { $0 += more } }
    }

    /// A feed that runs, and what it reads.
    private final class Rig {
        let folder: TemporaryFolder
        let reader = FeedReader()
        let health = Health(sources: [], sinks: [], tables: ["car"])
        let mark = Text()
        private let stop = StopSignal()
        private let log = Text()

        init() throws { folder = try TemporaryFolder() }

        deinit { stop.set() }

        var path: String { folder.path + "/car.csv" }
        var state: PartState? { health.report().tables["car"] }
        var logText: String { log.value }

        var reason: String {
            if case .down(let reason)? = state { reason } else { "" }
        }

        func start(_ format: FileFeedConfiguration.Format = .csv) {
            let file = FileFeedConfiguration(path: path, format: format)
            let table = TableConfiguration(
                name: "car",
                key: ["id"],
                format: .rows(RowsFormatConfiguration()),
                feed: .file(file)
            )
            let logger = Logger(label: "feed") { [log] label in
                LineLogHandler(
                    format: .text,
                    label: label,
                    level: .info,
                    write: { log.append($0) },
                    now: { WallClock.now() }
                )
            }
            Thread { [box = reader.box, mark, stop, health] in
                FileFeedLoop(
                    table: table,
                    file: file,
                    box: box,
                    mark: { mark.value },
                    stop: stop,
                    health: health,
                    logger: logger
                )
                .run()
            }
            .start()
        }

        /// Writes the file as something that was complete long ago.
        func write(_ text: String, seconds: Double = -60) throws {
            try folder.write(text, to: "new")
            try FileManager.default.setAttributes(
                [.modificationDate: Date().addingTimeInterval(seconds)],
                ofItemAtPath: folder.path + "/new"
            )
            #expect(unsafe rename(folder.path + "/new", path) == 0)
        }

        func wait(_ what: String, _ condition: () -> Bool) async throws {
            let deadline = Date().addingTimeInterval(20)
            while !condition() {
                try #require(Date() < deadline, "waited in vain until \(what): \(reader.payloads)")
                try await Task.sleep(for: .milliseconds(10))
                reader.take()
            }
        }

        func waitForLoad() async throws {
            try await wait("the load ends") { reader.places.last?.kind == .loadEnds }
        }
    }

    private let rig: Rig

    init() throws { rig = try Rig() }

    @Test func fileIsHandedOverAsOneLoad() async throws {
        try rig.write("id,name\n1,Ada\n2\n3,\n")
        rig.start()
        try await rig.waitForLoad()
        #expect(
            rig.reader.places.map(\.kind) == [
                .loadBegins, .change, .change, .change, .loadEnds,
            ]
        )
        #expect(
            rig.reader.payloads == [
                "", #"{"id":"1","name":"Ada"}"#, "2", #"{"id":"3","name":null}"#, "",
            ]
        )
        #expect(rig.reader.places[2].failure == "line 3 has 1 field, the header has 2")
        let version = try #require(try FileVersion(path: rig.path))
        #expect(rig.reader.places[0].time == version.time)
        #expect(rig.reader.places[4].mark == version.mark)
        try await rig.wait("the table is up") { rig.state == .up }
    }

    @Test func linesOfJSONAreHandedOverAsTheyAre() async throws {
        try rig.write("{\"id\":1}\n{\"id\":2}\n")
        rig.start(.jsonl)
        try await rig.waitForLoad()
        #expect(rig.reader.payloads == ["", #"{"id":1}"#, #"{"id":2}"#, ""])
    }

    @Test func versionThatTheLogHasIsNotReadAgain() async throws {
        try rig.write("id\n1\n")
        rig.mark.append((try? FileVersion(path: rig.path))?.mark ?? "")
        rig.start()
        try await rig.wait("the table is up") { rig.state == .up }
        #expect(rig.reader.places.isEmpty)
        try rig.write("id\n2\n", seconds: -30)
        try await rig.waitForLoad()
        #expect(rig.reader.payloads == ["", #"{"id":"2"}"#, ""])
    }

    @Test func versionThatTheLogHasAsRefusedIsDownAndNotReadAgain() async throws {
        try rig.write("id\n1\n")
        let version = try #require(try FileVersion(path: rig.path))
        rig.mark.append(FileVersion.refused(version.mark))
        rig.start()
        try await rig.wait("the refusal is told") {
            rig.reason.hasPrefix("no row of the file could be taken")
        }
        #expect(rig.reader.places.isEmpty)
        try rig.write("id\n2\n", seconds: -30)
        try await rig.waitForLoad()
        try await rig.wait("the table is up") { rig.state == .up }
    }

    @Test func fileThatIsReplacedIsReadAgain() async throws {
        try rig.write("id\n1\n")
        rig.start()
        try await rig.waitForLoad()
        rig.reader.forget()
        try rig.write("id\n2\n", seconds: -30)
        try await rig.waitForLoad()
        #expect(rig.reader.payloads == ["", #"{"id":"2"}"#, ""])
    }

    @Test func linkIsFollowed() async throws {
        try rig.folder.write("id\n1\n", to: "one.csv")
        try rig.folder.write("id\n2\n", to: "two.csv")
        let files = FileManager.default
        try files.createSymbolicLink(atPath: rig.path, withDestinationPath: "one.csv")
        rig.start()
        try await rig.waitForLoad()
        rig.reader.forget()
        try files.createSymbolicLink(
            atPath: rig.folder.path + "/next",
            withDestinationPath: "two.csv"
        )
        #expect(unsafe rename(rig.folder.path + "/next", rig.path) == 0)
        try await rig.waitForLoad()
        #expect(rig.reader.payloads == ["", #"{"id":"2"}"#, ""])
    }

    @Test func missingFileIsWaitedForAndSaidOnce() async throws {
        rig.start()
        try await rig.wait("it is missed") { rig.reason.hasSuffix("does not exist") }
        try rig.write("id\n1\n")
        try await rig.waitForLoad()
        try await rig.wait("the table is up") { rig.state == .up }
        #expect(rig.logText.components(separatedBy: "table feed down").count == 2)
    }

    @Test(arguments: [
        ("", "is empty; the table stays as it is"),
        ("id,id\n1,2\n", "the header names column \"id\" twice"),
        (",\n1,2\n", "column 1 has no name in the header"),
    ])
    func fileThatIsNoTableChangesNothing(text: String, reason: String) async throws {
        try rig.write(text)
        rig.start()
        try await rig.wait("it is refused") { rig.reason.contains(reason) }
        #expect(rig.reader.places.isEmpty)
        try rig.write("id\n1\n", seconds: -30)
        try await rig.waitForLoad()
        try await rig.wait("the table is up") { rig.state == .up }
    }

    @Test func commitThatFailedLeadsToAnotherLoad() async throws {
        try rig.write("id\n1\n")
        rig.start()
        try await rig.waitForLoad()
        rig.reader.forget()
        rig.reader.box.beginAgain()
        try await rig.waitForLoad()
        #expect(rig.reader.payloads == ["", #"{"id":"1"}"#, ""])
    }

    @Test func fileThatChangesWhileItIsReadIsReadFromItsBeginning() async throws {
        // More than the box takes, so that the loop waits in the middle of the file.
        let padding = String(repeating: "x", count: 1_000)
        var text = "id,name\n"
        for number in 0..<20_000 { text += "\(number),\(padding)\n" }
        try rig.write(text)
        rig.start()
        let box = rig.reader.box
        let deadline = Date().addingTimeInterval(20)
        while !box.hasRecords, Date() < deadline { try await Task.sleep(for: .milliseconds(5)) }
        let handle = try #require(FileHandle(forWritingAtPath: rig.path))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data("id,name\n7,Ada\n".utf8))
        try handle.close()
        try await rig.waitForLoad()
        let kinds = rig.reader.places.map(\.kind)
        #expect(kinds.count { $0 == .loadBegins } == 2)
        #expect(kinds.count { $0 == .loadEnds } == 1)
        #expect(rig.reader.payloads.suffix(3) == ["", #"{"id":"7","name":"Ada"}"#, ""])
    }
}
