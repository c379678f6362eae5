// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Dead letters on their way out of the log, to be mended and published again.
enum DeadLetterExport {
    /// The event as it stands in the log, with its offset before it.
    static func line(_ letter: StoredDeadLetter) -> [UInt8] {
        var json = JSONWriter()
        json.raw("{")
        json.member("offset")
        json.int(letter.offset)
        json.member("vehicle")
        json.string(letter.vehicle)
        if let time = letter.replayedAt {
            json.member("replayed")
            json.string(time.iso8601)
        }
        // What is there begins with its own brace, and is never empty.
        json.raw(",")
        json.raw(Array(letter.json.dropFirst()))
        return json.bytes
    }

    /// Files of payloads in a folder, and a list of their topics.
    final class Folder {
        static let listName = "index.jsonl"

        private let path: String
        private let list: FileHandle

        /// Makes the folder, which must not hold an export already.
        init(path: String) throws {
            self.path = path
            let manager = FileManager.default
            // Payloads may tell where people drive.
            try manager.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
            let listPath = "\(path)/\(Self.listName)"
            guard !manager.fileExists(atPath: listPath),
                manager.createFile(atPath: listPath, contents: nil),
                let list = FileHandle(forWritingAtPath: listPath)
            else { throw CocoaError(.fileWriteFileExists) }
            self.list = list
        }

        /// Writes `OFFSET.payload` and its line of the list; a gap has no payload.
        func write(_ letter: StoredDeadLetter) throws {
            guard let payload = letter.payload else { return }
            let name = "\(letter.offset).payload"
            try Data(payload).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            var json = JSONWriter()
            json.raw("{")
            for (member, text) in [
                ("file", name), ("topic", letter.topic), ("source", letter.source),
                ("vehicle", letter.vehicle), ("time", letter.arrival.iso8601),
                ("reason", letter.reason),
            ] {
                json.member(member)
                json.string(text)
            }
            json.raw("}\n")
            try list.write(contentsOf: Data(json.bytes))
        }
    }
}
