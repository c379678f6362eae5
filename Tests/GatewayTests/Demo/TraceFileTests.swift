// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Gateway

@Suite struct TraceFileTests {
    private let folder: TemporaryFolder

    /// Two messages, of the vehicles `a` and `b`, packed by gzip.
    private static let archive = """
        H4sIAAAAAAACA6tWKskvyExWslJKy0lNLdFP1C8uSSxJVdJRKilWsjLUUSpIrMzJT0xRsqpWygMK1NZyVaNpSULR\
        YoSuxQioBQCeFynzZgAAAA==
        """

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ data: Data, to name: String) throws -> String {
        let path = "\(folder.path)/\(name)"
        try data.write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func folderIsNoTrace() {
        let error = #expect(throws: DepotError.self) { try TraceFile(path: folder.path) }
        #expect(error?.description == "the trace file \(folder.path) is a folder")
    }

    @Test func fileThatIsNotThereIsTold() {
        let path = "\(folder.path)/absent.jsonl"
        let error = #expect(throws: DepotError.self) { try TraceFile(path: path) }
        #expect(error?.description == "the trace file \(path) is not there or can't be read")
    }

    @Test func emptyFileIsTold() throws {
        let path = try folder.write("", to: "empty.jsonl")
        let file = try TraceFile(path: path)
        let error = #expect(throws: DepotError.self) { try file.next() }
        #expect(error?.description == "the trace file \(path) is empty")
    }

    @Test func archiveIsReadToItsEnd() throws {
        let data = try #require(Data(base64Encoded: Self.archive))
        let file = try TraceFile(path: write(data, to: "whole.gz"))
        #expect(try file.next()?.topic == "fleet/a/state")
        #expect(try file.next()?.topic == "fleet/b/state")
        #expect(try file.next()?.topic == nil)
    }

    @Test func damagedArchiveIsToldAfterItsLastLine() throws {
        var data = try #require(Data(base64Encoded: Self.archive))
        // The check sum is the first half of the last eight bytes (RFC 1952, section 2.3.1).
        data[data.count - 8] ^= 0xFF
        let path = try write(data, to: "damaged.gz")
        let file = try TraceFile(path: path)
        #expect(try file.next()?.topic == "fleet/a/state")
        #expect(try file.next()?.topic == "fleet/b/state")
        let error = #expect(throws: DepotError.self) { try file.next() }
        #expect(
            error?.description == "the trace file \(path) is damaged: gzip stops after line 2"
        )
    }

    @Test func fileThatOnlyHasTheNameOfAnArchiveIsTold() throws {
        let path = try folder.write("{}\n", to: "text.gz")
        let file = try TraceFile(path: path)
        let error = #expect(throws: DepotError.self) { try file.next() }
        #expect(
            error?.description == "the trace file \(path) is damaged: gzip stops after line 0"
        )
    }
}
