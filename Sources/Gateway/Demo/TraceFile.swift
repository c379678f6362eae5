// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One line of a trace: `{"topic": …, "ts": arrival in Unix ms, "payload": …}`, the payload last.
struct TraceLine {
    let topic: String
    let time: Timestamp
    let payload: [UInt8]
}

/// Reads recorded messages, one JSON object a line; a name that ends in .gz is unpacked.
final class TraceFile {
    private let path: String
    private let input: FileHandle
    private let unpacker: Process?
    private let parser = JSONParser(depthMax: 1_000)
    private var buffer: [UInt8] = []
    private var position = 0
    private(set) var lineNumber = 0

    init(path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
            !isFolder.boolValue, FileManager.default.isReadableFile(atPath: path)
        else {
            let reason = isFolder.boolValue ? "is a folder" : "is not there or can't be read"
            throw DepotError(description: "the trace file \(path) \(reason)")
        }
        guard path.hasSuffix(".gz") else {
            unpacker = nil
            input = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            return
        }
        let unpacker = Process()
        let pipe = Pipe()
        unpacker.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        unpacker.arguments = ["gzip", "-dc", path]
        unpacker.standardOutput = pipe
        try ChildProcess.start(unpacker)
        self.unpacker = unpacker
        input = pipe.fileHandleForReading
    }

    deinit {
        if let unpacker, unpacker.isRunning { unpacker.terminate() }
        try? input.close()
    }

    /// The next message; `nil` at the end.
    func next() throws -> TraceLine? {
        while let line = try nextLine() {
            lineNumber += 1
            guard !line.isEmpty else { continue }
            return try parse(line)
        }
        unpacker?.waitUntilExit()
        guard unpacker?.terminationStatus ?? 0 == 0 else {
            throw DepotError(
                description:
                    "the trace file \(path) is damaged: gzip stops after line \(lineNumber)"
            )
        }
        guard lineNumber > 0 else {
            throw DepotError(description: "the trace file \(path) is empty")
        }
        return nil
    }

    private func parse(_ line: [UInt8]) throws -> TraceLine {
        func wrong(_ what: String) -> DepotError {
            DepotError(description: "line \(lineNumber) of the trace \(what)")
        }
        let text = String(decoding: line, as: UTF8.self)
        guard let marker = text.firstRange(of: #""payload":"#), let end = text.lastIndex(of: "}")
        else { throw wrong(#"has no "payload""#) }
        let head = text[..<marker.lowerBound] + #""payload":0}"#
        guard let document = try? parser.parse(String(head)) else { throw wrong("is not JSON") }
        var topic: String?
        var time: Int64?
        for leaf in document.leaves(of: 0) {
            switch (parser.path(element: 0, leaf: leaf), document.value(at: leaf)) {
            case ("topic", .text(let text)?): topic = text
            case ("ts", .int(let number)?): time = number
            case ("ts", .double(let number)?): time = Int64(exactly: number.rounded())
            default: break
            }
        }
        guard let topic, let time else { throw wrong(#"has no "topic" or no "ts""#) }
        let payload = text[marker.upperBound..<end].trimmingPrefix(while: \.isWhitespace)
        return TraceLine(
            topic: topic,
            time: Timestamp(milliseconds: time),
            payload: Array(payload.utf8)
        )
    }

    private func nextLine() throws -> [UInt8]? {
        while true {
            if let end = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                return Array(buffer[position..<end])
            }
            let rest = Array(buffer[position...])
            guard let more = try input.read(upToCount: 1 << 20), !more.isEmpty else {
                buffer = []
                position = 0
                return rest.isEmpty ? nil : rest
            }
            buffer = rest + more
            position = 0
        }
    }
}
